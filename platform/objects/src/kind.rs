//! Media types of the pictures a shop shows. What is not on this list is neither kept nor served.

/// A kind of picture, recognised by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    Webp,
    /// AV1 image.
    Avif,
    /// GIF.
    Gif,
    /// Scalable vector graphics; may hold scripts, so it is served in a sandbox.
    Svg,
}

/// Bytes in which the opening of an SVG document is looked for: room for a declaration and a comment.
const SVG_OPENING: usize = 1024;

impl MediaKind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Png, Self::Jpeg, Self::Webp, Self::Avif, Self::Gif, Self::Svg];

    /// What the content is, whatever it is called.
    pub fn of(content: &[u8]) -> Option<Self> {
        match content {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', b'f' | b's', ..] => Some(Self::Avif),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ => is_svg(content).then_some(Self::Svg),
        }
    }

    /// The end of its name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
            Self::Avif => "avif",
            Self::Gif => "gif",
            Self::Svg => "svg",
        }
    }

    /// Its media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
            Self::Gif => "image/gif",
            Self::Svg => "image/svg+xml",
        }
    }
}

/// The first element is `svg`: what stands before it is a declaration, a document type, or comments.
fn is_svg(content: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(content) else { return false };
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    let looked_at = |rest: &str| text.len() - rest.len() < SVG_OPENING;
    while looked_at(rest) {
        let (opening, closing) = match rest {
            _ if rest.starts_with("<!--") => ("<!--", "-->"),
            _ if rest.starts_with("<?") => ("<?", "?>"),
            _ if rest.starts_with("<!") => ("<!", ">"),
            _ => break,
        };
        let Some((_, after)) = rest[opening.len()..].split_once(closing) else { return false };
        rest = after.trim_start();
    }
    rest.strip_prefix("<svg").is_some_and(|after| after.starts_with([' ', '>', '\n', '\r', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        assert_eq!(MediaKind::of(b"\x89PNG\r\n\x1a\nrest"), Some(MediaKind::Png));
        assert_eq!(MediaKind::of(b"RIFF\0\0\0\0WEBPVP8 "), Some(MediaKind::Webp));
        assert_eq!(MediaKind::of(b"\0\0\0\x20ftypavif"), Some(MediaKind::Avif));
        assert_eq!(MediaKind::of(b"<svg xmlns='x'/>"), Some(MediaKind::Svg));
        let declared = "<?xml version=\"1.0\"?>\n<!-- <html> -->\n<!DOCTYPE svg>\n<svg>";
        assert_eq!(MediaKind::of(declared.as_bytes()), Some(MediaKind::Svg));
        for other in ["", "<html><svg ", "<svgx>", "plain", "<!-- unclosed <svg>", "%PDF-1.7", "GIF88a"] {
            assert_eq!(MediaKind::of(other.as_bytes()), None, "{other}");
        }
    }
}
