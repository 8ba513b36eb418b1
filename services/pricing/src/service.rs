//! Implementation of the contract: checks, permissions, and what is read and written together.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use souk_db::{Db, DbError};
use souk_flow::Outbox;
use souk_kernel::{Money, Problem};
use souk_pricing_api::{
    Coupon, CouponByCode, CouponPage, CouponState, ListCoupons, MAX_BATCH, PriceChanged, Prices, PricesRequest,
    PricingApi, Quote, QuoteLine, QuoteRequest, Rates, RatesRequest, Redeem, Redeemed, SetPrice, SetPrices,
    SetPricesReply, ShippingMethods, ShippingMethodsRequest, ShopRequest, ShopTerms, Unredeem,
};
use souk_rpc::{Cx, Permission};
use souk_runtime::{Batch, Batcher, Tasks};
use uuid::Uuid;

use crate::domain::{self, Basis, Command, CouponFacts, RateBook};
use crate::rates::RatesCache;
use crate::{redemption_batch, store};

/// Tries of a batch of prices that lost a race.
const MAX_TRIES: usize = 5;
/// Bytes of the key of a redemption.
const MAX_KEY: usize = 255;

/// What pricing needs.
pub struct PricingDeps {
    /// Its own schema.
    pub db: Db,
    /// For the batcher.
    pub tasks: Tasks,
    /// Currency, country, and whether prices include tax; see [`crate::default_terms`].
    pub terms: ShopTerms,
}

/// Prices. Made once per process by [`crate::SPEC`].
pub struct PricingService {
    db: Db,
    outbox: Outbox,
    terms: ShopTerms,
    rates: RatesCache,
    redemptions: Batcher<Command, Redeemed>,
}

/// What a quote is made from, as read.
struct Facts {
    prices: domain::Prices,
    coupons: HashMap<String, CouponFacts>,
    rates: Arc<RateBook>,
}

impl PricingService {
    /// Starts the batcher.
    pub fn new(deps: PricingDeps) -> Arc<Self> {
        let db = deps.db.clone();
        let redemptions = Batcher::new(
            &deps.tasks,
            "pricing.redemptions",
            redemption_batch::MAX_COMBINED,
            move |batch: Batch<Command>| {
                let db = db.clone();
                async move { redemption_batch::execute(&db, &batch).await }
            },
        );
        let (outbox, rates) = (Outbox::new(&deps.db), RatesCache::new(deps.db.clone()));
        Arc::new(Self { outbox, rates, db: deps.db, terms: deps.terms, redemptions })
    }

    /// The service's database, for its schedule.
    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    /// Gives a new shop the default rates of its country in its currency, and says in the log what it has to set itself; true
    /// when it had none. Called at every start.
    pub async fn seed_defaults(&self) -> Result<bool, Problem> {
        let domain::Defaults { rates, missing } = domain::default_rates(&self.terms);
        let seeded = self.rates.seed(rates).await?;
        for what in missing.iter().filter(|_| seeded) {
            tracing::warn!(country = %self.terms.country, currency = %self.terms.currency, "{what}");
        }
        Ok(seeded)
    }

    /// Prices and coupons from the primary, in one round trip.
    async fn facts(&self, lines: &[QuoteLine], coupons: &[String]) -> Result<Facts, Problem> {
        let skus: Vec<&str> = BTreeSet::from_iter(lines.iter().map(|line| line.sku.as_str())).into_iter().collect();
        let reads = self.db.primary();
        let prices = async {
            match skus.is_empty() {
                true => Ok(domain::Prices::new()),
                false => Ok(store::unit_prices(reads, &skus, self.terms.currency).await?),
            }
        };
        let coupons = async {
            match coupons.is_empty() {
                true => Ok(HashMap::new()),
                false => Ok(store::coupons(reads, coupons).await?),
            }
        };
        let (prices, coupons, rates) = tokio::try_join!(prices, coupons, self.rates.get())?;
        Ok(Facts { prices, coupons, rates })
    }

    fn basis<'a>(&'a self, facts: &'a Facts) -> Basis<'a> {
        Basis { terms: &self.terms, rates: &facts.rates, prices: &facts.prices, coupons: &facts.coupons }
    }

    async fn write_prices(&self, items: &[SetPrice]) -> Result<u64, DbError> {
        let tx = self.db.begin().await?;
        let written = store::put_prices(&tx, items, self.terms.currency).await?;
        if written.is_empty() {
            return Ok(0);
        }
        let products: Vec<Uuid> = BTreeSet::from_iter(written.iter().copied()).into_iter().collect();
        let versions = store::bump_products(&tx, &products).await?;
        // Only now, with the products locked: the last one to commit sees the prices of all.
        let mut by_product: HashMap<Uuid, (Vec<String>, Money)> = HashMap::new();
        for (product, sku, price) in store::product_prices(&tx, &products, self.terms.currency).await? {
            let (skus, lowest) = by_product.entry(product).or_insert_with(|| (Vec::new(), price));
            skus.push(sku);
            if price.amount < lowest.amount {
                *lowest = price;
            }
        }
        let mut events = Vec::with_capacity(versions.len());
        for (product_id, version) in versions {
            if let Some((skus, lowest)) = by_product.remove(&product_id) {
                events.push(PriceChanged { product_id, skus, lowest, version });
            }
        }
        self.outbox.push_all(&tx, &events).await?;
        tx.commit().await?;
        self.outbox.wake();
        Ok(written.len() as u64)
    }
}

