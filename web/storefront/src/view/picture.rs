//! Responsive images: a picture as an element of a page, with the files a browser may choose from, how wide it is shown, which
//! part of it stays where it is cut, and what is seen until it is there. Drawings, and files that were stored as they are, have
//! one address and no choice.

mod shape;

use std::fmt::Write;

use souk_catalog_api::{Format, Look, PreparedPicture};
use souk_web::Cdn;

use crate::assets;
use shape::Shape;

/// A place for pictures: the shape of its box, and how wide it is on which screens. `web/storefront/assets/souk.css` makes it
/// so; a change there is one here.
#[derive(Debug)]
pub struct Slot {
    /// Width and height of the box, in pixels or as proportions.
    shape: (u64, u64),
    /// Whether a picture of another shape fills the box, or is shown whole in it.
    fit: Fit,
    /// Widths of the box: from this width of the window on, in rem. The widest window comes first, the last is for all others.
    sizes: &'static [(u16, Length)],
    /// Widths of files that are of use: the smallest and the largest.
    files: (u16, u16),
    /// Width of the file for browsers that know neither AVIF nor WebP; they are old, and so are their screens.
    fallback: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Cover,
    Contain,
}

#[derive(Clone, Copy, Debug)]
enum Length {
    Px(u64),
    /// Percent of the window's width.
    Vw(u64),
}

use Length::{Px, Vw};

/// A card in the grid of a category or search.
pub const LISTED: Slot = Slot {
    shape: (800, 800),
    fit: Fit::Cover,
    sizes: &[(87, Px(240)), (79, Vw(17)), (65, Vw(22)), (45, Vw(31)), (0, Vw(45))],
    files: (320, 800),
    fallback: 320,
};
/// A card in a row of four, two on narrow screens.
pub const IN_ROW: Slot = Slot { sizes: &[(87, Px(310)), (60, Vw(22)), (0, Vw(45))], ..LISTED };
/// An arch of the home page's beginning.
pub const HERO: Slot = Slot { shape: (640, 800), sizes: &[(87, Px(195)), (56, Vw(14)), (0, Vw(30))], ..LISTED };
/// A department on the home page.
pub const TILE: Slot = Slot { sizes: &[(87, Px(199)), (64, Vw(14)), (40, Vw(22)), (0, Vw(29))], ..HERO };
/// A product's picture on its page, where none of it may be missing.
pub const FRAME: Slot = Slot {
    shape: (800, 800),
    fit: Fit::Contain,
    sizes: &[(87, Px(664)), (56, Vw(47)), (0, Vw(92))],
    files: (320, 1280),
    fallback: 800,
};
/// A link to one of those.
pub const THUMB: Slot =
    Slot { shape: (72, 72), fit: Fit::Cover, sizes: &[(0, Px(72))], files: (160, 160), fallback: 160 };
/// A choice of an option.
pub const SWATCH: Slot = Slot { shape: (60, 60), sizes: &[(0, Px(60))], ..THUMB };
/// A line of a cart.
pub const LINE: Slot = Slot { shape: (96, 96), sizes: &[(0, Px(96))], files: (160, 320), ..THUMB };
/// A line of an order, or of the cart beside a form.
pub const SMALL_LINE: Slot = Slot { shape: (56, 56), sizes: &[(0, Px(56))], ..THUMB };

/// When a browser loads a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loading {
    /// Before all others: the largest thing of the first screen. Many of them on a page would only hold each other up.
    First,
    /// With the page.
    #[default]
    Eager,
    /// When it is about to be seen.
    Lazy,
}

/// Files of one format, to choose from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Content type that a browser has to know.
    pub mime: &'static str,
    /// Addresses with their widths, smallest first.
    pub srcset: String,
}

/// A picture on a page, as `_picture.html` writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Files by format, the smallest format first; none of a picture that has one address.
    pub sources: Vec<Source>,
    /// How wide it is shown, for the browser's choice among them.
    pub sizes: String,
    /// Its address, for browsers that know none of the formats.
    pub src: String,
    /// For those who do not see it; empty where the text beside it says the same.
    pub alt: String,
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Classes of the stylesheet.
    pub class: String,
    /// A blurred miniature, shown until it is there.
    pub placeholder: Option<String>,
    /// When it is loaded.
    pub loading: Loading,
}

