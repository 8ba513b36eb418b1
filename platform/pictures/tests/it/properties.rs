//! Properties: whatever the bytes, an answer comes within bounded time, and no decoder panics.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::prepare;
use crate::samples::{self, photo};

/// Longest time for one small file, on a busy machine in a debug build.
const PATIENCE: Duration = Duration::from_secs(60);

static SAMPLES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let (w, h) = (48, 40);
    let pixels = photo(w, h);
    let rgba: Vec<u8> = pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, r]).collect();
    let icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    vec![
        samples::jpeg(&pixels, w, h, |encoder| {
            encoder.add_exif_metadata(&samples::exif(6, true)).unwrap();
            encoder.add_icc_profile(&icc).unwrap();
        }),
        samples::progressive(&pixels, w, h),
        samples::jpeg(&pixels, w, h, |encoder| encoder.set_restart_interval(2)),
        samples::jpeg_of(&rgba, w, h, jpeg_encoder::ColorType::CmykAsYcck, |_| {}),
        samples::png_rgb(&pixels, w, h),
        samples::png_interlaced(w, h, |x, y| (x * y) as u8),
        samples::png(&rgba, (w, h), png::ColorType::Rgba, png::BitDepth::Eight, |_| {}),
        samples::webp(&pixels, w, h),
        samples::webp_rgba(&rgba, w, h),
        samples::webp_lossless(&pixels, w, h),
        samples::webp_animation(&[samples::webp(&pixels, w, h), samples::webp_lossless(&pixels, w, h)], w, h),
        samples::gif_quarters(48, 40),
    ]
});

/// An answer of any kind; the sentence for what panicked says more than that.
fn answers(content: Vec<u8>) -> Result<(), TestCaseError> {
    let start = Instant::now();
    let answer = prepare(content.clone());
    prop_assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    if let Err(error) = answer {
        prop_assert!(!error.to_string().ends_with("cannot be read"), "a decoder panicked: {content:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(start in 0..SAMPLES.len(), keep in 0_usize..60, rest in proptest::collection::vec(any::<u8>(), 0..600)) {
        let start = &SAMPLES[start];
        answers([&start[..keep.min(start.len())], &rest].concat())?;
    }

    #[test]
    fn flipped(sample in 0..SAMPLES.len(), flips in proptest::collection::vec((any::<prop::sample::Index>(), 1_u8..), 1..6)) {
        let mut content = SAMPLES[sample].clone();
        for (at, bits) in flips {
            let at = at.index(content.len());
            content[at] ^= bits;
        }
        answers(content)?;
    }

    #[test]
    fn in_their_headers(sample in 0..SAMPLES.len(), flips in proptest::collection::vec((0_usize..80, any::<u8>()), 1..4)) {
        let mut content = SAMPLES[sample].clone();
        for (at, byte) in flips {
            content[at] = byte;
        }
        answers(content)?;
    }

    #[test]
    fn cut_and_repeated(
        sample in 0..SAMPLES.len(),
        at in any::<prop::sample::Index>(),
        length in 1_usize..400,
        times in 0_usize..30,
    ) {
        let content = &SAMPLES[sample];
        let start = at.index(content.len());
        let end = (start + length).min(content.len());
        answers([&content[..start], &content[start..end].repeat(times), &content[end..]].concat())?;
    }

    #[test]
    fn joined(first in 0..SAMPLES.len(), second in 0..SAMPLES.len(), at in any::<prop::sample::Index>()) {
        let (first, second) = (&SAMPLES[first], &SAMPLES[second]);
        answers([&first[..at.index(first.len())], &second[at.index(second.len())..]].concat())?;
    }
}
