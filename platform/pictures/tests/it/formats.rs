//! Every format that is taken, in its varieties, and what is made of it.

use png::{BitDepth, ColorType};
use souk_pictures::{Format, PictureError};

use crate::reading::{assert_near, avif_has_alpha, avif_size, file, full, jpeg, webp};
use crate::samples::{self, BLUE, GREEN, RED, YELLOW, quarters, rgb};
use crate::{prepare, refused};

const SIZE: (u32, u32) = (64, 48);

/// The four quarters are where they were.
#[track_caller]
fn assert_quarters(content: Vec<u8>, what: &str) {
    let prepared = prepare(content).unwrap_or_else(|error| panic!("{what}: {error}"));
    for pixels in full(&prepared) {
        for (place, [r, g, b]) in [((25, 25), RED), ((75, 25), GREEN), ((25, 75), BLUE), ((75, 75), YELLOW)] {
            assert_near(pixels.about(place.0, place.1), [r, g, b, 255], what);
        }
    }
}

#[test]
fn sizes_and_formats_are_those_of_the_plan() {
    let prepared = prepare(samples::jpeg(&samples::photo(1500, 1000), 1500, 1000, |_| {})).unwrap();
    assert_eq!((prepared.width, prepared.height), (1280, 853));
    let made: Vec<_> = prepared.files.iter().map(|file| (file.width, file.format)).collect();
    assert_eq!(
        made,
        [
            (160, Format::Webp),
            (320, Format::Avif),
            (320, Format::Webp),
            (320, Format::Jpeg),
            (480, Format::Avif),
            (480, Format::Webp),
            (800, Format::Webp),
            (800, Format::Jpeg),
            (1280, Format::Webp),
            (1280, Format::Jpeg),
        ]
    );
    for made in &prepared.files {
        let (width, height) = match made.format {
            Format::Avif => avif_size(&made.content),
            Format::Webp => (webp(&made.content).width, webp(&made.content).height),
            Format::Jpeg => (jpeg(&made.content).width, jpeg(&made.content).height),
        };
        assert_eq!(width, u32::from(made.width));
        assert_eq!(height, (853 * width + 640) / 1280, "{width}");
    }
    assert!(prepared.placeholder.starts_with("data:image/webp;base64,") && prepared.placeholder.len() <= 300);
}

#[test]
fn the_same_content_gives_the_same_files() {
    let content = samples::jpeg(&samples::photo(700, 500), 700, 500, |_| {});
    assert_eq!(prepare(content.clone()), prepare(content));
}

#[test]
fn nothing_is_scaled_up() {
    let prepared = prepare(samples::png_rgb(&quarters(200, 100), 200, 100)).unwrap();
    assert_eq!((prepared.width, prepared.height), (200, 100));
    let made: Vec<_> = prepared.files.iter().map(|file| (file.width, file.format)).collect();
    assert_eq!(made, [(160, Format::Webp), (200, Format::Webp), (200, Format::Jpeg)]);
}

#[test]
fn narrow_pictures_keep_a_pixel() {
    for (width, height, expected) in [(10_000, 100, (1280, 13)), (100, 10_000, (19, 1920)), (20_000, 16, (1280, 1))] {
        let prepared = prepare(samples::png_rgb(&rgb(width, height, |_, _| RED), width, height)).unwrap();
        assert_eq!((prepared.width, prepared.height), expected);
        for pixels in full(&prepared) {
            assert_near(pixels.about(50, 50), [200, 30, 30, 255], "colour");
        }
    }
}

#[test]
fn counters_of_visitors_are_no_pictures() {
    assert_eq!(refused(samples::png_rgb(&[0; 3], 1, 1)), "picture_too_small");
    assert_eq!(refused(samples::png_rgb(&[0; 300 * 15 * 3], 300, 15)), "picture_too_small");
    assert_eq!(refused(samples::gif(1, 1, &[0, 0, 0], &[(vec![0], None)])), "picture_too_small");
    assert!(prepare(samples::png_rgb(&[0; 300 * 16 * 3], 300, 16)).is_ok());
}

