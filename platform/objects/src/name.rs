//! Object name (content address): the hash of its content and its kind. Parsing one is the gate against tricks with paths.

use std::fmt;
use std::str::FromStr;

use crate::MediaKind;

/// `<64 hex digits>.<extension>`: nothing else is a name, so a name never leaves its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    hash: [u8; 32],
    kind: MediaKind,
}

impl ObjectName {
    /// The name of this content (BLAKE3).
    pub fn new(content: &[u8], kind: MediaKind) -> Self {
        Self { hash: *blake3::hash(content).as_bytes(), kind }
    }

    /// What it is.
    pub const fn kind(&self) -> MediaKind {
        self.kind
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, ".{}", self.kind.extension())
    }
}

/// The text is no name of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an object")]
pub struct InvalidName;

impl FromStr for ObjectName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let (digits, extension) = text.split_once('.').ok_or(InvalidName)?;
        let kind = MediaKind::ALL.into_iter().find(|kind| kind.extension() == extension).ok_or(InvalidName)?;
        let lower = digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !lower {
            return Err(InvalidName);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
            let digit = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()).ok_or(InvalidName);
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self { hash, kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_parses() {
        let name = ObjectName::new(b"x", MediaKind::Webp);
        assert_eq!(name.to_string().parse(), Ok(name));
        assert_eq!(name.to_string().len(), 64 + ".webp".len());
    }

    #[test]
    fn nothing_else_is_a_name() {
        let good = "a".repeat(64);
        let upper = format!("{}.png", "A".repeat(64));
        for bad in [
            "",
            ".png",
            "../../etc/passwd",
            "..%2f..%2fetc/passwd.png",
            &format!("{good}.html"),
            &format!("{good}.png/x"),
            &format!("../{good}.png"),
            &format!("{good}.png\0"),
            &format!("{}.png", &good[1..]),
            &format!("{}é.png", &good[2..]),
            &upper,
        ] {
            assert_eq!(bad.parse::<ObjectName>(), Err(InvalidName), "{bad:?}");
        }
    }
}
