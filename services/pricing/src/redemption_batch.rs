//! Group commit of coupon redemptions: those of many callers are one transaction, as the popular coupon of a sale is a hot
//! row like any other. The fourth hop between route and SQL, for the batcher's sake.

use std::collections::BTreeSet;

use souk_db::{Db, DbError};
use souk_kernel::Problem;
use souk_pricing_api::Redeemed;

use crate::domain::{Command, Redemption, RedemptionError, Redemptions};
use crate::store;

/// Redemptions of one transaction.
pub const MAX_COMBINED: usize = 256;
/// Tries of a batch that lost a race.
const MAX_TRIES: usize = 5;

type Outcome = Result<Vec<String>, RedemptionError>;

/// One result per command, in order, or why none of them could be written.
pub async fn execute(db: &Db, commands: &[Command]) -> Result<Vec<Result<Redeemed, Problem>>, Problem> {
    let reply = |outcome: Outcome| Ok(Redeemed { coupons: outcome? });
    Ok(retry(db, commands).await?.into_iter().map(reply).collect())
}

/// Commands are idempotent, so one whose commit is unknown is simply tried again.
async fn retry(db: &Db, commands: &[Command]) -> Result<Vec<Outcome>, Problem> {
    let mut tries = 0;
    loop {
        match transact(db, commands).await {
            Err(error)
                if tries < MAX_TRIES && (error.is_retryable() || matches!(error, DbError::OutcomeUnknown(_))) =>
            {
                tries += 1;
            }
            done => return Ok(done?),
        }
    }
}

async fn transact(db: &Db, commands: &[Command]) -> Result<Vec<Outcome>, DbError> {
    let keys: BTreeSet<&str> = commands.iter().map(Command::key).collect();
    let tx = db.begin().await?;
    let redemptions: Vec<(String, Redemption)> = store::lock_redemptions(&tx, &Vec::from_iter(keys)).await?;
    let mut codes: BTreeSet<&str> =
        redemptions.iter().flat_map(|(_, known)| &known.codes).map(String::as_str).collect();
    for command in commands {
        if let Command::Redeem { codes: wanted, .. } = command {
            codes.extend(wanted.iter().map(String::as_str));
        }
    }
    let coupons = match codes.is_empty() {
        true => Vec::new(),
        false => store::lock_coupons(&tx, &Vec::from_iter(codes)).await?,
    };
    let mut redemptions = Redemptions::open(coupons, redemptions);
    let outcomes: Vec<Outcome> = commands.iter().map(|command| redemptions.apply(command)).collect();
    let changes = redemptions.close();
    if !changes.is_empty() && !store::write_redemptions(&tx, &changes).await? {
        return Err(DbError::Serialization("another process made one of these redemptions first".into()));
    }
    tx.commit().await?;
    Ok(outcomes)
}

impl From<RedemptionError> for Problem {
    fn from(error: RedemptionError) -> Problem {
        let text = error.to_string();
        match error {
            RedemptionError::UsedUp(code) => Problem::conflict("coupon_used_up", text).with_data([code]),
            RedemptionError::NotValid(code) => Problem::conflict("coupon_expired", text).with_data([code]),
            RedemptionError::Unknown(code) => Problem::conflict("coupon_unknown", text).with_data([code]),
            RedemptionError::Gone => Problem::conflict("redemption_gone", text),
            RedemptionError::Differs => Problem::conflict("redemption_differs", text),
            RedemptionError::CouponMissing(_) => Problem::internal(text),
        }
    }
}
