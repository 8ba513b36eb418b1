//! Text of strangers made harmless: plain text out of HTML, white space, slugs, labels. Pure and deterministic.

/// True for an absolute `http` or `https` address without spaces or control characters.
pub fn is_web_url(url: &str) -> bool {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    host.is_some_and(|h| !h.is_empty() && !h.starts_with('/'))
        && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}
