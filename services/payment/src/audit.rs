//! Audit of the books (I1): ours with themselves, and ours with the provider's.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use souk_flow::Schedule;
use souk_kernel::Problem;
use souk_payment_api::{Audit, PaymentId};
use uuid::Uuid;

use crate::domain::Hold;
use crate::provider::{Provider, ReportedPayment, key};
use crate::record_outcome::{LOOKUP_TIMEOUT, Recorder};
use crate::store::StoredPayment;

/// Differences of one report: more than that is one problem, not many.
const MAX_DIFFERENCES: usize = 1000;

/// The whole audit. Payments that move meanwhile are looked at again, so it may run at any time.
pub async fn audit(recorder: &Recorder) -> Result<Audit, Problem> {
    let mut differs = Vec::new();
    for provider in recorder.providers.iter() {
        differs.extend(compare(recorder, provider).await?);
    }
    Ok(Audit {
        unbalanced: recorder.store.unbalanced().await?,
        wrong_amounts: recorder.store.wrong_amounts().await?,
        differs_from_provider: differs,
        net_captured: recorder.store.net_captured().await?,
    })
}

/// The audit every night, loud when something is wrong.
pub fn schedule(recorder: &Arc<Recorder>) -> Schedule {
    let recorder = recorder.clone();
    Schedule::new("payment audit", "40 3 * * *", move || {
        let recorder = recorder.clone();
        async move {
            let found = audit(&recorder).await?;
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

async fn compare(recorder: &Recorder, provider: &Arc<dyn Provider>) -> Result<Vec<String>, Problem> {
    let (mut suspects, mut strangers) = (Vec::new(), Vec::new());
    let (mut theirs, mut after) = (HashSet::new(), None);
    loop {
        let page = provider.ledger(after).await;
        let page = page.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
        let ids: Vec<Uuid> = page.items.iter().filter_map(|item| item.payment.map(|id| id.0)).collect();
        let ours: HashMap<PaymentId, StoredPayment> =
            recorder.store.get_many(&ids).await?.into_iter().map(|stored| (stored.id, stored)).collect();
        theirs.extend(ids);
        for item in &page.items {
            match item.payment {
                Some(id) if differs(ours.get(&id), item) => suspects.push(id),
                None if item.report.authorised > 0 => strangers.push(format!("{}: not a payment of ours", item.key)),
                _ => {}
            }
        }
        match page.next {
            Some(next) if suspects.len() < MAX_DIFFERENCES => after = Some(next),
            _ => break,
        }
    }
    suspects.extend(missing(recorder, provider.name(), &theirs).await?);
    let mut found = strangers;
    for id in suspects {
        found.extend(look_again(recorder, provider, id).await?);
    }
    found.truncate(MAX_DIFFERENCES);
    Ok(found)
}

/// Payments of ours that the provider's ledger does not have.
async fn missing(recorder: &Recorder, provider: &str, theirs: &HashSet<Uuid>) -> Result<Vec<PaymentId>, Problem> {
    let (mut missing, mut after) = (Vec::new(), Uuid::nil());
    loop {
        let ids = recorder.store.held_after(provider, after).await?;
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
    recorder: &Recorder,
    provider: &Arc<dyn Provider>,
    id: PaymentId,
) -> Result<Option<String>, Problem> {
    let report = provider.lookup_by_key(&key::authorise(id), LOOKUP_TIMEOUT).await;
    let report = report.map_err(|error| Problem::unavailable("payment_provider_unavailable", error))?;
    let stored = recorder.store.get(id).await?;
    let Some(report) = report else {
        let ours = stored.filter(|stored| stored.state.provider_ref.is_some() || stored.state.authorised > 0);
        return Ok(ours.map(|_| format!("{id}: the provider does not know it")));
    };
    let item = ReportedPayment { payment: Some(id), key: key::authorise(id), order: None, amount: None, report };
    if !differs(stored.as_ref(), &item) {
        return Ok(None);
    }
    let theirs = (item.report.authorised, item.report.captured, item.report.refunded, item.report.hold);
    Ok(Some(match stored {
        None => format!("{id}: only the provider knows it, with {theirs:?}"),
        Some(stored) => {
            let s = &stored.state;
            format!("{id}: we have {:?}, the provider {theirs:?}", (s.authorised, s.captured, s.refunded, s.hold))
        }
    }))
}

fn differs(ours: Option<&StoredPayment>, theirs: &ReportedPayment) -> bool {
    let report = &theirs.report;
    let Some(stored) = ours else {
        // What holds no money and was never told to us is no difference.
        return report.authorised > 0 && !(report.hold == Hold::Voided && report.captured == 0);
    };
    let ours = &stored.state;
    let amounts =
        (ours.authorised, ours.captured, ours.refunded) == (report.authorised, report.captured, report.refunded);
    // A refusal and a void of nothing are both "nothing held".
    let nothing = |hold: Hold, authorised: i64| authorised == 0 && matches!(hold, Hold::Declined | Hold::Voided);
    let holds = ours.hold == Some(report.hold)
        || ours.hold.is_some_and(|hold| nothing(hold, ours.authorised) && nothing(report.hold, report.authorised));
    !amounts || !holds
}
