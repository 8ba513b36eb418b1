//! Orientation out of EXIF metadata (EXIF 3.0, section 4.6.4 A: tag 274): how the camera was held.

/// Tag of the orientation.
const ORIENTATION: u16 = 0x0112;
/// Type of a value of two bytes.
const SHORT: u16 = 3;

/// How stored pixels have to be turned to stand upright.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orientation {
    /// Rows become columns, first of all.
    pub(crate) transpose: bool,
    /// Then left and right change places.
    pub(crate) mirror: bool,
    /// Then top and bottom.
    pub(crate) flip: bool,
}

impl Orientation {
    fn from_tag(value: u16) -> Self {
        let (transpose, mirror, flip) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { transpose, mirror, flip }
    }

    /// Reads a block of EXIF metadata; one that says nothing, or nonsense, means upright.
    pub(crate) fn from_exif(exif: &[u8]) -> Self {
        // JPEG's header of the segment, which some programs put into PNG and WebP too.
        let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
        Self::from_tag(tag(tiff).unwrap_or(1))
    }
}

fn tag(tiff: &[u8]) -> Option<u16> {
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let directory = usize::try_from(long(4)?).ok()?;
    for entry in 0..usize::from(short(directory)?) {
        let at = directory.checked_add(2 + entry * 12)?;
        if short(at)? == ORIENTATION && short(at + 2)? == SHORT {
            return short(at + 8);
        }
    }
    None
}
