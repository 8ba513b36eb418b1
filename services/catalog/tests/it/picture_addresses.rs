//! Addresses of prepared pictures: all sizes follow from one.

use souk_catalog_api::{Format, PreparedPicture, WIDTHS};

fn address(width: u16, height: u16) -> String {
    format!("/media/{}-{width}x{height}.jpg", "ab".repeat(32))
}

#[test]
fn an_address_says_which_files_there_are() {
    let (large, small) = (address(1280, 960), address(500, 700));
    let picture = PreparedPicture::parse(&large).unwrap();
    assert_eq!((picture.width, picture.height), (1280, 960));
    assert_eq!(PreparedPicture::address_of(picture.hash(), 1280, 960), large);
    let widths = |address: &str, format| {
        let picture = PreparedPicture::parse(address).unwrap();
        picture.renditions(format).map(|(width, _)| width).collect::<Vec<_>>()
    };
    assert_eq!(widths(&large, Format::Webp), WIDTHS);
    assert_eq!(widths(&large, Format::Avif), [320, 480]);
    assert_eq!(widths(&large, Format::Jpeg), [320, 800, 1280]);
    assert_eq!(widths(&small, Format::Webp), [160, 320, 480, 500]);
    assert_eq!(widths(&small, Format::Jpeg), [320, 500]);
    assert_eq!(picture.for_width(96, Format::Webp), format!("/media/{}-160.webp", "ab".repeat(32)));
    assert_eq!(picture.for_width(5000, Format::Webp), large);
    assert_eq!(picture.for_width(1000, Format::Jpeg), large);
}

#[test]
fn other_addresses_are_no_prepared_pictures() {
    for other in [
        "",
        "/media/art/mug/x-1x1.jpg",
        &format!("/media/{}.jpg", "ab".repeat(32)),
        &format!("/media/{}-320.jpg", "ab".repeat(32)),
        &format!("https://elsewhere{}", address(1, 1)),
        &address(1, 1).replace(".jpg", ".svg"),
        &address(1, 1).replace("ab", "AB"),
    ] {
        assert_eq!(PreparedPicture::parse(other), None, "{other}");
    }
}
