//! Catalogue crawl: finds out what the shop sells as anybody would, by paging through the public API.

use anyhow::{Context, ensure};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::client::{Accept, Client};
use crate::target::Target;

/// Products asked for at once: the API's limit.
const PAGE: usize = 100;
/// Pages asked for at most: a million products are enough to spread load over.
const MAX_PAGES: usize = 10_000;

/// One product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Below `/p/`.
    pub slug: String,
    /// Name.
    pub title: String,
    /// Maker.
    pub brand: Option<String>,
    /// Minor units.
    pub price: Option<i64>,
    /// Those that can be bought.
    pub skus: Vec<String>,
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Products.
    pub products: Vec<Product>,
    /// Every SKU that can be bought.
    pub skus: Vec<String>,
    /// Paths of categories that fill a page of 24, or, if none does, of those that have a product.
    pub categories: Vec<String>,
}

#[derive(Deserialize)]
struct ProductPage {
    items: Vec<ProductItem>,
    next_cursor: Option<String>,
}

#[derive(Deserialize)]
struct ProductItem {
    slug: String,
    title: String,
    brand: Option<String>,
    price: Option<Money>,
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Money {
    amount: i64,
}

#[derive(Deserialize)]
struct Variant {
    sku: String,
    price: Option<Money>,
    available: bool,
}

#[derive(Deserialize)]
struct Categories {
    items: Vec<Category>,
}

#[derive(Deserialize)]
struct Category {
    path: String,
    #[serde(default)]
    products: u64,
}

impl Catalog {
    /// Asks the shop at `target`.
    ///
    /// # Errors
    /// The shop does not answer, or sells nothing.
    pub async fn discover(target: &Target) -> anyhow::Result<Self> {
        let mut client = Client::new(target.clone());
        let mut catalog = Self::default();
        let mut cursor = None;
        for _ in 0..MAX_PAGES {
            let mut path = format!("/api/v1/products?limit={PAGE}");
            if let Some(cursor) = cursor {
                path.push_str("&cursor=");
                path.push_str(&escape(cursor));
            }
            let page: ProductPage = read(&mut client, &path).await?;
            catalog.products.extend(page.items.into_iter().map(Product::from));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        ensure!(!catalog.products.is_empty(), "the shop sells nothing: import a catalogue first");
        catalog.skus = catalog.products.iter().flat_map(|product| product.skus.iter().cloned()).collect();
        let categories: Categories = read(&mut client, "/api/v1/categories").await?;
        let with = |least: u64| categories.items.iter().filter(move |c| c.products >= least).map(|c| c.path.clone());
        catalog.categories = with(24).collect();
        if catalog.categories.is_empty() {
            catalog.categories = with(1).collect();
        }
        Ok(catalog)
    }
}

impl From<ProductItem> for Product {
    fn from(item: ProductItem) -> Self {
        let sold = item.variants.into_iter().filter(|variant| variant.available && variant.price.is_some());
        Self {
            slug: item.slug,
            title: item.title,
            brand: item.brand,
            price: item.price.map(|price| price.amount),
            skus: sold.map(|variant| variant.sku).collect(),
        }
    }
}

async fn read<T: serde::de::DeserializeOwned>(client: &mut Client, path: &str) -> anyhow::Result<T> {
    let answer = client.get(path, Accept::Data).await.with_context(|| format!("GET {path}"))?;
    ensure!(answer.status == 200, "GET {path}: {}", answer.status);
    client.json(answer).with_context(|| format!("GET {path}"))
}

/// As a part of a path or a query.
pub fn escape(text: impl AsRef<str>) -> String {
    utf8_percent_encode(text.as_ref(), NON_ALPHANUMERIC).to_string()
}

/// Walks over `len` things in leaps, so that neighbours in time are no neighbours in the catalogue, and meets each once
/// before it meets one twice.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    len: u64,
    stride: u64,
}

impl Spread {
    /// Over `len` things, at least one.
    pub fn over(len: usize) -> Self {
        let len = (len as u64).max(1);
        let golden = (len as f64 * 0.618) as u64;
        let stride = (golden.max(1)..=len).find(|stride| gcd(*stride, len) == 1).unwrap_or(1);
        Self { len, stride }
    }

    /// Which one comes as number `n`.
    pub fn at(self, n: u64) -> usize {
        let place = u128::from(n % self.len) * u128::from(self.stride) % u128::from(self.len);
        usize::try_from(place).unwrap_or_default()
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_met_once_before_anything_is_met_twice() {
        for len in [1, 2, 3, 7, 24, 100, 19_406] {
            let spread = Spread::over(len);
            let mut seen: Vec<usize> = (0..len as u64).map(|n| spread.at(n)).collect();
            seen.sort_unstable();
            assert_eq!(seen, (0..len).collect::<Vec<_>>());
        }
    }
}