impl Slot {
    /// The picture at this address, relative to the shop's root, in this place. An empty address gets what stands for a missing
    /// picture.
    pub fn picture(&self, cdn: &Cdn, address: &str, look: Look) -> Picture {
        match PreparedPicture::parse(address) {
            Some(prepared) => self.prepared(cdn, &prepared, look),
            None => self.plain(cdn.url(if address.is_empty() { assets::href("placeholder.svg") } else { address })),
        }
    }

    fn plain(&self, src: String) -> Picture {
        let ((width, height), loading) = (self.shape, Loading::default());
        let (sources, sizes, alt, class) = (Vec::new(), String::new(), String::new(), String::new());
        Picture { sources, sizes, src, alt, width, height, class, placeholder: None, loading }
    }

    fn prepared(&self, cdn: &Cdn, picture: &PreparedPicture<'_>, look: Look) -> Picture {
        let shape = Shape::of(picture, self.shape);
        let class = match self.fit {
            Fit::Cover => shape.focus_class(look.focus),
            Fit::Contain if shape.is_other() => "whole".to_owned(),
            Fit::Contain => String::new(),
        };
        Picture {
            sources: self.sources(cdn, picture),
            sizes: self.sizes(&shape),
            src: cdn.url(&picture.for_width(self.fallback, Format::Jpeg)),
            width: picture.width.into(),
            height: picture.height.into(),
            class,
            placeholder: look.placeholder,
            ..self.plain(String::new())
        }
    }

    /// A browser that knows AVIF knows WebP: widths that are not made in AVIF are offered in WebP there too. The type is for those
    /// that know neither.
    fn sources(&self, cdn: &Cdn, picture: &PreparedPicture<'_>) -> Vec<Source> {
        let webp = self.useful(picture);
        let avif: Vec<(u16, String)> = picture.renditions(Format::Avif).collect();
        let made = |width: u16| avif.iter().find(|(made, _)| *made == width);
        let mut sources = Vec::with_capacity(2);
        if webp.iter().any(|(width, _)| made(*width).is_some()) {
            let smallest = webp.iter().map(|file| made(file.0).unwrap_or(file));
            sources.push(Source { mime: Format::Avif.mime(), srcset: srcset(cdn, smallest) });
        }
        sources.push(Source { mime: Format::Webp.mime(), srcset: srcset(cdn, webp.iter()) });
        sources
    }

    /// The widths that fit this place: WebP has all of them.
    fn useful(&self, picture: &PreparedPicture<'_>) -> Vec<(u16, String)> {
        let (smallest, largest) = self.files;
        let mut files: Vec<_> = picture.renditions(Format::Webp).collect();
        let end = files.iter().position(|(width, _)| *width >= largest).map_or(files.len(), |last| last + 1);
        files.truncate(end);
        files.retain(|(width, _)| *width >= smallest || *width == picture.width);
        files
    }

    fn sizes(&self, shape: &Shape) -> String {
        let mut text = String::new();
        for (from, length) in self.sizes {
            if *from > 0 {
                let _ = write!(text, "(min-width:{from}rem) ");
            }
            let _ = match length {
                Px(width) => write!(text, "{}px", shape.told(*width, self.fit)),
                Vw(width) => write!(text, "{}vw", shape.told(*width, self.fit)),
            };
            text.push_str(if *from > 0 { "," } else { "" });
        }
        text
    }
}

fn srcset<'f>(cdn: &Cdn, files: impl Iterator<Item = &'f (u16, String)>) -> String {
    let mut text = String::new();
    for (width, address) in files {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = write!(text, "{separator}{} {width}w", cdn.url(address));
    }
    text
}

impl Picture {
    /// With a text for those who do not see it.
    pub fn named(mut self, alt: &str) -> Self {
        alt.clone_into(&mut self.alt);
        self
    }

    /// Loaded then.
    pub fn loaded(mut self, loading: Loading) -> Self {
        self.loading = loading;
        self
    }
}

impl Loading {
    /// Attributes of the element.
    pub const fn attributes(self) -> &'static str {
        match self {
            Self::First => r#" fetchpriority="high""#,
            Self::Eager => "",
            Self::Lazy => r#" loading="lazy" decoding="async""#,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(width: u16, height: u16) -> String {
        format!("/media/{}-{width}x{height}.jpg", "ab".repeat(32))
    }

    fn focused(slot: &Slot, (width, height): (u16, u16), focus: [u8; 2]) -> String {
        let look = Look { focus: Some(focus), ..Look::default() };
        slot.picture(&Cdn::default(), &at(width, height), look).class
    }

    fn widths(source: &Source) -> Vec<&str> {
        source.srcset.split(", ").map(|file| file.rsplit(['-', '/']).next().unwrap()).collect()
    }

