//! Search scenario, with facets, every search different: two or three words of a title, a third of them with a filter.

use std::collections::HashSet;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::get;
use crate::catalog::{Catalog, Product, Spread, escape};
use crate::client::Accept;
use crate::load::{Scenario, User};
use crate::record::Outcome;

/// Shortest word worth searching for, in characters.
const SHORTEST: usize = 3;
/// Words of a title that are combined.
const WORDS: usize = 8;
/// Of so many answers one is looked into.
const LOOK_INTO: u64 = 64;
/// Rounds over the catalogue without a new query, after which there are none.
const TRIES: usize = 40;

/// Searches.
pub struct Searches {
    paths: Vec<String>,
}

#[derive(Deserialize)]
struct Reply {
    items: Vec<IgnoredAny>,
    facets: Vec<IgnoredAny>,
}

impl Searches {
    /// Up to `wanted` different ones.
    pub fn new(catalog: &Catalog, wanted: usize) -> Self {
        let titles: Vec<Vec<&str>> = catalog.products.iter().map(|product| words(&product.title)).collect();
        let spread = Spread::over(titles.len());
        let mut seen = HashSet::new();
        let mut paths = Vec::new();
        for round in 0..TRIES {
            for n in 0..titles.len() {
                if paths.len() >= wanted {
                    return Self { paths };
                }
                let at = spread.at(n as u64);
                let Some(query) = combine(&titles[at], round) else { continue };
                let path = path(&query, &catalog.products[at], n + round);
                if seen.insert(path.clone()) {
                    paths.push(path);
                }
            }
        }
        Self { paths }
    }

    /// How many there are; beyond, they are repeated.
    pub fn different(&self) -> u64 {
        self.paths.len() as u64
    }
}

/// Words of a title that a person would type.
fn words(title: &str) -> Vec<&str> {
    let mut words: Vec<&str> = Vec::new();
    for word in title.split(|c: char| !c.is_alphanumeric()) {
        let known = words.iter().any(|one| one.eq_ignore_ascii_case(word));
        if word.chars().count() >= SHORTEST && !known && words.len() < WORDS {
            words.push(word);
        }
    }
    words
}

/// Two words, and in every third round three; another pair in each round.
fn combine(words: &[&str], round: usize) -> Option<String> {
    let pairs: Vec<(usize, usize)> = (0..words.len()).flat_map(|a| (a + 1..words.len()).map(move |b| (a, b))).collect();
    let (a, b) = *pairs.get(round % pairs.len().max(1))?;
    let third = (0..words.len()).find(|c| *c != a && *c != b).filter(|_| round % 3 == 2 || round >= pairs.len());
    let mut query = format!("{} {}", words[a], words[b]);
    if let Some(c) = third {
        query.push(' ');
        query.push_str(words[c]);
    }
    Some(query.to_lowercase())
}

fn path(query: &str, product: &Product, n: usize) -> String {
    let mut path = format!("/api/v1/search?q={}&limit=24", escape(query));
    match (n % 6, &product.brand, product.price) {
        (0, Some(brand), _) => path.push_str(&format!("&brand={}", escape(brand))),
        (1, _, Some(price)) => path.push_str(&format!("&price_max={}", price + price / 4 + 100)),
        (2, _, Some(price)) => path.push_str(&format!("&price_min={}&sort=price_asc", price / 2)),
        _ => {}
    }
    path
}

impl Scenario for Searches {
    fn name(&self) -> &'static str {
        "search"
    }

    async fn once(&self, user: &mut User, n: u64) -> Outcome {
        let Some(path) = self.paths.get((n % self.different().max(1)) as usize) else {
            return Outcome::Bad("no title of this catalogue has two words".into());
        };
        let answer = match get(user, path, Accept::Data).await {
            Ok(answer) => answer,
            Err(bad) => return bad,
        };
        if n.is_multiple_of(LOOK_INTO) {
            match user.client.json::<Reply>(answer) {
                Ok(reply) if reply.items.is_empty() || reply.facets.is_empty() => {
                    return Outcome::Bad("200 without items or facets".into());
                }
                Ok(_) => {}
                Err(error) => return Outcome::Bad(crate::load::broken(&error)),
            }
        }
        Outcome::Good(answer.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_queries_are_different_and_made_of_titles() {
        let product = |n: usize| Product {
            slug: format!("p{n}"),
            title: format!("Acme Laser Printer {} black A4", n % 7),
            brand: Some("Acme".into()),
            price: Some(1000 + n as i64),
            skus: Vec::new(),
        };
        let catalog = Catalog { products: (0..50).map(product).collect(), ..Catalog::default() };
        let searches = Searches::new(&catalog, 200);
        let different: HashSet<_> = searches.paths.iter().collect();
        assert_eq!(different.len(), searches.paths.len());
        assert!(searches.paths.len() > 100, "{}", searches.paths.len());
        assert!(searches.paths.iter().any(|path| path.contains("brand=Acme")));
        assert!(searches.paths.iter().any(|path| path.contains("price_max=")));
        assert!(searches.paths.iter().all(|path| path.contains("q=") && path.contains("%20")));
        assert!(combine(&["one"], 0).is_none());
    }
}