#[async_trait]
impl PricingApi for PricingService {
    async fn prices(&self, _cx: &Cx, request: PricesRequest) -> Result<Prices, Problem> {
        domain::check_skus(&request.skus)?;
        if request.skus.is_empty() {
            return Ok(Prices::default());
        }
        let skus: Vec<&str> = request.skus.iter().map(String::as_str).collect();
        Ok(Prices { items: store::prices(self.db.primary(), &skus, self.terms.currency).await? })
    }

    async fn set_prices(&self, cx: &Cx, request: SetPrices) -> Result<SetPricesReply, Problem> {
        cx.actor.require(Permission::Pricing)?;
        let checked = domain::sort_prices(request.items, self.terms.currency)?;
        let refused = checked.refused;
        if checked.fine.is_empty() {
            return Ok(SetPricesReply { changed: 0, refused });
        }
        // A repeated import ends here: one read, nothing written.
        let items = store::changed_prices(self.db.primary(), checked.fine).await?;
        if items.is_empty() {
            return Ok(SetPricesReply { changed: 0, refused });
        }
        let mut tries = 0;
        loop {
            match self.write_prices(&items).await {
                Err(error) if error.is_retryable() && tries < MAX_TRIES => tries += 1,
                done => return Ok(SetPricesReply { changed: done?, refused }),
            }
        }
    }

    async fn quote(&self, _cx: &Cx, request: QuoteRequest) -> Result<Quote, Problem> {
        let coupons = domain::check_quote(&request.lines, &request.coupons)?;
        let facts = self.facts(&request.lines, &coupons).await?;
        Ok(domain::quote(&self.basis(&facts), &QuoteRequest { coupons, ..request })?)
    }

    async fn shipping_methods(&self, _cx: &Cx, request: ShippingMethodsRequest) -> Result<ShippingMethods, Problem> {
        let coupons = domain::check_quote(&request.lines, &request.coupons)?;
        let facts = self.facts(&request.lines, &coupons).await?;
        let items = domain::methods(&self.basis(&facts), &request.lines, &coupons, &request.address)?;
        Ok(ShippingMethods { items })
    }

    async fn redeem(&self, _cx: &Cx, request: Redeem) -> Result<Redeemed, Problem> {
        check_key(&request.key)?;
        let codes = domain::check_codes(&request.coupons)?;
        if codes.is_empty() {
            return Ok(Redeemed::default());
        }
        self.redemptions.submit(Command::Redeem { key: request.key, order_id: request.order_id, codes }).await
    }

    async fn unredeem(&self, _cx: &Cx, request: Unredeem) -> Result<Redeemed, Problem> {
        check_key(&request.key)?;
        self.redemptions.submit(Command::Unredeem(request.key)).await
    }

    async fn put_coupon(&self, cx: &Cx, request: Coupon) -> Result<Coupon, Problem> {
        cx.actor.require(Permission::Pricing)?;
        let coupon = domain::check_coupon(request, self.terms.currency)?;
        match store::put_coupon(&self.db, &coupon).await {
            Err(error) if error.constraint() == Some("coupon_not_overused") => {
                Err(Problem::conflict("coupon_below_use", "the coupon has been used more often than that already"))
            }
            done => Ok(done.map(|()| coupon)?),
        }
    }

    async fn coupon(&self, cx: &Cx, request: CouponByCode) -> Result<CouponState, Problem> {
        cx.actor.require(Permission::Pricing)?;
        let code = domain::check_code(&request.code)?;
        store::coupon(self.db.primary(), &code).await?.ok_or_else(|| Problem::not_found("coupon"))
    }

    async fn coupons(&self, cx: &Cx, request: ListCoupons) -> Result<CouponPage, Problem> {
        cx.actor.require(Permission::Pricing)?;
        let after = request.after.unwrap_or_default();
        Ok(CouponPage { items: store::coupon_page(self.db.primary(), &after, MAX_BATCH).await? })
    }

    async fn put_rates(&self, cx: &Cx, request: Rates) -> Result<Rates, Problem> {
        cx.actor.require(Permission::Pricing)?;
        domain::check_rates(&request, self.terms.currency)?;
        Ok(self.rates.put(request).await?.rates().clone())
    }

    async fn rates(&self, _cx: &Cx, _request: RatesRequest) -> Result<Rates, Problem> {
        Ok(self.rates.get().await?.rates().clone())
    }

    async fn shop(&self, _cx: &Cx, _request: ShopRequest) -> Result<ShopTerms, Problem> {
        Ok(self.terms.clone())
    }
}

fn check_key(key: &str) -> Result<(), Problem> {
    match key.is_empty() || key.len() > MAX_KEY || key.contains('\0') {
        true => Err(Problem::invalid_field("/key", "must be 1 to 200 bytes of text")),
        false => Ok(()),
    }
}
