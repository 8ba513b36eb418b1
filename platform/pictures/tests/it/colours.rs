//! Colours are sRGB in all that comes out, by the profile that came in.

use jpeg_encoder::ColorType;
use moxcms::{ColorProfile, Layout, TransformOptions};

use crate::prepare;
use crate::reading::{assert_near, full};
use crate::samples::{self, rgb};

/// A colour that Display P3 and Adobe RGB both show much more vividly than sRGB would with the same numbers.
const NUMBERS: [u8; 3] = [210, 120, 60];

/// What the numbers are in sRGB.
fn in_srgb(profile: &ColorProfile) -> [u8; 4] {
    let transform = profile
        .create_transform_8bit(Layout::Rgb, &ColorProfile::new_srgb(), Layout::Rgb, TransformOptions::default())
        .unwrap();
    let mut srgb = [0; 3];
    transform.transform(&NUMBERS, &mut srgb).unwrap();
    [srgb[0], srgb[1], srgb[2], 255]
}

#[track_caller]
fn assert_colour(content: Vec<u8>, expected: [u8; 4], what: &str) {
    for pixels in full(&prepare(content).unwrap()) {
        assert_near(pixels.about(50, 50), expected, what);
    }
}

#[test]
fn profiles_of_telephones_and_cameras_are_applied() {
    for (name, profile) in [("P3", ColorProfile::new_display_p3()), ("Adobe RGB", ColorProfile::new_adobe_rgb())] {
        let expected = in_srgb(&profile);
        let shift: u32 = expected.iter().zip(NUMBERS).map(|(a, b)| u32::from(a.abs_diff(b))).sum();
        assert!(shift > 30, "{name} tells: {expected:?}");
        let icc = profile.encode().unwrap();
        let pixels = rgb(64, 48, |_, _| NUMBERS);

        let content = samples::jpeg(&pixels, 64, 48, |encoder| encoder.add_icc_profile(&icc).unwrap());
        assert_colour(content, expected, name);
        let mut info = png::Info::with_size(64, 48);
        info.color_type = png::ColorType::Rgb;
        info.icc_profile = Some(icc.clone().into());
        let mut content = Vec::new();
        let mut writer = png::Encoder::with_info(&mut content, info).unwrap().write_header().unwrap();
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        assert_colour(content, expected, name);
        let picture = &samples::webp_lossless(&pixels, 64, 48)[12..];
        let chunks = [samples::vp8x(0x20, 64, 48), samples::riff_chunk(b"ICCP", &icc), picture.to_vec()];
        assert_colour(samples::webp_of_chunks(&chunks), expected, name);
    }
}

#[test]
fn a_profile_in_several_parts_is_put_together() {
    // Longer than a segment, by a text that means nothing.
    let mut icc = ColorProfile::new_display_p3().encode().unwrap();
    icc.resize(150_000, 0);
    let length = u32::try_from(icc.len()).unwrap().to_be_bytes();
    icc[..4].copy_from_slice(&length);
    let content = samples::jpeg(&rgb(64, 48, |_, _| NUMBERS), 64, 48, |encoder| encoder.add_icc_profile(&icc).unwrap());
    assert_colour(content, in_srgb(&ColorProfile::new_display_p3()), "in parts");
}

#[test]
fn without_a_profile_or_with_one_that_does_not_suit_numbers_stay() {
    let expected = [NUMBERS[0], NUMBERS[1], NUMBERS[2], 255];
    let pixels = rgb(64, 48, |_, _| NUMBERS);
    let grey = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    let srgb = ColorProfile::new_srgb().encode().unwrap();
    let garbled = ColorProfile::new_display_p3().encode().unwrap()[..200].to_vec();
    for icc in [grey, srgb, garbled, inks(), b"nonsense".to_vec()] {
        let content = samples::jpeg(&pixels, 64, 48, |encoder| encoder.add_icc_profile(&icc).unwrap());
        assert_colour(content, expected, "does not suit");
    }
    assert_colour(samples::jpeg(&pixels, 64, 48, |_| {}), expected, "none");
}

#[test]
fn grey_pixels_have_grey_profiles_or_such_for_rgb() {
    let grey = |icc: &[u8]| {
        samples::jpeg_of(&[64; 64 * 48], 64, 48, ColorType::Luma, |encoder| encoder.add_icc_profile(icc).unwrap())
    };
    // A quarter of the light, in a profile that counts light; 137 is that in sRGB.
    let linear = ColorProfile::new_gray_with_gamma(1.0).encode().unwrap();
    assert_colour(grey(&linear), [137, 137, 137, 255], "linear");
    let srgb = ColorProfile::new_srgb().encode().unwrap();
    assert_colour(grey(&srgb), [64, 64, 64, 255], "sRGB");
}

