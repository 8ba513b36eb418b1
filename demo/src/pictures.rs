//! Picture URLs of the demo: each names a motif and a seed, and is drawn instead of fetched.

/// Where the demo's pictures pretend to lie; `.invalid` resolves nowhere (RFC 2606), so nothing is ever fetched from it.
const HOME: &str = "https://demo.souk.invalid/art/";

/// The address a picture has in the catalogue.
pub(crate) fn address(motif: &str, seed: u64) -> String {
    format!("{HOME}{motif}/{seed}.svg")
}

/// The picture at an address of the demo catalogue, or `None` for any other address.
pub fn picture_at(address: &str) -> Option<String> {
    let (motif, file) = address.strip_prefix(HOME)?.split_once('/')?;
    Some(souk_art::art(motif, file.strip_suffix(".svg")?.parse().ok()?))
}
