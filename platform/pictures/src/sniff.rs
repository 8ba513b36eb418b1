//! Content sniffing: what some bytes are, by the bytes alone. Names and media types from elsewhere are wrong too often.

use crate::PictureError;

/// Formats that are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Jpeg,
    Png,
    Webp,
    Gif,
}

/// Bytes at the beginning in which text is recognised.
const TEXT: usize = 1024;

/// Formats of pictures that are not taken, by how they begin.
const UNSUPPORTED: [(&[u8], &str); 12] = [
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"\0\0\x01\0", "ICO"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"%PDF", "PDF"),
    (b"8BPS", "PSD"),
    (b"%!PS", "PostScript"),
];

/// What the content is, by its first bytes.
pub(crate) fn sniff(content: &[u8]) -> Result<Kind, PictureError> {
    match content {
        [0xff, 0xd8, 0xff, ..] => return Ok(Kind::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => return Ok(Kind::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => return Ok(Kind::Gif),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => return Ok(Kind::Webp),
        [] => return Err(PictureError::NotAPicture("an empty file")),
        _ => {}
    }
    if let Some((_, name)) = UNSUPPORTED.iter().find(|(magic, _)| content.starts_with(magic)) {
        return Err(PictureError::Unsupported(name));
    }
    if content.get(4..8) == Some(b"ftyp") {
        return Err(media_container(content));
    }
    Err(other(content))
}

/// The family of MP4 (ISO/IEC 14496-12): pictures of telephones, films.
fn media_container(content: &[u8]) -> PictureError {
    let brands = &content[8..content.len().min(64)];
    let has = |wanted: &[&[u8; 4]]| brands.chunks_exact(4).any(|brand| wanted.iter().any(|w| brand == *w));
    if has(&[b"avif", b"avis"]) {
        PictureError::Unsupported("AVIF")
    } else if has(&[b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"]) {
        PictureError::Unsupported("HEIC")
    } else {
        PictureError::NotAPicture("a film")
    }
}

fn other(content: &[u8]) -> PictureError {
    let start = &content[..content.len().min(TEXT)];
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"\x1f\x8b") {
        return PictureError::NotAPicture("an archive");
    }
    if start.iter().any(|b| matches!(b, 0..=8 | 14..=26 | 28..=31 | 255)) {
        return PictureError::NotAPicture("a file of an unknown kind");
    }
    let text = String::from_utf8_lossy(start).trim_start().to_ascii_lowercase();
    if text.starts_with("<svg") || (text.starts_with("<?xml") || text.starts_with("<!")) && text.contains("<svg") {
        PictureError::Unsupported("SVG")
    } else if ["<!doctype html", "<html", "<head", "<body"].iter().any(|tag| text.contains(tag)) {
        PictureError::NotAPicture(
            "an HTML page: use the address of the picture itself, not that of a page that shows it or asks to sign in",
        )
    } else if text.starts_with('<') {
        PictureError::NotAPicture("an XML document")
    } else if text.starts_with(['{', '[']) {
        PictureError::NotAPicture("a JSON document")
    } else {
        PictureError::NotAPicture("a text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_is_called_by_its_name() {
        let says = |content: &[u8]| match sniff(content) {
            Err(PictureError::NotAPicture(what) | PictureError::Unsupported(what)) => what,
            other => panic!("{other:?}"),
        };
        for (content, expected) in [
            (&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], "SVG"),
            (b"\xef\xbb\xbf\n<?xml version='1.0'?>\n<!-- x -->\n<svg/>", "SVG"),
            (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' ''><svg/>", "SVG"),
            (b"\0\0\0\x1cftypavif\0\0\0\0mif1", "AVIF"),
            (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
            (b"\0\0\0\x18ftypmp42\0\0\0\0", "a film"),
            (b"\0\0\0\x18ftyp", "a film"),
            (b"II*\0\x08\0\0\0", "TIFF"),
            (b"BM\x36\0\0\0", "BMP"),
            (b"\0\0\x01\0\x01\0", "ICO"),
            (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
            (b"%PDF-1.7", "PDF"),
            (b"8BPS\0\x01", "PSD"),
            (b"", "an empty file"),
            (b"PK\x03\x04", "an archive"),
            (b"{\"error\": \"not found\"}", "a JSON document"),
            (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML document"),
            (b"Not Found", "a text"),
            (b"\xff\xd8", "a file of an unknown kind"),
        ] {
            assert!(says(content).contains(expected), "{content:?}: {}", says(content));
        }
        for page in ["<!DOCTYPE html><html>", "\n\n <html lang=de><svg>", "<!-- x --><!doctype HTML>", "<head></head>"]
        {
            assert!(says(page.as_bytes()).starts_with("an HTML page"), "{page}");
        }
    }
}
