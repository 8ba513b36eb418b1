//! What pages are made of. Pages that are made for everybody at the same moment ask for their products, prices and stock
//! together: in a fleet each question costs a trip to another process, and the answers are the same for all of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use souk_catalog_api::{BySlug, BySlugs, CatalogClient, Product, ProductsBySlug, moved};
use souk_inventory_api::{Availability, AvailabilityRequest, InventoryClient};
use souk_kernel::{Kind, Problem};
use souk_pricing_api::{Price, PricesRequest, PricingClient};
use souk_rpc::{Actor, Cx, UNKNOWN_METHOD};
use souk_runtime::{Batcher, Tasks};

/// Questions that are asked together: pages that are rendered at once in a busy process.
const MAX_TOGETHER: usize = 64;
/// SKUs of a question that is asked together with others; a product with more variants asks by itself, so that no batch
/// comes near the services' limits of 2,000.
const MAX_SKUS: usize = 30;
/// How long a batch may take: as long as the gateway waits for a page.
const PATIENCE: Duration = Duration::from_secs(5);

/// What one page asks: how much its visitor has seen, and which SKUs or slug.
type Question = (u64, Vec<String>);

/// Products, prices and stock, asked together where that is right.
pub(crate) struct Shelf {
    catalog: CatalogClient,
    pricing: PricingClient,
    inventory: InventoryClient,
    products: Batcher<Question, Arc<Product>>,
    prices: Batcher<Question, Vec<Price>>,
    stock: Batcher<Question, Vec<Availability>>,
}

impl Shelf {
    pub(crate) fn new(
        tasks: &Tasks,
        catalog: CatalogClient,
        pricing: PricingClient,
        inventory: InventoryClient,
    ) -> Self {
        let (products_of, prices_of, stock_of) = (catalog.clone(), pricing.clone(), inventory.clone());
        let products =
            Batcher::for_reads(tasks, "storefront.products", MAX_TOGETHER, move |questions: Vec<Question>| {
                let catalog = products_of.clone();
                async move {
                    let (cx, slugs) = together(&questions);
                    shown(&questions, catalog.products_by_slug(&cx, BySlugs { slugs }).await)
                }
            });
        let prices = Batcher::for_reads(tasks, "storefront.prices", MAX_TOGETHER, move |questions: Vec<Question>| {
            let pricing = prices_of.clone();
            async move {
                let (cx, skus) = together(&questions);
                let found = pricing.prices(&cx, PricesRequest { skus }).await.map(|reply| reply.items);
                apart(&questions, found, |price| &price.sku)
            }
        });
        let stock = Batcher::for_reads(tasks, "storefront.stock", MAX_TOGETHER, move |questions: Vec<Question>| {
            let inventory = stock_of.clone();
            async move {
                let (cx, skus) = together(&questions);
                let found = inventory.availability(&cx, AvailabilityRequest { skus }).await.map(|reply| reply.items);
                apart(&questions, found, |stock| &stock.sku)
            }
        });
        Self { catalog, pricing, inventory, products, prices, stock }
    }

    /// The published product at a slug; 404 as [`CatalogClient::product_by_slug`] says.
    pub(crate) async fn product(&self, cx: &Cx, slug: String) -> Result<Arc<Product>, Problem> {
        let wanted = [slug];
        if let Some(answer) = in_company(&self.products, cx, &wanted).await {
            return answer;
        }
        let [slug] = wanted;
        self.catalog.product_by_slug(cx, BySlug { slug }).await.map(Arc::new)
    }

    /// Prices of SKUs; those without one are left out.
    pub(crate) async fn prices(&self, cx: &Cx, skus: Vec<String>) -> Result<Vec<Price>, Problem> {
        if let Some(answer) = in_company(&self.prices, cx, &skus).await {
            return answer;
        }
        Ok(self.pricing.prices(cx, PricesRequest { skus }).await?.items)
    }

    /// Stock of SKUs; unknown ones are left out.
    pub(crate) async fn stock(&self, cx: &Cx, skus: Vec<String>) -> Result<Vec<Availability>, Problem> {
        if let Some(answer) = in_company(&self.stock, cx, &skus).await {
            return answer;
        }
        Ok(self.inventory.availability(cx, AvailabilityRequest { skus }).await?.items)
    }
}

