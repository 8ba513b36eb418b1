//! What stands on a page's price tags. Pages that are made for everybody at the same moment ask for prices and stock
//! together: in a fleet each question costs a trip to another process, and the answers are the same for all of them.

use std::collections::HashMap;
use std::time::Duration;

use souk_inventory_api::{Availability, AvailabilityRequest, InventoryClient};
use souk_kernel::Problem;
use souk_modules::{Combiner, Tasks};
use souk_pricing_api::{Price, PricesRequest, PricingClient};
use souk_rpc::{Actor, Cx};

/// Questions that are asked together: pages that are rendered at once in a busy process.
const MAX_TOGETHER: usize = 64;
/// SKUs of a question that is asked together with others; a product with more variants asks by itself, so that no batch
/// comes near the services' limits of 2,000.
const MAX_SKUS: usize = 30;
/// How long a batch may take: as long as the gateway waits for a page.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one page asks: how much its writer has seen, and which SKUs.
type Question = (u64, Vec<String>);

/// Prices and stock, asked together where that is right.
pub(crate) struct Shelf {
    pricing: PricingClient,
    inventory: InventoryClient,
    prices: Combiner<Question, Vec<Price>>,
    stock: Combiner<Question, Vec<Availability>>,
}

impl Shelf {
    pub(crate) fn new(tasks: &Tasks, pricing: PricingClient, inventory: InventoryClient) -> Self {
        let (prices_of, stock_of) = (pricing.clone(), inventory.clone());
        let prices = Combiner::prompt(tasks, "storefront.prices", MAX_TOGETHER, move |questions: Vec<Question>| {
            let pricing = prices_of.clone();
            async move {
                let (cx, skus) = together(&questions);
                let found = pricing.prices(&cx, PricesRequest { skus }).await.map(|reply| reply.items);
                apart(&questions, found, |price| &price.sku)
            }
        });
        let stock = Combiner::prompt(tasks, "storefront.stock", MAX_TOGETHER, move |questions: Vec<Question>| {
            let inventory = stock_of.clone();
            async move {
                let (cx, skus) = together(&questions);
                let found = inventory.availability(&cx, AvailabilityRequest { skus }).await.map(|reply| reply.items);
                apart(&questions, found, |stock| &stock.sku)
            }
        });
        Self { pricing, inventory, prices, stock }
    }

    /// Prices of SKUs; those without one are left out.
    pub(crate) async fn prices(&self, cx: &Cx, skus: Vec<String>) -> Result<Vec<Price>, Problem> {
        if is_shared(cx, &skus) {
            return self.prices.submit((cx.min_lsn(), skus)).await;
        }
        Ok(self.pricing.prices(cx, PricesRequest { skus }).await?.items)
    }

    /// Stock of SKUs; unknown ones are left out.
    pub(crate) async fn stock(&self, cx: &Cx, skus: Vec<String>) -> Result<Vec<Availability>, Problem> {
        if is_shared(cx, &skus) {
            return self.stock.submit((cx.min_lsn(), skus)).await;
        }
        Ok(self.inventory.availability(cx, AvailabilityRequest { skus }).await?.items)
    }
}

/// Who is somebody may be answered differently from everybody.
fn is_shared(cx: &Cx, skus: &[String]) -> bool {
    cx.actor == Actor::Anonymous && skus.len() <= MAX_SKUS
}

/// One question that asks for all: each SKU once, and nothing older than the newest that one of them has seen.
fn together(questions: &[Question]) -> (Cx, Vec<String>) {
    let cx = Cx::new("storefront", Actor::Anonymous).within(PATIENCE);
    questions.iter().for_each(|(seen, _)| cx.wrote(*seen));
    let mut skus: Vec<String> = questions.iter().flat_map(|(_, skus)| skus.iter().cloned()).collect();
    skus.sort_unstable();
    skus.dedup();
    (cx, skus)
}

/// To each what they asked for, in the order in which they asked for it.
fn apart<T: Clone>(
    questions: &[Question],
    found: Result<Vec<T>, Problem>,
    sku: impl Fn(&T) -> &String,
) -> Vec<Result<Vec<T>, Problem>> {
    let found = match found {
        Ok(found) => found,
        Err(problem) => return questions.iter().map(|_| Err(problem.clone())).collect(),
    };
    let by_sku: HashMap<&str, &T> = found.iter().map(|item| (sku(item).as_str(), item)).collect();
    let pick = |sku: &String| by_sku.get(sku.as_str()).map(|item| (*item).clone());
    questions.iter().map(|(_, skus)| Ok(skus.iter().filter_map(pick).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(seen: u64, skus: &[&str]) -> Question {
        (seen, skus.iter().map(|sku| (*sku).to_owned()).collect())
    }

    #[test]
    fn each_sku_is_asked_for_once_and_at_the_newest_position() {
        let (cx, skus) = together(&[question(7, &["B", "A"]), question(9, &["A"]), question(0, &[])]);
        assert_eq!(skus, ["A", "B"]);
        assert_eq!(cx.min_lsn(), 9);
        assert!(cx.deadline.is_some());
    }

    #[test]
    fn everybody_gets_their_own_and_unknown_ones_are_left_out() {
        let stock = |sku: &str, available| Availability { sku: sku.into(), available };
        let questions = [question(0, &["A", "C", "B"]), question(0, &["A"]), question(0, &["X"])];
        let answers = apart(&questions, Ok(vec![stock("A", 1), stock("B", 2), stock("C", 3)]), |stock| &stock.sku);
        let of = |at: usize| answers[at].as_ref().unwrap().iter().map(|stock| stock.available).collect::<Vec<_>>();
        assert_eq!((of(0), of(1), of(2)), (vec![1, 3, 2], vec![1], vec![]));
        let failed = apart::<Availability>(&questions, Err(Problem::timeout("inventory")), |stock| &stock.sku);
        assert!(failed.iter().all(Result::is_err) && failed.len() == 3);
    }

    #[test]
    fn who_is_somebody_and_who_asks_for_much_asks_alone() {
        let few = vec!["A".to_owned(); MAX_SKUS];
        assert!(is_shared(&Cx::new("x", Actor::Anonymous), &few));
        assert!(!is_shared(&Cx::system("x"), &few));
        assert!(!is_shared(&Cx::new("x", Actor::Anonymous), &vec!["A".to_owned(); MAX_SKUS + 1]));
    }
}
