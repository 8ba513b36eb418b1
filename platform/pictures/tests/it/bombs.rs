//! Small files that would take much: memory by a lie in the header, time by passes over the pixels.

use std::time::{Duration, Instant};

use souk_pictures::PictureError;

use crate::prepare;
use crate::samples::{self, png_of_chunks, riff_chunk, vp8x, webp_of_chunks};

/// Longest time until a lie is refused, by threads that get what a busy machine leaves. By itself it takes
/// microseconds.
const SOON: Duration = Duration::from_secs(60);

#[track_caller]
fn refused_soon(content: Vec<u8>, what: &str) -> PictureError {
    assert!(content.len() < 2_000_000, "{what}");
    let start = Instant::now();
    let error = prepare(content).expect_err(what);
    assert!(start.elapsed() < SOON, "{what}: {:?}", start.elapsed());
    error
}

fn jpeg_frame(width: u16, height: u16, marker: u8) -> Vec<u8> {
    let [h0, h1] = height.to_be_bytes();
    let [w0, w1] = width.to_be_bytes();
    [&[0xff, 0xd8, 0xff, marker, 0, 17, 8, h0, h1, w0, w1, 3], &[1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0][..]].concat()
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    png_of_chunks(&[(b"IHDR", &header), (b"IDAT", b"\x78\x9c\x03\0\0\0\0\x01"), (b"IEND", &[])])
}

fn gif_header(screen: u16, frame: u16) -> Vec<u8> {
    let [s0, s1] = screen.to_le_bytes();
    let [f0, f1] = frame.to_le_bytes();
    let screen = [b'G', b'I', b'F', b'8', b'9', b'a', s0, s1, s0, s1, 0x80, 0, 0, 0, 0, 0, 9, 9, 9];
    [&screen[..], &[0x2c, 0, 0, 0, 0, f0, f1, f0, f1, 0, 2, 1, 0, 0, 0x3b]].concat()
}

fn lossy(side: u16) -> Vec<u8> {
    let [s0, s1] = side.to_le_bytes();
    riff_chunk(b"VP8 ", &[0x10, 0, 0, 0x9d, 1, 0x2a, s0, s1, s0, s1, 0, 0])
}

fn lossless(side: u32) -> Vec<u8> {
    let bits = (side - 1) | (side - 1) << 14;
    riff_chunk(b"VP8L", &[&[0x2f][..], &bits.to_le_bytes(), &[0; 4]].concat())
}

#[test]
fn headers_that_lie_are_refused_before_anything_is_allocated() {
    let frame = |part: Vec<u8>| riff_chunk(b"ANMF", &[vec![0; 16], part].concat());
    for (what, content) in [
        ("baseline JPEG", jpeg_frame(60_000, 60_000, 0xc0)),
        ("progressive JPEG", jpeg_frame(60_000, 60_000, 0xc2)),
        ("long JPEG", jpeg_frame(30_000, 16, 0xc0)),
        ("PNG", png_header(60_000, 60_000)),
        ("PNG, largest", png_header(0x7fff_ffff, 0x7fff_ffff)),
        ("GIF", gif_header(60_000, 16)),
        ("GIF, frame", gif_header(16, 60_000)),
        ("WebP, lossy", webp_of_chunks(&[lossy(16_383)])),
        ("WebP, lossless", webp_of_chunks(&[lossless(16_384)])),
        ("WebP, canvas", webp_of_chunks(&[vp8x(0, 1 << 24, 1 << 24), lossy(100)])),
        ("WebP, lossy in a small canvas", webp_of_chunks(&[vp8x(0, 100, 100), lossy(16_383)])),
        ("WebP, lossless in a small canvas", webp_of_chunks(&[vp8x(0x10, 100, 100), lossless(16_384)])),
        ("WebP, large frame", webp_of_chunks(&[vp8x(2, 100, 100), riff_chunk(b"ANIM", &[0; 6]), frame(lossy(16_383))])),
    ] {
        let error = refused_soon(content, what);
        assert!(matches!(error, PictureError::TooManyPixels { .. }), "{what}: {error}");
        assert_eq!(error.code(), "picture_too_large");
    }
}

#[test]
fn a_second_header_does_not_make_a_jpeg_larger() {
    let mut content = samples::jpeg(&samples::quarters(64, 48), 64, 48, |_| {});
    let scan = content.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    content.splice(scan..scan, jpeg_frame(6000, 6000, 0xc0)[2..].iter().copied());
    assert_eq!(refused_soon(content, "second header").code(), "picture_damaged");
}

#[test]
fn a_jpeg_of_thousands_of_passes_is_refused() {
    let content = samples::progressive(&samples::quarters(64, 48), 64, 48);
    let start = content.windows(2).rposition(|marker| marker == [0xff, 0xda]).unwrap();
    let end = content.len() - 2;
    let many = [&content[..start], &content[start..end].repeat(2000), &content[end..]].concat();
    let error = refused_soon(many, "passes");
    assert!(matches!(error, PictureError::TooManyScans(_)), "{error}");

    // Fewer of a large one.
    let scan = [0xff, 0xda, 0, 8, 1, 1, 0, 1, 1, 0, 0x55];
    let large = [&jpeg_frame(7000, 7000, 0xc2)[..], &scan.repeat(40)].concat();
    let error = refused_soon(large, "passes over a large one");
    assert!(matches!(error, PictureError::TooManyScans(31)), "{error}");
}

#[test]
fn frames_within_frames_do_not_end_the_process() {
    let mut nested = lossy(100);
    // Each level holds all levels below it, so the file grows by 24 bytes a level.
    let mut file = Vec::new();
    let depth = 50_000;
    for level in 0..depth {
        let length = u32::try_from((depth - level) * 24 - 8 + nested.len()).unwrap();
        file.extend([b"ANMF", &length.to_le_bytes()[..], &[0; 16]].concat());
    }
    file.append(&mut nested);
    assert_eq!(refused_soon(webp_of_chunks(&[vp8x(2, 100, 100), file]), "nested frames").code(), "picture_damaged");
}

#[test]
fn a_profile_that_unpacks_to_much_is_left_out() {
    let pixels = samples::quarters(64, 48);
    let mut info = png::Info::with_size(64, 48);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(vec![0; 64 << 20].into());
    let mut content = Vec::new();
    let mut writer = png::Encoder::with_info(&mut content, info).unwrap().write_header().unwrap();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    assert!(content.len() < 200_000);
    assert_eq!(prepare(content).unwrap(), prepare(samples::png_rgb(&pixels, 64, 48)).unwrap());
}
