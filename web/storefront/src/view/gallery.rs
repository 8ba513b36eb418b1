//! View model of a product's pictures: the strip with its links, and those that stand for choices.

use souk_catalog_api::{Look, Product};
use souk_web::Cdn;

use super::picture::{FRAME, Loading, Picture, SWATCH, THUMB};

/// A picture of the product as it is known, before it is put into a place on the page.
pub struct Shot {
    /// Address of its full size, relative to the shop's root.
    pub address: String,
    /// For those who do not see it.
    pub alt: String,
    /// How it looks before it is there.
    pub look: Look,
}

/// A picture in the gallery.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// In the strip.
    pub frame: Picture,
    /// On the link to it.
    pub thumb: Picture,
}

/// The pictures of a product; at least one.
pub fn shots(product: &Product) -> Vec<Shot> {
    let known = product.media.iter().map(|media| {
        let alt = if media.alt.is_empty() { product.title.clone() } else { media.alt.clone() };
        (media.url.clone(), alt, media.look.clone())
    });
    // Only what is stored in the shop can be shown; variants name their picture by its place, so places must not shift.
    let all: Vec<(Option<String>, String, Look)> = known.collect();
    if all.iter().all(|(url, ..)| url.is_none()) {
        return vec![Shot { address: product.image(), alt: product.title.clone(), look: Look::default() }];
    }
    let shot = |(url, alt, look): (Option<String>, String, Look)| match url {
        Some(address) => Shot { address, alt, look },
        None => Shot { address: product.image(), alt, look: product.look() },
    };
    all.into_iter().map(shot).collect()
}

/// They as the page shows them.
pub fn gallery(cdn: &Cdn, shots: Vec<Shot>) -> Vec<Exhibit> {
    let exhibit = |(i, shot): (usize, Shot)| Exhibit {
        thumb: THUMB.picture(cdn, &shot.address, Look { placeholder: None, ..shot.look.clone() }).loaded(Loading::Lazy),
        frame: FRAME.picture(cdn, &shot.address, shot.look).named(&shot.alt).loaded(if i == 0 {
            Loading::First
        } else {
            Loading::Lazy
        }),
    };
    shots.into_iter().enumerate().map(exhibit).collect()
}

/// A picture that stands for this value of an option.
pub fn swatch(cdn: &Cdn, shot: &Shot, value: &str) -> Picture {
    SWATCH.picture(cdn, &shot.address, Look { placeholder: None, ..shot.look.clone() }).named(value)
}
