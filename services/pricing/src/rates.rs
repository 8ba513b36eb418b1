//! Cache of the shop's tax and shipping rates, kept in the process for some seconds: every quote needs them and they change
//! when a merchant says so. Prices and coupons are never kept.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use souk_db::Db;
use souk_kernel::Problem;
use souk_pricing_api::Rates;

use crate::domain::RateBook;
use crate::store;

/// How long another process's change may go unseen here; this process's own is seen at once.
const KEPT: Duration = Duration::from_secs(5);

/// The rates as last read.
pub struct RatesCache {
    db: Db,
    kept: RwLock<Option<(Instant, Arc<RateBook>)>>,
    loading: tokio::sync::Mutex<()>,
}

impl RatesCache {
    /// Nothing read yet.
    pub fn new(db: Db) -> Self {
        Self { db, kept: RwLock::new(None), loading: tokio::sync::Mutex::new(()) }
    }

    /// The rates, at most some seconds old. A caller that finds them too old reads them; the others wait for that one read.
    pub async fn get(&self) -> Result<Arc<RateBook>, Problem> {
        if let Some(book) = self.fresh() {
            return Ok(book);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(book) = self.fresh() {
            return Ok(book);
        }
        let read_at = Instant::now();
        let rates = store::rates(self.db.primary()).await?.unwrap_or_default();
        Ok(self.keep(rates, read_at))
    }

    /// Writes new rates and uses them from now on.
    pub async fn put(&self, rates: Rates) -> Result<Arc<RateBook>, Problem> {
        let _one_at_a_time = self.loading.lock().await;
        store::put_rates(&self.db, &rates).await?;
        Ok(self.keep(rates, Instant::now()))
    }

    /// Writes the first rates of a new shop; true when there were none.
    pub async fn seed(&self, rates: Rates) -> Result<bool, Problem> {
        let _one_at_a_time = self.loading.lock().await;
        let seeded = store::seed_rates(&self.db, &rates).await?;
        if seeded {
            self.keep(rates, Instant::now());
        }
        Ok(seeded)
    }

    fn fresh(&self) -> Option<Arc<RateBook>> {
        let kept = self.kept.read();
        kept.as_ref().filter(|(at, _)| at.elapsed() < KEPT).map(|(_, book)| book.clone())
    }

    fn keep(&self, rates: Rates, at: Instant) -> Arc<RateBook> {
        let book = Arc::new(RateBook::new(rates));
        *self.kept.write() = Some((at, book.clone()));
        book
    }
}
