//! Object name (content address): the hash of its content and its kind. Parsing one is the gate against tricks with paths.

use std::fmt;
use std::str::FromStr;

use crate::MediaKind;

/// `<64 hex digits>.<extension>`, or with a size before the dot for what is made of the content with that hash: nothing else
/// is a name, so a name never leaves its directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    hash: [u8; 32],
    size: PictureSize,
    kind: MediaKind,
}

/// Which picture that is made of a content a name means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PictureSize {
    /// The content itself: no size in the name.
    #[default]
    Original,
    /// The largest one, `-1280x960`: its name says how large, so that pages can leave room for it.
    Full {
        /// Pixels.
        width: u16,
        /// Pixels.
        height: u16,
    },
    /// A smaller one of the same proportions, `-320`.
    Width(u16),
}

impl ObjectName {
    /// The name of this content (BLAKE3).
    pub fn new(content: &[u8], kind: MediaKind) -> Self {
        Self { hash: *blake3::hash(content).as_bytes(), size: PictureSize::Original, kind }
    }

    /// The name of a picture made of the content with this hash.
    pub const fn of_picture(hash: [u8; 32], size: PictureSize, kind: MediaKind) -> Self {
        Self { hash, size, kind }
    }

    /// What it is.
    pub const fn kind(&self) -> MediaKind {
        self.kind
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.hash.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        match self.size {
            PictureSize::Original => {}
            PictureSize::Full { width, height } => write!(f, "-{width}x{height}")?,
            PictureSize::Width(width) => write!(f, "-{width}")?,
        }
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
        let (stem, extension) = text.split_once('.').ok_or(InvalidName)?;
        let (digits, size) = match stem.split_once('-') {
            Some((digits, size)) => (digits, size.parse()?),
            None => (stem, PictureSize::Original),
        };
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
        Ok(Self { hash, size, kind })
    }
}

impl FromStr for PictureSize {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        // One spelling for each number, so that a picture has one name.
        let pixels = |digits: &str| match digits.as_bytes() {
            [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => digits.parse().map_err(|_| InvalidName),
            _ => Err(InvalidName),
        };
        match text.split_once('x') {
            Some((width, height)) => Ok(Self::Full { width: pixels(width)?, height: pixels(height)? }),
            None => Ok(Self::Width(pixels(text)?)),
        }
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
        for (size, ending) in
            [(PictureSize::Full { width: 1280, height: 960 }, "-1280x960.jpg"), (PictureSize::Width(320), "-320.jpg")]
        {
            let name = ObjectName::of_picture([7; 32], size, MediaKind::Jpeg);
            assert_eq!(name.to_string(), format!("{}{ending}", "07".repeat(32)));
            assert_eq!(name.to_string().parse(), Ok(name));
        }
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
            &format!("{good}-.png"),
            &format!("{good}-0.png"),
            &format!("{good}-007.png"),
            &format!("{good}-+7.png"),
            &format!("{good}-70000.png"),
            &format!("{good}-10x.png"),
            &format!("{good}-10x10x10.png"),
            &format!("{good}-10-10.png"),
            &format!("{good}-../x.png"),
        ] {
            assert_eq!(bad.parse::<ObjectName>(), Err(InvalidName), "{bad:?}");
        }
    }
}
