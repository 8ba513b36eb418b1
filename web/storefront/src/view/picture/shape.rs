//! Aspect ratio of a picture against that of its box: how wide a file has to be, and which part stays where it is cut.

use souk_catalog_api::PreparedPicture;

use super::Fit;

/// Browsers take the first file that is as wide as a place, or wider. They are told ten elevenths of its width: a file that is a
/// tenth narrower looks the same, and the next one is up to two thirds wider.
const TOLD: (u64, u64) = (10, 11);

/// How the shape of a picture differs from that of its box.
pub(super) struct Shape {
    /// The picture is wider than its box, by `ratio`; else taller.
    wider: bool,
    /// Numerator and denominator, at least 1.
    ratio: (u64, u64),
}

impl Shape {
    pub(super) fn of(picture: &PreparedPicture<'_>, (box_width, box_height): (u64, u64)) -> Self {
        let across = u64::from(picture.width.max(1)) * box_height;
        let down = u64::from(picture.height.max(1)) * box_width;
        Self { wider: across > down, ratio: (across.max(down), across.min(down)) }
    }

    /// More than the eye sees: by 2 %.
    pub(super) fn is_other(&self) -> bool {
        let (more, less) = self.ratio;
        more - less > less / 50
    }

    /// Width of the whole picture, also of what is cut off, in a box of this width, as browsers are told it.
    pub(super) fn told(&self, width: u64, fit: Fit) -> u64 {
        let (more, less) = match (fit, self.wider) {
            (Fit::Cover, true) => self.ratio,
            (Fit::Contain, false) => (self.ratio.1, self.ratio.0),
            (Fit::Cover, false) | (Fit::Contain, true) => (1, 1),
        };
        let (more, less) = (more * TOLD.0, less * TOLD.1);
        (width * more + less / 2) / less
    }

    /// Class that moves the part that stays, along the side that is cut, so that the focal point comes as near the middle of the
    /// box as the picture goes. In steps of a tenth: the Content-Security-Policy allows no styles in attributes.
    pub(super) fn focus_class(&self, focus: Option<[u8; 2]>) -> String {
        let Some([across, down]) = focus.filter(|_| self.is_other()) else { return String::new() };
        let (axis, percent) = if self.wider { ("x", across) } else { ("y", down) };
        let (more, less) = self.ratio;
        // The position p leaves (more - less) * p before the box, in units of the box; its middle is `less / 2` further.
        let before = (u64::from(percent) * more).saturating_sub(50 * less);
        let tenths = ((before + 5 * (more - less)) / (10 * (more - less))).min(10);
        if tenths == 5 { String::new() } else { format!("f{axis}{tenths}") }
    }
}