/// The answer of a batch. None for what is to be asked alone: for somebody, for much, of a role that does not know the batch
/// yet, and when a batch met a fault, which may be the fault of another's question.
async fn in_company<R: Send + 'static>(
    batcher: &Batcher<Question, R>,
    cx: &Cx,
    wanted: &[String],
) -> Option<Result<R, Problem>> {
    if !is_shared(cx, wanted) {
        return None;
    }
    match batcher.submit((cx.min_lsn(), wanted.to_vec())).await {
        Err(problem) if problem.is(UNKNOWN_METHOD) => None,
        Err(problem) if problem.kind == Kind::Internal => {
            let internal = problem.internal_detail().unwrap_or_default();
            tracing::warn!(request_id = %cx.request_id, internal, "a batch of questions failed: asking alone");
            None
        }
        answer => Some(answer),
    }
}

/// Who is somebody may be answered differently from everybody.
fn is_shared(cx: &Cx, wanted: &[String]) -> bool {
    cx.actor == Actor::Anonymous && wanted.len() <= MAX_SKUS
}

/// One question that asks for all: each thing once, and nothing older than the newest that one of them has seen.
fn together(questions: &[Question]) -> (Cx, Vec<String>) {
    let cx = Cx::new("storefront", Actor::Anonymous).within(PATIENCE);
    questions.iter().for_each(|(seen, _)| cx.wrote(*seen));
    let mut wanted: Vec<String> = questions.iter().flat_map(|(_, wanted)| wanted.iter().cloned()).collect();
    wanted.sort_unstable();
    wanted.dedup();
    (cx, wanted)
}

/// To each what stands at their slug.
fn shown(questions: &[Question], found: Result<ProductsBySlug, Problem>) -> Vec<Result<Arc<Product>, Problem>> {
    let (items, old) = match found {
        Ok(found) => (found.items, found.moved),
        Err(problem) => return questions.iter().map(|_| Err(problem.clone())).collect(),
    };
    let items: HashMap<String, Arc<Product>> =
        items.into_iter().map(|product| (product.slug.clone(), Arc::new(product))).collect();
    let at = |(_, slugs): &Question| {
        let slug = slugs.first().map(String::as_str).unwrap_or_default();
        let absent = || old.get(slug).map_or_else(|| Problem::not_found("product"), |to| moved(to));
        items.get(slug).cloned().ok_or_else(absent)
    };
    questions.iter().map(at).collect()
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

    #[tokio::test]
    async fn a_question_that_breaks_its_batch_is_not_the_others_business() {
        let tasks = Tasks::new();
        let batcher = Batcher::for_reads(&tasks, "test", 64, |questions: Vec<Question>| async move {
            let broken = questions.iter().any(|(_, wanted)| wanted[0] == "broken");
            let gone = questions.iter().any(|(_, wanted)| wanted[0] == "gone");
            let answer = |question: Question| match (broken, gone) {
                (true, _) => Err(Problem::internal("one of them")),
                (_, true) => Err(Problem::not_found("it")),
                _ => Ok(question.1),
            };
            questions.into_iter().map(answer).collect()
        });
        let cx = Cx::new("test", Actor::Anonymous);
        let ask = |text: &str| [text.to_owned()];
        assert!(in_company(&batcher, &cx, &ask("A")).await.is_some_and(|answer| answer.unwrap() == ["A"]));
        assert!(in_company(&batcher, &cx, &ask("gone")).await.is_some_and(|answer| answer.is_err()));
        assert!(in_company(&batcher, &cx, &ask("broken")).await.is_none());
        assert!(in_company(&batcher, &Cx::system("test"), &ask("A")).await.is_none());
    }

    #[test]
    fn who_is_somebody_and_who_asks_for_much_asks_alone() {
        let few = vec!["A".to_owned(); MAX_SKUS];
        assert!(is_shared(&Cx::new("x", Actor::Anonymous), &few));
        assert!(!is_shared(&Cx::system("x"), &few));
        assert!(!is_shared(&Cx::new("x", Actor::Anonymous), &vec!["A".to_owned(); MAX_SKUS + 1]));
    }
}
