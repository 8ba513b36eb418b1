//! Cache of sessions in Redis, which is believed for at most a minute each (the rules: `souk_redis::Leases`). That is no loss: the
//! use of a session must be noted in PostgreSQL once a minute anyway. Keys are digests of tokens, as in PostgreSQL.
//!
//! A call that ends a session, or changes what one shows, recalls it after the commit and before answering. If Redis does
//! not confirm that, the answer is given all the same (the session *is* ended) and the recall repeated. A session that ended
//! can so be believed for longer only by a process that reaches Redis while the one that ended it does not, and for less
//! than a minute even then. A client that leaves between the two does not keep the recall from being made: both are one
//! task.

use souk_db::{DbError, Tx};
use souk_identity_api::Session;
use souk_redis::{Deadline, Lease, Leases};
use souk_runtime::Tasks;

use crate::domain::Digest;

/// Kept sessions, and where recalls run; without Redis nothing is kept.
#[derive(Clone)]
pub(crate) struct SessionCache(pub(crate) Option<(Leases, Tasks)>);

/// What is known of a session.
pub(super) enum Look {
    Live(Session),
    /// Ask PostgreSQL; what it says may be kept if there is a deadline.
    Unknown(Option<Deadline>),
}

impl SessionCache {
    pub(super) async fn look(&self, token: &[u8]) -> Look {
        let Some((leases, _)) = &self.0 else { return Look::Unknown(None) };
        match leases.get(&name(token)).await {
            Lease::Held(bytes) => serde_json::from_slice(&bytes).map_or(Look::Unknown(None), Look::Live),
            Lease::Free(deadline) => Look::Unknown(Some(deadline)),
            Lease::Revoked => Look::Unknown(None),
        }
    }

    pub(super) async fn keep(&self, token: &Digest, deadline: Deadline, session: &Session) {
        if let (Some((leases, _)), Ok(bytes)) = (&self.0, serde_json::to_vec(session)) {
            leases.keep(&name(token), deadline, &bytes).await;
        }
    }

    /// Commits what ends or changes sessions, and recalls them, whether the caller waits for it or not.
    pub(super) async fn commit(&self, tx: Tx, ended: Vec<Vec<u8>>) -> Result<(), DbError> {
        let Some((_, tasks)) = &self.0 else { return tx.commit().await };
        let cache = self.clone();
        let done = tasks.run("identity.recall", async move {
            tx.commit().await?;
            cache.recall(ended).await;
            Ok(())
        });
        done.await.unwrap_or_else(|_| Err(DbError::Other("a commit and its recall panicked".into())))
    }

    /// After the commit that ended or changed them.
    pub(super) async fn recall<T: AsRef<[u8]>>(&self, tokens: impl IntoIterator<Item = T>) {
        let Some((leases, _)) = &self.0 else { return };
        let names: Vec<String> = tokens.into_iter().map(|token| name(token.as_ref())).collect();
        leases.revoke(&names).await;
    }
}

fn name(token: &[u8]) -> String {
    token.iter().map(|byte| format!("{byte:02x}")).collect()
}