#[test]
fn jpeg_in_all_its_kinds() {
    let (w, h) = SIZE;
    let pixels = quarters(w, h);
    assert_quarters(samples::jpeg(&pixels, w, h, |_| {}), "baseline");
    assert_quarters(samples::progressive(&pixels, w, h), "progressive");
    assert_quarters(samples::jpeg(&pixels, w, h, |encoder| encoder.set_restart_interval(3)), "restarts");
    assert_quarters(samples::jpeg(&pixels, w, h, |encoder| encoder.set_optimized_huffman_tables(true)), "own tables");
    for factor in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 1)] {
        let factor = jpeg_encoder::SamplingFactor::from_factors(factor.0, factor.1).unwrap();
        let content = samples::jpeg(&pixels, w, h, |encoder| encoder.set_sampling_factor(factor));
        assert_quarters(content, "sampling");
        let content = samples::jpeg(&pixels, w, h, |encoder| {
            encoder.set_sampling_factor(factor);
            encoder.set_progressive(true);
        });
        assert_quarters(content, "sampling, progressive");
    }
}

#[test]
fn grey_jpeg() {
    let grey: Vec<u8> = (0..64 * 48).map(|n| if n % 64 < 32 { 40 } else { 210 }).collect();
    for progressive in [false, true] {
        let content = samples::jpeg_of(&grey, 64, 48, jpeg_encoder::ColorType::Luma, |encoder| {
            encoder.set_progressive(progressive);
        });
        for pixels in full(&prepare(content).unwrap()) {
            assert_near(pixels.about(25, 50), [40, 40, 40, 255], "left");
            assert_near(pixels.about(75, 50), [210, 210, 210, 255], "right");
        }
    }
}

#[test]
fn png_in_all_its_kinds() {
    let (w, h) = SIZE;
    let eight = quarters(w, h);
    assert_quarters(samples::png_rgb(&eight, w, h), "RGB");
    let sixteen: Vec<u8> = eight.iter().flat_map(|&channel| [channel, 0x7f]).collect();
    assert_quarters(samples::png(&sixteen, SIZE, ColorType::Rgb, BitDepth::Sixteen, |_| {}), "RGB, 16 bits");
    let alpha: Vec<u8> = eight.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    assert_quarters(samples::png(&alpha, SIZE, ColorType::Rgba, BitDepth::Eight, |_| {}), "RGBA");
    let palette = [RED, GREEN, BLUE, YELLOW].concat();
    for (depth, a_byte) in [(BitDepth::Two, 4), (BitDepth::Four, 2), (BitDepth::Eight, 1)] {
        let index = |x: u32, y: u32| u8::from(x >= w / 2) + 2 * u8::from(y >= h / 2);
        let packed = (0..h).flat_map(|y| {
            (0..w / a_byte).map(move |byte| {
                (0..a_byte).fold(0_u32, |packed, n| packed << (8 / a_byte) | u32::from(index(byte * a_byte + n, y)))
                    as u8
            })
        });
        let packed: Vec<u8> = packed.collect();
        let content =
            samples::png(&packed, SIZE, ColorType::Indexed, depth, |encoder| encoder.set_palette(palette.clone()));
        assert_quarters(content, "palette");
    }
}

#[test]
fn grey_png_in_all_depths_and_interlaced() {
    for (depth, dark, light) in [
        (BitDepth::One, 0, 255),
        (BitDepth::Two, 0, 255),
        (BitDepth::Four, 0, 255),
        (BitDepth::Eight, 30, 220),
        (BitDepth::Sixteen, 30, 220),
    ] {
        let bytes = 64 * depth as usize / 8;
        let pixels: Vec<u8> = (0..48 * bytes).map(|n| if n % bytes < bytes / 2 { dark } else { light }).collect();
        let prepared = prepare(samples::png(&pixels, SIZE, ColorType::Grayscale, depth, |_| {})).unwrap();
        for pixels in full(&prepared) {
            assert_near(pixels.about(25, 50), [dark, dark, dark, 255], "left");
            assert_near(pixels.about(75, 50), [light, light, light, 255], "right");
        }
    }
    let content = samples::png_interlaced(61, 47, |x, y| if (x < 30) == (y < 23) { 30 } else { 220 });
    for pixels in full(&prepare(content).unwrap()) {
        assert_near(pixels.about(25, 25), [30, 30, 30, 255], "interlaced");
        assert_near(pixels.about(75, 25), [220, 220, 220, 255], "interlaced");
    }
}

