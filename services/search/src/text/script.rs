//! Scripts: how a character's script treats words. Only what the analysis does differently is told apart.

/// The script of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Greek,
    Cyrillic,
    Arabic,
    Hebrew,
    /// Chinese, Japanese and Korean, of which parts of words are looked for in runs without spaces, or with some.
    EastAsian,
    /// Thai, Lao, Khmer and Burmese, without spaces between words.
    SoutheastAsian,
    /// Words stand between spaces, and no letter of it is written in two ways.
    Other,
}

impl Script {
    pub(super) fn of(c: char) -> Self {
        match u32::from(c) {
            0..=0x24f | 0x250..=0x2af | 0x1e00..=0x1eff | 0x2c60..=0x2c7f | 0xa720..=0xa7ff => Self::Latin,
            0x370..=0x3ff | 0x1f00..=0x1fff => Self::Greek,
            0x400..=0x52f | 0x1c80..=0x1c8f | 0x2de0..=0x2dff | 0xa640..=0xa69f => Self::Cyrillic,
            0x590..=0x5ff => Self::Hebrew,
            0x600..=0x6ff | 0x750..=0x77f | 0x870..=0x8ff => Self::Arabic,
            0xe00..=0xeff | 0x1000..=0x109f | 0x1780..=0x17ff | 0xa9e0..=0xa9ff | 0xaa60..=0xaa7f => {
                Self::SoutheastAsian
            }
            0x1100..=0x11ff | 0x2e80..=0x2fdf | 0x3005..=0x31ff | 0x3400..=0x4dbf | 0x4e00..=0x9fff => Self::EastAsian,
            0xa960..=0xa97f | 0xac00..=0xd7ff | 0xf900..=0xfaff | 0x1aff0..=0x1b16f | 0x20000..=0x3ffff => {
                Self::EastAsian
            }
            _ => Self::Other,
        }
    }

    /// True when words of it are found inside of runs.
    pub(super) fn is_unspaced(self) -> bool {
        matches!(self, Self::EastAsian | Self::SoutheastAsian)
    }
}
