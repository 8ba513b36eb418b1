//! Page scenario: the products or the categories of the whole catalogue, as HTML or JSON.

use super::get;
use crate::catalog::{Catalog, Spread, escape};
use crate::client::Accept;
use crate::load::{Scenario, User};
use crate::record::Outcome;

/// Visits pages of one kind.
pub struct Pages {
    name: &'static str,
    accept: Accept,
    paths: Vec<String>,
    spread: Spread,
}

impl Pages {
    /// HTML of products.
    pub fn products_html(catalog: &Catalog) -> Self {
        let path = |slug: &str| format!("/p/{slug}");
        Self::new("product-page", Accept::Page, catalog.products.iter().map(|product| path(&product.slug)))
    }

    /// JSON of products.
    pub fn products_json(catalog: &Catalog) -> Self {
        let path = |slug: &str| format!("/api/v1/products/{slug}");
        Self::new("product-json", Accept::Data, catalog.products.iter().map(|product| path(&product.slug)))
    }

    /// HTML of categories: lists of 24 products.
    pub fn categories_html(catalog: &Catalog) -> Self {
        Self::new("category-page", Accept::Page, catalog.categories.iter().map(|path| format!("/c/{path}")))
    }

    /// The same lists as JSON.
    pub fn categories_json(catalog: &Catalog) -> Self {
        let path = |path: &String| format!("/api/v1/products?category={}&limit=24", escape(path));
        Self::new("category-json", Accept::Data, catalog.categories.iter().map(path))
    }

    fn new(name: &'static str, accept: Accept, paths: impl Iterator<Item = String>) -> Self {
        let paths: Vec<String> = paths.collect();
        Self { name, accept, spread: Spread::over(paths.len()), paths }
    }

    /// How many there are: the warm-up visits each once.
    pub fn pages(&self) -> u64 {
        self.paths.len() as u64
    }
}

impl Scenario for Pages {
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