    #[test]
    fn the_part_that_stays_has_the_focal_point_in_its_middle_if_it_can() {
        // A picture of 3:2 is cut to two thirds of its width: windows around points below 1/3 begin at its edge.
        for (across, class) in
            [(0, "fx0"), (33, "fx0"), (40, "fx2"), (50, ""), (60, "fx8"), (70, "fx10"), (255, "fx10")]
        {
            assert_eq!(focused(&LISTED, (1200, 800), [across, 0]), class, "{across}");
        }
        for (down, class) in [(0, "fy0"), (45, "fy4"), (100, "fy10")] {
            assert_eq!(focused(&LISTED, (800, 1600), [0, down]), class, "{down}");
        }
        assert_eq!(focused(&LISTED, (800, 800), [0, 0]), "", "nothing is cut");
        assert_eq!(focused(&TILE, (800, 1000), [0, 0]), "", "nothing is cut");
        assert_eq!(focused(&TILE, (800, 800), [0, 0]), "fx0");
        assert_eq!(focused(&FRAME, (1200, 800), [0, 0]), "whole", "nothing is cut");
    }

    #[test]
    fn sizes_count_what_is_cut_off() {
        let sizes =
            |slot: &Slot, width, height| slot.picture(&Cdn::default(), &at(width, height), Look::default()).sizes;
        assert_eq!(sizes(&IN_ROW, 800, 800), "(min-width:87rem) 282px,(min-width:60rem) 20vw,41vw");
        assert_eq!(sizes(&IN_ROW, 1200, 800), "(min-width:87rem) 423px,(min-width:60rem) 30vw,61vw");
        assert_eq!(sizes(&IN_ROW, 800, 1200), sizes(&IN_ROW, 800, 800), "it is as wide as its box");
        assert_eq!(
            sizes(&FRAME, 960, 1280),
            "(min-width:87rem) 453px,(min-width:56rem) 32vw,63vw",
            "whole, so narrower"
        );
    }

    #[test]
    fn a_place_is_offered_what_it_can_use() {
        let offered = |slot: &Slot, width, height| {
            let picture = slot.picture(&Cdn::default(), &at(width, height), Look::default());
            picture.sources.iter().map(|s| (s.mime, widths(s).join(" "))).collect::<Vec<_>>()
        };
        let both = |avif: &str, webp: &str| vec![("image/avif", avif.to_owned()), ("image/webp", webp.to_owned())];
        assert_eq!(
            offered(&LISTED, 1280, 960),
            both("320.avif 320w 480.avif 480w 800.webp 800w", "320.webp 320w 480.webp 480w 800.webp 800w")
        );
        assert_eq!(offered(&LISTED, 480, 480), both("320.avif 320w 480.avif 480w", "320.webp 320w 480.webp 480w"));
        assert_eq!(offered(&LISTED, 300, 300), [("image/webp", "300.webp 300w".to_owned())]);
        assert_eq!(offered(&THUMB, 1280, 960), [("image/webp", "160.webp 160w".to_owned())]);
        assert_eq!(offered(&LINE, 1280, 960), both("160.webp 160w 320.avif 320w", "160.webp 160w 320.webp 320w"));
        assert_eq!(offered(&THUMB, 90, 90), [("image/webp", "90.webp 90w".to_owned())]);
        let frame = &offered(&FRAME, 1280, 960)[0].1;
        assert_eq!(frame, "320.avif 320w 480.avif 480w 800.webp 800w 1280.webp 1280w");
        assert!(
            offered(&FRAME, 1000, 800)[0].1.ends_with("800.webp 800w 1000.webp 1000w"),
            "the full size is the largest"
        );
    }

    #[test]
    fn other_addresses_are_one_file() {
        let look = Look { placeholder: Some("data:image/webp;base64,AAAA".into()), focus: Some([10, 10]) };
        for address in ["/media/art/mugs/a.svg", "/media/abcd.png"] {
            let picture = HERO.picture(&Cdn::at("https://cdn.example"), address, look.clone());
            assert_eq!((&*picture.src, &*picture.sources), (&*format!("https://cdn.example{address}"), &[][..]));
            assert_eq!(
                (picture.class.as_str(), picture.placeholder, picture.width, picture.height),
                ("", None, 640, 800)
            );
        }
        assert!(LINE.picture(&Cdn::default(), "", Look::default()).src.starts_with("/assets/placeholder"));
    }
}
