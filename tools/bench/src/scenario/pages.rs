//! Product scenario: product pages, as HTML or JSON, spread over the whole catalogue.

use std::sync::Arc;

use super::get;
use crate::catalog::{Catalog, Spread};
use crate::client::Accept;
use crate::load::{Scenario, User};
use crate::record::Outcome;

/// Visits products.
pub struct ProductPages {
    name: &'static str,
    accept: Accept,
    paths: Vec<String>,
    spread: Spread,
}

impl ProductPages {
    /// Their HTML.
    pub fn html(catalog: &Arc<Catalog>) -> Self {
        Self::new("product-page", "/p/", Accept::Page, catalog)
    }

    /// Their JSON.
    pub fn json(catalog: &Arc<Catalog>) -> Self {
        Self::new("product-json", "/api/v1/products/", Accept::Data, catalog)
    }

    fn new(name: &'static str, base: &str, accept: Accept, catalog: &Catalog) -> Self {
        let paths: Vec<_> = catalog.products.iter().map(|product| format!("{base}{}", product.slug)).collect();
        Self { name, accept, spread: Spread::over(paths.len()), paths }
    }

    /// How many there are: the warm-up visits each once.
    pub fn pages(&self) -> u64 {
        self.paths.len() as u64
    }
}

impl Scenario for ProductPages {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn once(&self, user: &mut User, n: u64) -> Outcome {
        match get(user, &self.paths[self.spread.at(n)], self.accept).await {
            Ok(answer) => Outcome::Good(answer.bytes),
            Err(bad) => bad,
        }
    }
}
