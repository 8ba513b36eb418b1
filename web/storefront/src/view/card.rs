//! Product card: a product in a grid.

use souk_catalog_api::Look;
use souk_search_api::Hit;
use souk_web::Cdn;

use super::money::Price;
use super::picture::{Loading, Picture, Slot};

/// A product in a grid.
#[derive(Clone, Debug)]
pub struct Card {
    /// Its page.
    pub href: String,
    /// Name.
    pub title: String,
    /// Maker.
    pub brand: Option<String>,
    /// Picture.
    pub picture: Picture,
    /// Cheapest price.
    pub price: Price,
    /// Something of it can be bought.
    pub available: bool,
    /// The only variant, for a button that puts it into the cart at once.
    pub sku: Option<String>,
}

/// Pictures seen without scrolling: the first row on a wide screen.
const EAGER: usize = 4;
/// The first row on a telephone: any of them may be the largest thing of the first screen, by what comes first.
const FIRST: usize = 2;

/// Cards of search hits; `above` says that the grid begins on the first screen.
pub fn cards(cdn: &Cdn, hits: Vec<Hit>, slot: &Slot, above: bool) -> Vec<Card> {
    let loading = |i: usize| match i {
        i if above && i < FIRST => Loading::First,
        i if above && i < EAGER => Loading::Eager,
        _ => Loading::Lazy,
    };
    let card = |(i, hit): (usize, Hit)| Card {
        href: product(&hit.slug),
        picture: hit_picture(cdn, &hit, slot, loading(i)),
        title: hit.title,
        brand: hit.brand,
        price: Price::new(hit.price, hit.compare_at, hit.price_varies),
        available: hit.available,
        sku: hit.sku,
    };
    hits.into_iter().enumerate().map(card).collect()
}

/// Address of a product's page.
pub fn product(slug: &str) -> String {
    format!("/p/{slug}")
}

/// The picture of a hit. One that is loaded when it is about to be seen has no placeholder: it is there before anyone looks,
/// and its placeholder would be a part of the page that all wait for.
pub fn hit_picture(cdn: &Cdn, hit: &Hit, slot: &Slot, loading: Loading) -> Picture {
    let placeholder = hit.placeholder.clone().filter(|_| loading != Loading::Lazy);
    slot.picture(cdn, &hit.image, Look { placeholder, focus: hit.focus }).loaded(loading)
}
