//! The way of one picture, on one thread: recognise, decode, scale down, turn upright, convert colours, encode every
//! size.

use crate::colour::to_srgb;
use crate::decode::{self, Source};
use crate::encode::encode;
use crate::look::Look;
use crate::memory::MemoryBudget;
use crate::raster::fit;
use crate::{Format, PictureError, PictureFile, Plan, Prepared};

/// Bytes for a pixel of the full size that a picture needs once it is scaled down: itself, the next size, buffers of
/// encoders.
const WORKING_MEMORY: u64 = 16;

/// Prepares a picture, when there is memory for it. `wanted` says whether the caller still waits then.
pub(crate) fn prepare(
    content: &[u8],
    plan: &Plan,
    memory: &MemoryBudget,
    wanted: &dyn Fn() -> bool,
) -> Result<Prepared, PictureError> {
    let source = Source::open(content)?;
    let (most_width, most_height) = (plan.widths.last().copied().unwrap_or(1), plan.max_height);
    let working = u64::from(most_width) * u64::from(most_height) * WORKING_MEMORY;
    let mut permit = memory.acquire(source.memory() + working);
    if !wanted() {
        return Err(PictureError::Stopped);
    }
    let decode::Decoded { raster, orientation, profile } = source.decode()?;

    // What follows is cheap on the scaled picture, whose proportions turn with it.
    let turned = |(width, height): (u32, u32)| if orientation.transpose { (height, width) } else { (width, height) };
    let size = fit(turned(raster.size()), most_width.into(), most_height.into());
    let scaled = if raster.size() == turned(size) { raster } else { raster.resized(turned(size))? };
    permit.shrink(working);
    let full = to_srgb(scaled.upright(orientation), profile.as_deref()).opaque_without_alpha();

    let side = |pixels: u32| u16::try_from(pixels).map_err(PictureError::damaged);
    let (width, height) = (side(full.width)?, side(full.height)?);
    let look = Look::of(&full)?;
    let widths: Vec<u16> = plan.widths.iter().copied().filter(|smaller| *smaller < width).chain([width]).collect();
    let mut files = Vec::new();
    let mut raster = full;
    for wanted in widths.into_iter().rev() {
        if wanted != width {
            // Out of the next larger one.
            let size = fit((width.into(), height.into()), wanted.into(), u32::MAX);
            raster = raster.resized(size)?;
        }
        for format in Format::ALL.into_iter().rev().filter(|format| (plan.has)(*format, wanted, wanted == width)) {
            files.push(PictureFile { width: wanted, format, content: encode(&raster, format)? });
        }
    }
    files.reverse();
    Ok(Prepared { width, height, placeholder: look.placeholder, focus: look.focus, files })
}
