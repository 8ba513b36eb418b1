//! Availability scenario: stock of one SKU, which the shop reads from the database every time.

use super::get;
use crate::catalog::{Catalog, Spread, escape};
use crate::client::Accept;
use crate::load::{Scenario, User};
use crate::record::Outcome;

/// Asks for stock.
pub struct Availability {
    name: &'static str,
    paths: Vec<String>,
    spread: Spread,
}

impl Availability {
    /// Of everything that is sold.
    pub fn new(catalog: &Catalog) -> Self {
        Self::named("availability", catalog)
    }

    /// The same questions under another name, for the bare handler.
    pub fn named(name: &'static str, catalog: &Catalog) -> Self {
        let path = |sku: &String| format!("/api/v1/availability?sku={}", escape(sku));
        let paths: Vec<_> = catalog.skus.iter().map(path).collect();
        Self { name, spread: Spread::over(paths.len()), paths }
    }
}

impl Scenario for Availability {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn once(&self, user: &mut User, n: u64) -> Outcome {
        let Some(path) = self.paths.get(self.spread.at(n)) else {
            return Outcome::Bad("nothing in this catalogue can be bought".into());
        };
        match get(user, path, Accept::Data).await {
            Ok(answer) => Outcome::Good(answer.bytes),
            Err(bad) => bad,
        }
    }
}
