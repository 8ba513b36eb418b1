//! EXIF orientation: the camera was held in one of eight ways, the picture stands upright in all of them.

use crate::prepare;
use crate::reading::{assert_near, full};
use crate::samples::{self, BLUE, GREEN, RED, YELLOW, quarter, rgb};

/// Pixels of the upright picture.
const WIDTH: u32 = 60;
const HEIGHT: u32 = 40;

/// What the standard says of a value: which side of the upright picture the first row is, and which the first column
/// (EXIF 3.0, table 11).
const SIDES: [(&str, &str); 8] = [
    ("top", "left"),
    ("top", "right"),
    ("bottom", "right"),
    ("bottom", "left"),
    ("left", "top"),
    ("right", "top"),
    ("right", "bottom"),
    ("left", "bottom"),
];

/// The picture as a camera stores it that is held so: width, height, pixels.
fn stored(orientation: usize) -> (u32, u32, Vec<u8>) {
    let (first_row, first_column) = SIDES[orientation - 1];
    let sideways = matches!(first_row, "left" | "right");
    let (width, height) = if sideways { (HEIGHT, WIDTH) } else { (WIDTH, HEIGHT) };
    let pixels = rgb(width, height, |column, row| {
        let (mut x, mut y) = (0, 0);
        for (side, distance) in [(first_row, row), (first_column, column)] {
            match side {
                "top" => y = distance,
                "bottom" => y = HEIGHT - 1 - distance,
                "left" => x = distance,
                _ => x = WIDTH - 1 - distance,
            }
        }
        quarter(x, y, WIDTH, HEIGHT)
    });
    (width, height, pixels)
}

#[track_caller]
fn assert_upright(content: Vec<u8>, what: &str) {
    let prepared = prepare(content).unwrap();
    assert_eq!((u32::from(prepared.width), u32::from(prepared.height)), (WIDTH, HEIGHT), "{what}");
    for pixels in full(&prepared) {
        assert_eq!((pixels.width, pixels.height), (WIDTH, HEIGHT), "{what}");
        for (place, [r, g, b]) in [((20, 20), RED), ((80, 20), GREEN), ((20, 80), BLUE), ((80, 80), YELLOW)] {
            assert_near(pixels.about(place.0, place.1), [r, g, b, 255], what);
        }
    }
}

#[test]
fn all_eight_in_jpeg_png_and_webp() {
    for orientation in 1..=8 {
        let (width, height, pixels) = stored(orientation);
        for little in [true, false] {
            let exif = samples::exif(orientation as u16, little);
            let content = samples::jpeg(&pixels, width, height, |encoder| encoder.add_exif_metadata(&exif).unwrap());
            assert_upright(content, &format!("JPEG {orientation}, {little}"));

            let content = samples::png(&pixels, (width, height), png::ColorType::Rgb, png::BitDepth::Eight, |_| {});
            let at = content.windows(4).position(|name| name == b"IDAT").unwrap() - 4;
            let chunk = &samples::png_of_chunks(&[(b"eXIf", &exif)])[8..];
            assert_upright([&content[..at], chunk, &content[at..]].concat(), &format!("PNG {orientation}"));

            let picture = &samples::webp_lossless(&pixels, width, height)[12..];
            let content = samples::webp_of_chunks(&[
                samples::vp8x(0x08, width, height),
                picture.to_vec(),
                samples::riff_chunk(b"EXIF", &exif),
            ]);
            assert_upright(content, &format!("WebP {orientation}"));
        }
    }
}

#[test]
fn a_large_picture_is_scaled_by_its_upright_size() {
    let exif = samples::exif(6, true);
    let content =
        samples::jpeg(&samples::photo(2400, 900), 2400, 900, |encoder| encoder.add_exif_metadata(&exif).unwrap());
    let prepared = prepare(content).unwrap();
    assert_eq!((prepared.width, prepared.height), (720, 1920));
}

#[test]
fn metadata_that_is_nonsense_means_upright() {
    let pixels = samples::quarters(WIDTH, HEIGHT);
    for exif in
        [&b""[..], b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", b"nonsense", &samples::exif(9, true)]
    {
        let body = [b"Exif\0\0", exif].concat();
        let content = samples::with_segment(&samples::jpeg(&pixels, WIDTH, HEIGHT, |_| {}), 0xe1, &body);
        assert_upright(content, &format!("{exif:?}"));
    }
}
