//! Product card: a product in a grid.

use souk_search_api::Hit;
use souk_web::Cdn;

use super::money::Price;
use crate::assets;

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
    pub image: String,
    /// Cheapest price.
    pub price: Price,
    /// Something of it can be bought.
    pub available: bool,
    /// The only variant, for a button that puts it into the cart at once.
    pub sku: Option<String>,
    /// Seen without scrolling, so its picture must not wait.
    pub eager: bool,
}

/// Pictures seen without scrolling: the first row on a wide screen.
const EAGER: usize = 4;

/// Cards of search hits; `above` says that the grid begins on the first screen.
pub fn cards(cdn: &Cdn, hits: Vec<Hit>, above: bool) -> Vec<Card> {
    let card = |(i, hit): (usize, Hit)| Card {
        href: product(&hit.slug),
        title: hit.title,
        brand: hit.brand,
        image: image(cdn, &hit.image),
        price: Price::new(hit.price, hit.compare_at, hit.price_varies),
        available: hit.available,
        sku: hit.sku,
        eager: above && i < EAGER,
    };
    hits.into_iter().enumerate().map(card).collect()
}

/// Address of a product's page.
pub fn product(slug: &str) -> String {
    format!("/p/{slug}")
}

/// A picture, or the one that stands for a missing one.
pub fn image(cdn: &Cdn, url: &str) -> String {
    cdn.url(if url.is_empty() { assets::href("placeholder.svg") } else { url })
}
