//! Damaged files: a picture that is not whole is refused, and what only looks like damage is not.

use crate::samples::{self, photo, quarters};
use crate::{prepare, refused};

const W: u32 = 160;
const H: u32 = 120;

fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let pixels = photo(W, H);
    vec![
        ("JPEG", samples::jpeg(&pixels, W, H, |_| {})),
        ("progressive JPEG", samples::progressive(&pixels, W, H)),
        ("JPEG with restarts", samples::jpeg(&pixels, W, H, |encoder| encoder.set_restart_interval(4))),
        ("PNG", samples::png_rgb(&pixels, W, H)),
        ("WebP", samples::webp(&pixels, W, H)),
        ("lossless WebP", samples::webp_lossless(&pixels, W, H)),
        ("GIF", samples::gif_quarters(160, 120)),
    ]
}

#[test]
fn cut_files_are_refused_wherever_they_are_cut() {
    for (name, content) in samples() {
        prepare(content.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        // What stands last in a GIF is a byte that says that no other frame follows.
        let last = if name == "GIF" { content.len() - 4 } else { content.len() - 3 };
        for n in 0..60 {
            let end = 12 + (last - 12) * n / 60;
            assert_eq!(refused(&content[..end]), "picture_damaged", "{name} of {}, cut at {end}", content.len());
        }
    }
}

#[test]
fn a_jpeg_that_was_cut_and_closed_again_is_no_half_grey_picture() {
    for (name, content) in samples().into_iter().take(3) {
        let start = content.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap() + 12;
        for n in 1..60 {
            let mut end = start + (content.len() - 40 - start) * n / 60;
            if content[end - 1] == 0xff {
                end -= 1;
            }
            let closed = [&content[..end], &[0xff, 0xd9]].concat();
            if let Ok(prepared) = prepare(closed) {
                // Passes that only add detail may be missing.
                let passes = content[..end].windows(2).filter(|marker| **marker == [0xff, 0xda]).count();
                assert!(
                    passes > 1,
                    "{name} cut at {end} of {}: {} x {}",
                    content.len(),
                    prepared.width,
                    prepared.height
                );
            }
        }
    }
}

#[test]
fn a_jpeg_without_a_part_of_its_middle_is_refused() {
    let content = samples::jpeg(&photo(W, H), W, H, |_| {});
    let middle = content.len() / 2;
    for missing in [500, 1000, 2000] {
        assert_eq!(refused([&content[..middle], &content[middle + missing..]].concat()), "picture_damaged");
    }
    // Downloads that were resumed at the wrong place leave zeros.
    let mut zeros = content;
    zeros[middle..middle + 2000].fill(0);
    assert_eq!(refused(zeros), "picture_damaged");
}

#[test]
fn a_checksum_that_does_not_fit_is_damage() {
    let content = samples::png_rgb(&photo(W, H), W, H);
    let data = content.windows(4).position(|name| name == b"IDAT").unwrap();
    for at in [data + 30, data + (content.len() - data) / 2, content.len() - 15, 23] {
        let mut flipped = content.clone();
        flipped[at] ^= 0x10;
        assert_eq!(refused(flipped), "picture_damaged", "{at} of {}", content.len());
    }
}

#[test]
fn what_cameras_do_is_no_damage() {
    let content = samples::jpeg(&quarters(W, H), W, H, |_| {});
    let fine = prepare(content.clone()).unwrap();
    // Behind the end: previews, films, zeros.
    assert_eq!(prepare([&content[..], &[0; 512]].concat()).unwrap(), fine);
    assert_eq!(prepare([&content[..], &content].concat()).unwrap(), fine);
    assert_eq!(prepare([&content[..], b"\0\0\0\x18ftypmp42 a film"].concat()).unwrap(), fine);
    // No end at all, but all pixels.
    assert_eq!(prepare(&content[..content.len() - 2]).unwrap(), fine);
    // Between segments: any number of bytes 0xff, and others.
    let table = content.windows(2).position(|marker| marker == [0xff, 0xdb]).unwrap();
    let filled = |with: &[u8]| [&content[..table], with, &content[table..]].concat();
    assert_eq!(prepare(filled(&[0xff; 7])).unwrap(), fine);
    assert_eq!(prepare(filled(&[0; 9])).unwrap(), fine);
    // Two blocks of EXIF, of which the first counts.
    let exif = |orientation| [b"Exif\0\0", &samples::exif(orientation, false)[..]].concat();
    let twice = samples::with_segment(&samples::with_segment(&content, 0xe1, &exif(6)), 0xe1, &exif(1));
    assert_eq!(prepare(twice).unwrap(), fine);
    // Behind a PNG, a GIF and a WebP.
    for (name, content) in samples().into_iter().skip(3) {
        let fine = prepare(content.clone()).unwrap();
        assert_eq!(prepare([&content[..], b"<!-- cached -->"].concat()).unwrap(), fine, "{name}");
    }
}
