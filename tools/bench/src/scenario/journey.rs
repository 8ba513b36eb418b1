//! User-journey scenario: people look around, search, look again, and one in five buys. With time to think between two
//! pages.

use std::sync::Arc;
use std::time::Instant;

use super::{Checkout, Searches};
use crate::catalog::{Catalog, Spread};
use crate::client::Accept;
use crate::load::{Scenario, User};
use crate::record::Outcome;

/// Of so many visitors one buys.
const BUYERS: u64 = 5;
/// Products looked at after the list.
const LOOKS: u64 = 2;
/// Different searches to draw from.
const SEARCHES: usize = 50_000;

/// Visits.
pub struct Journey {
    catalog: Arc<Catalog>,
    spread: Spread,
    searches: Searches,
    checkout: Arc<Checkout>,
}

impl Journey {
    /// Buys through `checkout`.
    pub fn new(catalog: &Arc<Catalog>, checkout: Arc<Checkout>) -> Self {
        let spread = Spread::over(catalog.products.len());
        Self { searches: Searches::new(catalog, SEARCHES), spread, catalog: catalog.clone(), checkout }
    }

    async fn page(&self, user: &mut User, name: &'static str, path: &str) -> Result<u64, String> {
        let started = Instant::now();
        let answer = user.client.get(path, Accept::Page).await;
        let answer = user.part(name, started, answer, &[200]).await?;
        user.think().await;
        Ok(answer.bytes)
    }

    async fn visit(&self, user: &mut User, n: u64) -> Result<u64, String> {
        let mut bytes = self.page(user, "home", "/").await?;
        let category = user.roll(self.catalog.categories.len() as u64) as usize;
        if let Some(path) = self.catalog.categories.get(category) {
            bytes += self.page(user, "category", &format!("/c/{path}")).await?;
        }
        for look in 0..LOOKS {
            let product = &self.catalog.products[self.spread.at(n * LOOKS + look)];
            bytes += self.page(user, "product", &format!("/p/{}", product.slug)).await?;
        }
        let started = Instant::now();
        match self.searches.once(user, n).await {
            Outcome::Good(more) => {
                user.note("search", started, Outcome::Good(more));
                bytes += more;
            }
            Outcome::Bad(error) => {
                user.note("search", started, Outcome::Bad(error.clone()));
                return Err(error);
            }
        }
        user.think().await;
        if n.is_multiple_of(BUYERS)
            && let Outcome::Bad(error) = self.checkout.once(user, n).await
        {
            return Err(error);
        }
        Ok(bytes)
    }
}

impl Scenario for Journey {
    fn name(&self) -> &'static str {
        "journey"
    }

    async fn once(&self, user: &mut User, n: u64) -> Outcome {
        match self.visit(user, n).await {
            Ok(bytes) => Outcome::Good(bytes),
            Err(error) => Outcome::Bad(error),
        }
    }
}
