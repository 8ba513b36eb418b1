//! Category scenario: lists of 24 products, as HTML or JSON.

use super::get;
use crate::catalog::{Catalog, Spread, escape};
use crate::client::Accept;
use crate::load::{Scenario, User};
use crate::record::Outcome;

/// Visits categories.
pub struct CategoryList {
    name: &'static str,
    accept: Accept,
    paths: Vec<String>,
    spread: Spread,
}

impl CategoryList {
    /// Their pages.
    pub fn html(catalog: &Catalog) -> Self {
        Self::new("category-page", Accept::Page, catalog.categories.iter().map(|path| format!("/c/{path}")).collect())
    }

    /// Their lists.
    pub fn json(catalog: &Catalog) -> Self {
        let path = |path: &String| format!("/api/v1/products?category={}&limit=24", escape(path));
        Self::new("category-json", Accept::Data, catalog.categories.iter().map(path).collect())
    }

    fn new(name: &'static str, accept: Accept, paths: Vec<String>) -> Self {
        Self { name, accept, spread: Spread::over(paths.len()), paths }
    }

    /// How many there are: the warm-up visits each once.
    pub fn pages(&self) -> u64 {
        self.paths.len() as u64
    }
}

impl Scenario for CategoryList {
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
