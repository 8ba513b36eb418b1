//! Why no picture can be made of some bytes, in sentences that a merchant understands.

use crate::{MAX_PIXELS, MAX_SIDE, MIN_SIDE};

/// What is wrong with a picture. None of it passes by itself, except [`PictureError::Stopped`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    /// Something else than a picture; says what.
    #[error("this is no picture but {0}")]
    NotAPicture(&'static str),
    /// A picture in a format that is not taken; says which.
    #[error("pictures in the format {0} are not supported: use JPEG, PNG, WebP or GIF")]
    Unsupported(&'static str),
    /// Above [`MAX_PIXELS`] or [`MAX_SIDE`].
    #[error(
        "the picture has {width} x {height} pixels; at most {} million are possible, and {MAX_SIDE} a side",
        MAX_PIXELS / 1_000_000
    )]
    TooManyPixels {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Its pixels would have to be gone over too often: a progressive JPEG with absurdly many passes.
    #[error("the JPEG is made of {0} passes over all pixels: save it again with an ordinary program")]
    TooManyScans(usize),
    /// Below [`MIN_SIDE`].
    #[error("the picture has only {width} x {height} pixels; the shorter side must have {MIN_SIDE}")]
    TooSmall {
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
    },
    /// Cut short or garbled; says how.
    #[error("the picture is damaged or not complete: {0}")]
    Damaged(String),
    /// The process ends, or its workers are gone.
    #[error("pictures are not prepared any more, the process ends")]
    Stopped,
}

impl PictureError {
    /// A name for the reason, for other programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAPicture(_) => "not_a_picture",
            Self::Unsupported(_) => "picture_unsupported",
            Self::TooManyPixels { .. } | Self::TooManyScans(_) => "picture_too_large",
            Self::TooSmall { .. } => "picture_too_small",
            Self::Damaged(_) => "picture_damaged",
            Self::Stopped => "pictures_stopped",
        }
    }

    pub(crate) fn damaged(reason: impl std::fmt::Display) -> Self {
        Self::Damaged(reason.to_string())
    }
}
