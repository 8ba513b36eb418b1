//! What pages know of a picture before they have it: a miniature to show in its place, and its focal point, which stays
//! visible where a page cuts it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::PictureError;
use crate::encode::miniature;
use crate::raster::{Channels, Raster, fit};

/// Pixels of the longer side of the thumbnail that is searched for detail.
const THUMBNAIL: u32 = 64;
/// Pixels of the longer side of the miniature, which is blurred by being so small.
const MINIATURE: u32 = 16;
/// Longest `data:` address of a miniature.
const MAX_PLACEHOLDER: usize = 300;
/// Steps of brightness between neighbours that are noise and soft backgrounds.
const NOISE: i32 = 12;
/// Percent that a focal point stays away from the borders: beyond it there would be nothing to choose.
const MARGIN: u8 = 10;

pub(crate) struct Look {
    pub(crate) placeholder: String,
    pub(crate) focus: [u8; 2],
}

impl Look {
    /// Of a picture in RGB or RGBA.
    pub(crate) fn of(full: &Raster) -> Result<Self, PictureError> {
        let thumbnail = full.resized(fit(full.size(), THUMBNAIL, THUMBNAIL))?;
        let thumbnail = if thumbnail.channels == Channels::Rgba { thumbnail.flattened() } else { thumbnail };
        Ok(Self { placeholder: placeholder(&thumbnail)?, focus: focus(&thumbnail) })
    }
}

fn placeholder(thumbnail: &Raster) -> Result<String, PictureError> {
    let mut side = MINIATURE;
    loop {
        let file = miniature(&thumbnail.resized(fit(thumbnail.size(), side, side))?)?;
        let address = format!("data:image/webp;base64,{}", STANDARD.encode(file));
        // Noise takes more bytes than a picture of something.
        if address.len() <= MAX_PLACEHOLDER || side <= 2 {
            return Ok(address);
        }
        side /= 2;
    }
}

/// The centre of the detail: of the differences between neighbours, of which those at the rim count less, because there
/// is the background.
fn focus(thumbnail: &Raster) -> [u8; 2] {
    let (width, height) = (thumbnail.width as usize, thumbnail.height as usize);
    let light: Vec<i32> = (thumbnail.pixels.as_chunks::<3>().0.iter())
        .map(|&[r, g, b]| (i32::from(r) * 299 + i32::from(g) * 587 + i32::from(b) * 114) / 1000)
        .collect();
    let (mut total, mut from_left, mut from_top) = (0_i64, 0_i64, 0_i64);
    for y in 0..height {
        for x in 0..width {
            let at = |x: usize, y: usize| light[y * width + x];
            let across = at((x + 1).min(width - 1), y) - at(x.saturating_sub(1), y);
            let down = at(x, (y + 1).min(height - 1)) - at(x, y.saturating_sub(1));
            let detail = (across.abs() + down.abs() - NOISE).max(0);
            let weight = i64::from(detail) * rim_weight(x, width) * rim_weight(y, height);
            // Twice the middle of the pixel.
            total += 2 * weight;
            from_left += weight * (2 * x as i64 + 1);
            from_top += weight * (2 * y as i64 + 1);
        }
    }
    let percent = |sum: i64, side: usize| {
        let whole = total * side as i64;
        let percent = (sum * 100 + whole / 2).checked_div(whole).unwrap_or(50);
        u8::try_from(percent).unwrap_or(50).clamp(MARGIN, 100 - MARGIN)
    };
    [percent(from_left, width), percent(from_top, height)]
}

/// From one at the border to four, a quarter of the side away from it.
fn rim_weight(at: usize, side: usize) -> i64 {
    let from_border = at.min(side - 1 - at) as i64;
    1 + (from_border * 12 / side as i64).min(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, light: impl Fn(u32, u32) -> u8) -> Raster {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| [light(x, y); 3]);
        Raster { width, height, channels: Channels::Rgb, pixels: pixels.collect() }
    }

    #[test]
    fn the_focus_is_on_the_detail() {
        let checks = |x: u32, y: u32| if (x / 8 + y / 8).is_multiple_of(2) { 20 } else { 230 };
        let inside =
            |x: u32, y: u32, left: u32, top: u32| (left..left + 80).contains(&x) && (top..top + 80).contains(&y);
        let focus = |left, top| {
            let raster = picture(400, 300, |x, y| if inside(x, y, left, top) { checks(x, y) } else { 255 });
            Look::of(&raster).unwrap().focus
        };
        let [x, y] = focus(30, 110);
        assert!((12..=24).contains(&x) && (45..=55).contains(&y), "left: {x} {y}");
        let [x, y] = focus(300, 200);
        assert!((80..=90).contains(&x) && (75..=85).contains(&y), "right, bottom: {x} {y}");
        let [x, y] = focus(160, 110);
        assert!((48..=52).contains(&x) && (48..=52).contains(&y), "middle: {x} {y}");
    }

    #[test]
    fn a_plain_picture_has_its_focus_in_the_middle() {
        assert_eq!(Look::of(&picture(300, 300, |_, _| 90)).unwrap().focus, [50, 50]);
        assert_eq!(Look::of(&picture(300, 300, |x, _| (x / 2) as u8)).unwrap().focus, [50, 50]);
    }

    #[test]
    fn miniatures_are_short() {
        for raster in
            [picture(400, 300, |x, y| (x * y % 251) as u8), picture(64, 64, |x, y| ((x * 7919) ^ (y * 104_729)) as u8)]
        {
            let placeholder = Look::of(&raster).unwrap().placeholder;
            assert!(
                placeholder.starts_with("data:image/webp;base64,") && placeholder.len() <= 300,
                "{}",
                placeholder.len()
            );
        }
    }
}
