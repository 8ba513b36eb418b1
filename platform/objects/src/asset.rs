//! Asset name in the storefront: `souk.0123456789.css`, with the beginning of its content's hash. Parsing one is the gate
//! against tricks with paths.

use std::fmt;
use std::str::FromStr;

use crate::InvalidName;

/// Characters of a name; the storefront's own are below 40.
const MAX_NAME: usize = 80;
/// Hexadecimal digits of the hash in a name: 40 bits tell the releases of one file apart.
pub(crate) const HASH_DIGITS: usize = 10;

/// What an asset is, by the end of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AssetKind {
    /// Styles.
    Css,
    /// A module.
    Mjs,
    /// A drawing.
    Svg,
}

impl AssetKind {
    const ALL: [Self; 3] = [Self::Css, Self::Mjs, Self::Svg];

    /// The end of its name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Css => "css",
            Self::Mjs => "mjs",
            Self::Svg => "svg",
        }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Css => "text/css; charset=utf-8",
            Self::Mjs => "text/javascript; charset=utf-8",
            Self::Svg => "image/svg+xml",
        }
    }
}

/// `<stem>.<10 hex digits>.<extension>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssetName {
    text: String,
    kind: AssetKind,
}

impl AssetName {
    /// The name of this content (BLAKE3). `stem` is `souk` in `souk.0123456789.css`.
    ///
    /// # Errors
    /// Only small letters, digits and dashes make a stem.
    pub fn new(stem: &str, content: &[u8], kind: AssetKind) -> Result<Self, InvalidName> {
        let hash = blake3::hash(content).to_hex();
        format!("{stem}.{}.{}", &hash[..HASH_DIGITS], kind.extension()).parse()
    }

    /// What it is.
    pub const fn kind(&self) -> AssetKind {
        self.kind
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for AssetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for AssetName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let mut parts = text.split('.');
        let (Some(stem), Some(hash), Some(extension), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidName);
        };
        let kind = AssetKind::ALL.into_iter().find(|kind| kind.extension() == extension).ok_or(InvalidName)?;
        let stem = !stem.is_empty() && stem.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let hash = hash.len() == HASH_DIGITS && hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match stem && hash && text.len() <= MAX_NAME {
            true => Ok(Self { text: text.into(), kind }),
            false => Err(InvalidName),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses_and_changes_with_the_content() {
        let name = AssetName::new("souk", b"body{}", AssetKind::Css).unwrap();
        assert_eq!(name.to_string().parse(), Ok(name.clone()));
        assert_ne!(AssetName::new("souk", b"body", AssetKind::Css), Ok(name));
        let long = format!("{}.0123456789.css", "a".repeat(MAX_NAME));
        for bad in
            ["", "souk.css", "souk.0123456789.html", "../souk.0123456789.css", "souk.012345678g.css", "a.b.c.d", &long]
        {
            assert_eq!(bad.parse::<AssetName>(), Err(InvalidName), "{bad}");
        }
    }
}
