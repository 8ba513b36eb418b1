//! Schedules of pricing: redemptions that were given back long ago are forgotten.

use std::sync::Arc;

use souk_flow::Schedule;

use crate::{PricingService, store};

/// Kept this long: well beyond any saga that might still ask.
const KEEP_DAYS: i32 = 30;
/// Redemptions deleted per transaction.
const PURGE_BATCH: i64 = 5_000;

/// Schedules of this service.
pub fn schedules(service: &Arc<PricingService>) -> Vec<Schedule> {
    let service = service.clone();
    vec![Schedule::new("pricing.purge", "53 3 * * *", move || {
        let service = service.clone();
        async move {
            while store::purge(service.db(), KEEP_DAYS, PURGE_BATCH).await? >= PURGE_BATCH.unsigned_abs() {}
            Ok(())
        }
    })]
}
