//! Web links between pages of a list (RFC 8288): `rel="next"` and `rel="first"`.

use http::{HeaderValue, Uri};

/// The `Link` header of a page at `uri`; `next` is what the following page has in place of its parameter `name`.
pub fn page_links(uri: &Uri, name: &str, next: Option<&str>) -> Option<HeaderValue> {
    let path = uri.path();
    let others: Vec<&str> = uri.query().unwrap_or_default().split('&').filter(|p| !p.is_empty()).collect();
    let others: Vec<&str> = others.into_iter().filter(|p| p.split('=').next() != Some(name)).collect();
    let others = others.join("&");
    let first = if others.is_empty() { path.to_owned() } else { format!("{path}?{others}") };
    let mut links = format!("<{first}>; rel=\"first\"");
    if let Some(next) = next {
        let between = if others.is_empty() { "?" } else { "&" };
        links = format!("<{first}{between}{name}={next}>; rel=\"next\", {links}");
    }
    HeaderValue::try_from(links).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_leads_to_the_next_and_to_the_first() {
        let links = |uri: &str, next| page_links(&uri.parse().unwrap(), "cursor", next).unwrap();
        assert_eq!(links("/a", None), "</a>; rel=\"first\"");
        assert_eq!(links("/a", Some("x")), "</a?cursor=x>; rel=\"next\", </a>; rel=\"first\"");
        let middle = links("/a?limit=2&cursor=w&sort=title", Some("x"));
        assert_eq!(middle, "</a?limit=2&sort=title&cursor=x>; rel=\"next\", </a?limit=2&sort=title>; rel=\"first\"");
    }
}