#[test]
fn adobe_marker_says_that_three_channels_are_rgb() {
    // Encoded as if they were YCbCr already, so the file has them as they are.
    let pixels = rgb(64, 48, |_, _| NUMBERS);
    let raw = samples::jpeg_of(&pixels, 64, 48, ColorType::Ycbcr, |_| {});
    let adobe = |transform: u8| samples::with_segment(&raw, 0xee, &[b"Adobe\0d\0\0\0\0", &[transform][..]].concat());
    assert_colour(adobe(0), [NUMBERS[0], NUMBERS[1], NUMBERS[2], 255], "transform 0");
    // The channels called R, G and B: in the frame header and in that of the scan.
    let mut named = raw.clone();
    let frame = named.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    let scan = named.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    for (n, name) in b"RGB".iter().enumerate() {
        named[frame + 10 + 3 * n] = *name;
        named[scan + 5 + 2 * n] = *name;
    }
    assert_colour(named, [NUMBERS[0], NUMBERS[1], NUMBERS[2], 255], "named");
}

/// Inks in percent, as Adobe's programs store them.
fn stored(inks: [u8; 4]) -> Vec<u8> {
    (0..64 * 48).flat_map(|_| inks.map(|percent| 255 - (u16::from(percent) * 255 / 100) as u8)).collect()
}

#[test]
fn inks_become_colours() {
    for (inks, expected) in [
        ([0, 0, 0, 0], [255, 255, 255, 255]),
        ([0, 0, 0, 100], [0, 0, 0, 255]),
        ([100, 0, 0, 0], [0, 255, 255, 255]),
        ([0, 100, 100, 0], [255, 0, 0, 255]),
        ([0, 0, 50, 50], [128, 128, 64, 255]),
    ] {
        for colours in [ColorType::Cmyk, ColorType::CmykAsYcck] {
            // This encoder turns inks round itself and writes Adobe's marker.
            let pixels: Vec<u8> = stored(inks).iter().map(|left| 255 - left).collect();
            for progressive in [false, true] {
                let content =
                    samples::jpeg_of(&pixels, 64, 48, colours, |encoder| encoder.set_progressive(progressive));
                assert_colour(content, expected, &format!("{inks:?} as {colours:?}"));
            }
        }
    }
}

/// A profile for inks (ICC.1:2010, 10.9: lut8Type) by which cyan is pink, and black grey.
fn inks() -> Vec<u8> {
    let mut table = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    table.extend([1, 0, 0, 0, 1, 0, 0, 0, 1].map(|n: i32| (n << 16).to_be_bytes()).concat());
    let straight: Vec<u8> = (0..=255).collect();
    table.extend(straight.repeat(4));
    // CIELAB of each combination of inks, black changes fastest.
    for combination in 0..16 {
        let (cyan, black) = (combination & 8 != 0, combination & 1 != 0);
        table.extend(if black {
            [127, 128, 128]
        } else if cyan {
            [153, 178, 128]
        } else {
            [255, 128, 128]
        });
    }
    table.extend(straight.repeat(3));
    table.resize(table.len().next_multiple_of(4), 0);
    let mut profile = vec![0; 128];
    profile[8..12].copy_from_slice(&[2, 0x40, 0, 0]);
    profile[12..24].copy_from_slice(b"prtrCMYKLab ");
    profile[36..40].copy_from_slice(b"acsp");
    // The white of the profile connection space, D50.
    profile[68..80].copy_from_slice(&[0, 0, 0xf6, 0xd6, 0, 1, 0, 0, 0, 0, 0xd3, 0x2d]);
    profile.extend(1_u32.to_be_bytes());
    profile.extend(b"A2B0");
    profile.extend(144_u32.to_be_bytes());
    profile.extend(u32::try_from(table.len()).unwrap().to_be_bytes());
    profile.extend(table);
    let length = u32::try_from(profile.len()).unwrap().to_be_bytes();
    profile[..4].copy_from_slice(&length);
    profile
}

#[test]
fn inks_have_profiles_too() {
    // L 60, a 50: pink. L 50: grey.
    for (inks_used, expected) in [
        ([0, 0, 0, 0], [255, 255, 255, 255]),
        ([100, 0, 0, 0], [226, 102, 146, 255]),
        ([0, 0, 0, 100], [119, 119, 119, 255]),
    ] {
        for colours in [ColorType::Cmyk, ColorType::CmykAsYcck] {
            let pixels: Vec<u8> = stored(inks_used).iter().map(|left| 255 - left).collect();
            let content =
                samples::jpeg_of(&pixels, 64, 48, colours, |encoder| encoder.add_icc_profile(&inks()).unwrap());
            assert_colour(content, expected, &format!("{inks_used:?} as {colours:?}"));
        }
    }
}
