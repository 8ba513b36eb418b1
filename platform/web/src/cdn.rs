//! URLs of pictures and assets: relative to the shop, or absolute at the CDN that stands before it. What is stored and what
//! services tell each other is always relative, so that another CDN is only another setting.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;

/// What the CDN answers: immutable pictures and assets, and nothing that a cookie could change.
const SERVED: [&str; 2] = ["/media/", "/assets/"];

/// The CDN, or none. As an extractor it is what the process put into the request's extensions. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Cdn(Option<Arc<str>>);

impl Cdn {
    /// The one at `origin`, `https://cdn.example`.
    pub fn at(origin: &str) -> Self {
        Self(Some(origin.trim_end_matches('/').into()))
    }

    /// Its address without a slash at its end.
    pub fn origin(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The address under which browsers get `url`, which begins with `/media/` or `/assets/`; others stay as they are.
    pub fn url(&self, url: &str) -> String {
        match &self.0 {
            Some(origin) if SERVED.iter().any(|folder| url.starts_with(folder)) => format!("{origin}{url}"),
            _ => url.to_owned(),
        }
    }

    /// The same in place.
    pub fn place(&self, url: &mut String) {
        if self.0.is_some() {
            *url = self.url(url);
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Cdn {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_assets_are_at_the_cdn_and_nothing_else() {
        let cdn = Cdn::at("https://cdn.example/");
        assert_eq!(cdn.url("/media/a.png"), "https://cdn.example/media/a.png");
        assert_eq!(cdn.url("/assets/a.css"), "https://cdn.example/assets/a.css");
        for other in ["", "/cart", "//evil.example/media/", "https://cdn.example/media/a.png"] {
            assert_eq!(cdn.url(other), other);
        }
        assert_eq!(Cdn::default().url("/media/a.png"), "/media/a.png");
    }
}