#[test]
fn webp_in_all_its_kinds() {
    let (w, h) = SIZE;
    let pixels = quarters(w, h);
    assert_quarters(samples::webp(&pixels, w, h), "lossy");
    assert_quarters(samples::webp_lossless(&pixels, w, h), "lossless");
    let other = samples::webp(&rgb(w, h, |_, _| BLUE), w, h);
    assert_quarters(samples::webp_animation(&[samples::webp(&pixels, w, h), other], w, h), "first frame");
}

#[test]
fn gif_shows_its_first_frame() {
    assert_quarters(samples::gif_quarters(64, 48), "one frame");
    let palette = [RED, BLUE].concat();
    let frames = [(vec![0; 64 * 48], None), (vec![1; 64 * 48], None)];
    for pixels in full(&prepare(samples::gif(64, 48, &palette, &frames)).unwrap()) {
        assert_near(pixels.about(50, 50), [200, 30, 30, 255], "first of two frames");
    }
}

#[test]
fn transparency_stays_where_the_format_has_it_and_is_white_elsewhere() {
    // Left half transparent over black, which must not shine through.
    let half = |x: u32| if x < 350 { [0, 0, 0, 0] } else { [200, 30, 30, 255] };
    let pixels: Vec<u8> = (0..500).flat_map(|_| (0..700).flat_map(half)).collect();
    let from_png = samples::png(&pixels, (700, 500), ColorType::Rgba, BitDepth::Eight, |_| {});
    let from_webp = samples::webp_rgba(&pixels, 700, 500);
    let indices = (0..500).flat_map(|_| (0..700).map(|x| u8::from(x >= 350))).collect();
    let from_gif = samples::gif(700, 500, &[[0, 0, 0], RED].concat(), &[(indices, Some(0))]);
    for content in [from_png, from_webp, from_gif] {
        let prepared = prepare(content).unwrap();
        for width in [160, 320, 480, 700] {
            let pixels = webp(file(&prepared, width, Format::Webp));
            assert_eq!(pixels.about(25, 50)[3], 0);
            assert_near(pixels.about(75, 50), [200, 30, 30, 255], "right of WebP");
        }
        for width in [320, 700] {
            let pixels = jpeg(file(&prepared, width, Format::Jpeg));
            assert_near(pixels.about(25, 50), [255; 4], "left of JPEG");
            assert_near(pixels.about(75, 50), [200, 30, 30, 255], "right of JPEG");
        }
        assert!(avif_has_alpha(file(&prepared, 320, Format::Avif)));
    }
}

#[test]
fn what_hides_nothing_has_no_transparency() {
    let pixels: Vec<u8> =
        samples::photo(700, 500).as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    let prepared = prepare(samples::png(&pixels, (700, 500), ColorType::Rgba, BitDepth::Eight, |_| {})).unwrap();
    let file = |format| file(&prepared, 320, format);
    assert_eq!(&file(Format::Webp)[12..16], b"VP8 ", "the simple kind of WebP, which has none");
    assert!(!avif_has_alpha(file(Format::Avif)));
}

#[test]
fn everything_else_is_called_by_its_name() {
    assert_eq!(prepare(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Err(PictureError::Unsupported("SVG")));
    assert_eq!(prepare(b"\0\0\0\x1cftypavif\0\0\0\0avifmif1"), Err(PictureError::Unsupported("AVIF")));
    let error = prepare(b"<!doctype html><title>Sign in</title>").unwrap_err();
    assert_eq!(error.code(), "not_a_picture");
    assert!(error.to_string().contains("HTML page"), "{error}");
}
