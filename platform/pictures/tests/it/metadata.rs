//! Nothing that a camera or a program wrote beside the pixels is in what comes out: no place, no name, no serial
//! number.

use crate::prepare;
use crate::samples;

/// Words that the metadata of the samples consists of.
const SECRETS: [&str; 7] = ["Ada", "GPSLatitude", "Exif", "xmpmeta", "a comment", "Photoshop 3.0", "acsp"];
/// Names of parts that hold metadata in the formats that come out.
const PARTS: [&str; 6] = ["EXIF", "XMP ", "ICCP", "ICC_PROFILE", "mime", "JFXX"];

#[test]
fn none_of_it_comes_out() {
    let exif = samples::exif(1, true);
    let icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let xmp = b"<x:xmpmeta><dc:creator>Ada</dc:creator></x:xmpmeta>";
    let (width, height) = (700, 500);
    let pixels = samples::photo(width, height);

    let mut jpeg = samples::jpeg(&pixels, width, height, |encoder| {
        encoder.add_exif_metadata(&exif).unwrap();
        encoder.add_icc_profile(&icc).unwrap();
    });
    jpeg = samples::with_segment(&jpeg, 0xfe, b"a comment by Ada");
    jpeg = samples::with_segment(&jpeg, 0xed, b"Photoshop 3.0\08BIM\x04\x04\0\0\0\0\0\x03Ada");
    jpeg = samples::with_segment(&jpeg, 0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", &xmp[..]].concat());
    // What telephones put behind the picture: another one, a film.
    jpeg.extend(b"GPSLatitude a film of Ada");

    let png = samples::png_rgb(&pixels, width, height);
    let text = samples::png_of_chunks(&[
        (b"tEXt", b"Author\0Ada"),
        (b"eXIf", &exif),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta/>"),
    ]);
    let png = [&png[..33], &text[8..], &png[33..]].concat();

    let webp = samples::webp_of_chunks(&[
        samples::vp8x(0x2c, width, height),
        samples::riff_chunk(b"ICCP", &icc),
        samples::webp(&pixels, width, height)[12..].to_vec(),
        samples::riff_chunk(b"EXIF", &exif),
        samples::riff_chunk(b"XMP ", xmp),
    ]);

    for (name, content) in [("JPEG", jpeg), ("PNG", png), ("WebP", webp)] {
        let has = |file: &[u8], word: &str| file.windows(word.len()).any(|part| part == word.as_bytes());
        assert!(SECRETS.iter().filter(|word| has(&content, word)).count() >= 2, "the sample tells something");
        let prepared = prepare(content).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(prepared.files.len(), 10 - 2);
        for file in &prepared.files {
            for word in SECRETS.iter().chain(&PARTS) {
                assert!(!has(&file.content, word), "{word} of a {name} in {:?} of {}", file.format, file.width);
            }
        }
    }
}
