//! Scenarios: one small file per kind of visitor, and their names on the command line.

mod availability;
mod checkout;
mod flash;
mod journey;
mod pages;
mod search;

use clap::ValueEnum;

use crate::client::{Accept, Answer};
use crate::load::User;
use crate::record::Outcome;

pub use availability::Availability;
pub use checkout::{Checkout, SHIP_TO, Shown, names_total, shipping_method};
pub use flash::{FlashSale, Sale, units_of};
pub use journey::Journey;
pub use pages::Pages;
pub use search::Searches;

/// A scenario's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// HTML of products, spread over the whole catalogue.
    ProductPage,
    /// The same as JSON.
    ProductJson,
    /// HTML of categories.
    CategoryPage,
    /// The same as JSON, 24 products.
    CategoryJson,
    /// Searches with facets, all different.
    Search,
    /// Stock, read from the database.
    Availability,
    /// Whole purchases: cart, two lines, address and shipping, payment.
    Checkout,
    /// More buyers than units, all at once.
    FlashSale,
    /// People who browse, search, and sometimes buy, with time to think.
    Journey,
}

impl Kind {
    /// All, in the order they are run: reading first, as long as no orders make it slower; what sells out last.
    pub const ALL: &[Kind] = &[
        Kind::ProductPage,
        Kind::ProductJson,
        Kind::CategoryPage,
        Kind::CategoryJson,
        Kind::Search,
        Kind::Availability,
        Kind::Checkout,
        Kind::Journey,
        Kind::FlashSale,
    ];
}

/// GETs `path` as the whole turn.
async fn get(user: &mut User, path: &str, accept: Accept) -> Result<Answer, Outcome> {
    let answer = user.client.get(path, accept).await;
    user.sort(answer, &[200]).await.map_err(Outcome::Bad)
}
