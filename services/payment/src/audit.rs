//! Comparing books (I1): ours with themselves, and ours with the provider's.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use souk_flow::Schedule;
use souk_kernel::Problem;
use souk_payment_api::{Audit, PaymentId};
use uuid::Uuid;

use crate::domain::Hold;
use crate::provider::{Provider, Reported, key};
use crate::service::PaymentService;
use crate::settle::LOOKUP_TIMEOUT;
use crate::store::Stored;

/// Differences of one report: more than that is one problem, not many.
const MAX_DIFFERENCES: usize = 1000;

/// The whole audit. Payments that move meanwhile are looked at again, so it may run at any time.
pub async fn audit(service: &PaymentService) -> Result<Audit, Problem> {
    let mut differs = Vec::new();
    for provider in service.providers() {
        differs.extend(compare(service, provider).await?);
    }
    Ok(Audit {
        unbalanced: service.store.unbalanced().await?,
        wrong_amounts: service.store.wrong_amounts().await?,
        differs_from_provider: differs,
        net_captured: service.store.net_captured().await?,
    })
}

/// The audit every night, loud when something is wrong.
pub fn schedule(service: &Arc<PaymentService>) -> Schedule {
    let service = service.clone();
    Schedule::new("payment audit", "40 3 * * *", move || {
        let service = service.clone();
        async move {
            let found = audit(&service).await?;
            let (unbalanced, wrong) = (found.unbalanced.len(), found.wrong_amounts.len());
            let differs = found.differs_from_provider.len();
            metrics::gauge!("souk_payment_audit_findings").set((unbalanced + wrong + differs) as f64);
            match unbalanced + wrong + differs {
                0 => tracing::info!("the books agree with themselves and with the providers"),
                _ => tracing::error!(unbalanced, wrong, differs, "the books are wrong"),
            }
            Ok(())
        }
    })
}

async fn compare(service: &PaymentService, provider: &Arc<dyn Provider>) -> Result<Vec<String>, Problem> {
    let (mut suspects, mut strangers) = (Vec::new(), Vec::new());
    let (mut theirs, mut after) = (HashSet::new(), None);
    loop {
        let page = provider.ledger(after).await;
        let page = page.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        let ids: Vec<Uuid> = page.items.iter().filter_map(|item| item.payment.map(|id| id.0)).collect();
        let ours: HashMap<PaymentId, Stored> =
            service.store.get_many(&ids).await?.into_iter().map(|stored| (stored.id, stored)).collect();
        theirs.extend(ids);
        for item in &page.items {
            match item.payment {
                Some(id) if differs(ours.get(&id), item) => suspects.push(id),
                None if item.fact.authorised > 0 => strangers.push(format!("{}: not a payment of ours", item.key)),
                _ => {}
            }
        }
        match page.next {
            Some(next) if suspects.len() < MAX_DIFFERENCES => after = Some(next),
            _ => break,
        }
    }
    suspects.extend(missing(service, provider.name(), &theirs).await?);
    let mut found = strangers;
    for id in suspects {
        found.extend(look_again(service, provider, id).await?);
    }
    found.truncate(MAX_DIFFERENCES);
    Ok(found)
}

/// Payments of ours that the provider's ledger does not have.
async fn missing(service: &PaymentService, provider: &str, theirs: &HashSet<Uuid>) -> Result<Vec<PaymentId>, Problem> {
    let (mut missing, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let ids = service.store.held_after(provider, after).await?;
        let Some(last) = ids.last() else { return Ok(missing) };
        after = *last;
        missing.extend(ids.into_iter().filter(|id| !theirs.contains(id)).map(PaymentId));
        if missing.len() >= MAX_DIFFERENCES {
            return Ok(missing);
        }
    }
}

/// Between the two readings it may have moved: asks both sides once more, about this one.
async fn look_again(
    service: &PaymentService,
    provider: &Arc<dyn Provider>,
    id: PaymentId,
) -> Result<Option<String>, Problem> {
    let fact = provider.lookup_by_key(&key::authorise(id), LOOKUP_TIMEOUT).await;
    let fact = fact.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
    let stored = service.store.get(id).await?;
    let Some(fact) = fact else {
        let ours = stored.filter(|stored| stored.standing.provider_ref.is_some() || stored.standing.authorised > 0);
        return Ok(ours.map(|_| format!("{id}: the provider does not know it")));
    };
    let item = Reported { payment: Some(id), key: key::authorise(id), order: None, amount: None, fact };
    if !differs(stored.as_ref(), &item) {
        return Ok(None);
    }
    let theirs = (item.fact.authorised, item.fact.captured, item.fact.refunded, item.fact.hold);
    Ok(Some(match stored {
        None => format!("{id}: only the provider knows it, with {theirs:?}"),
        Some(stored) => {
            let s = &stored.standing;
            format!("{id}: we have {:?}, the provider {theirs:?}", (s.authorised, s.captured, s.refunded, s.hold))
        }
    }))
}

fn differs(ours: Option<&Stored>, theirs: &Reported) -> bool {
    let fact = &theirs.fact;
    let Some(stored) = ours else {
        // What holds no money and was never told to us is no difference.
        return fact.authorised > 0 && !(fact.hold == Hold::Voided && fact.captured == 0);
    };
    let ours = &stored.standing;
    let amounts = (ours.authorised, ours.captured, ours.refunded) == (fact.authorised, fact.captured, fact.refunded);
    // A refusal and a void of nothing are both "nothing held".
    let nothing = |hold: Hold, authorised: i64| authorised == 0 && matches!(hold, Hold::Declined | Hold::Voided);
    let holds = ours.hold == Some(fact.hold)
        || ours.hold.is_some_and(|hold| nothing(hold, ours.authorised) && nothing(fact.hold, fact.authorised));
    !amounts || !holds
}
