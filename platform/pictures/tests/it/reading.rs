//! Files that were made, read again.

use souk_pictures::{Format, Prepared};
use zune_core::bytestream::ZCursor;
use zune_jpeg::JpegDecoder;

/// A file's pixels in RGBA.
pub struct Pixels {
    pub width: u32,
    pub height: u32,
    rgba: Vec<[u8; 4]>,
}

impl Pixels {
    pub fn at(&self, x: u32, y: u32) -> [u8; 4] {
        self.rgba[(y * self.width + x) as usize]
    }

    /// At a place in percent.
    pub fn about(&self, left: u32, top: u32) -> [u8; 4] {
        self.at(self.width * left / 100, self.height * top / 100)
    }
}

/// The file of this width and format.
pub fn file(prepared: &Prepared, width: u16, format: Format) -> &[u8] {
    let file = prepared.files.iter().find(|file| (file.width, file.format) == (width, format));
    &file.unwrap_or_else(|| panic!("{format:?} of {width}")).content
}

/// The full size, as WebP and as JPEG.
pub fn full(prepared: &Prepared) -> [Pixels; 2] {
    [webp(file(prepared, prepared.width, Format::Webp)), jpeg(file(prepared, prepared.width, Format::Jpeg))]
}

pub fn webp(file: &[u8]) -> Pixels {
    let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(file)).unwrap();
    let (width, height) = decoder.dimensions();
    let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
    decoder.read_image(&mut pixels).unwrap();
    let rgba = if decoder.has_alpha() { pixels.as_chunks::<4>().0.to_vec() } else { opaque(&pixels) };
    Pixels { width, height, rgba }
}

pub fn jpeg(file: &[u8]) -> Pixels {
    let mut decoder = JpegDecoder::new(ZCursor::new(file));
    let pixels = decoder.decode().unwrap();
    let (width, height) = decoder.dimensions().unwrap();
    Pixels { width: width as u32, height: height as u32, rgba: opaque(&pixels) }
}

/// The size that an AVIF says (ISO/IEC 23008-12, 6.5.3: image spatial extents).
pub fn avif_size(file: &[u8]) -> (u32, u32) {
    assert_eq!(&file[4..12], b"ftypavif");
    let at = file.windows(4).position(|name| name == b"ispe").unwrap();
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
    (number(at + 8), number(at + 12))
}

/// Whether an AVIF has a picture of transparency beside that of colours.
pub fn avif_has_alpha(file: &[u8]) -> bool {
    file.windows(4).filter(|name| *name == b"auxC").count() == 1
}

fn opaque(rgb: &[u8]) -> Vec<[u8; 4]> {
    rgb.as_chunks::<3>().0.iter().map(|&[r, g, b]| [r, g, b, 255]).collect()
}

/// Colours that are the same but for what a lossy file changes.
#[track_caller]
pub fn assert_near(found: [u8; 4], expected: [u8; 4], what: &str) {
    let near = found.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 14);
    assert!(near, "{what}: {found:?}, expected {expected:?}");
}
