//! Schedules of the worker role: new signing keys, and forgetting what is over.

use std::sync::Arc;

use souk_flow::Schedule;

use crate::IdentityService;

/// The schedules.
pub fn schedules(service: &Arc<IdentityService>) -> Vec<Schedule> {
    let rotating = service.clone();
    let keys = Schedule::new("signing keys", "23 * * * *", move || {
        let service = rotating.clone();
        async move { service.keys().rotate().await }
    });
    let store = service.store().clone();
    let sessions = Schedule::new("ended sessions", "41 * * * *", move || {
        let store = store.clone();
        async move {
            let purged = store.purge().await?;
            tracing::info!(purged, "ended sessions and old tries were forgotten");
            Ok(())
        }
    });
    vec![keys, sessions]
}
