//! Caller authorization, who may call a role and on whose behalf: what the certificate says is compared with the role table.

use std::sync::Arc;

use axum::http::{Extensions, HeaderMap};
use souk_kernel::{Kind, Problem};
use souk_rpc::{Actor, ActorKey, Cx};

/// A role that may call, from the role table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its name.
    pub role: &'static str,
    /// May call on behalf of customers and staff.
    pub speaks_for_users: bool,
    /// May call as the system itself.
    pub acts_for_itself: bool,
}

/// The roles that may call one role.
#[derive(Clone, Debug)]
pub struct Callers {
    /// Who is called.
    pub callee: &'static str,
    /// Who may.
    pub allowed: Vec<Caller>,
}

/// What stands before a role's contract.
#[derive(Clone)]
pub struct Admission {
    key: ActorKey,
    callers: Option<Arc<Callers>>,
}

/// The role that the certificate of a connection names; put into every request by [`crate::serve`].
#[derive(Clone)]
pub(crate) struct Peer(pub(crate) Option<Arc<str>>);

impl Admission {
    /// Every client that can reach the listener and knows the installation's key: without TLS nothing else is proven.
    pub fn by_signature(key: ActorKey) -> Self {
        Self { key, callers: None }
    }

    /// Only roles that the table lets call, as their certificate says, and each only on whose behalf it may.
    pub fn by_certificate(key: ActorKey, callers: Callers) -> Self {
        Self { key, callers: Some(Arc::new(callers)) }
    }

    /// The context of a call, or 403: `caller_not_allowed` for a role that has no business here, `actor_not_proven` for an
    /// actor that the caller may not claim or did not sign.
    pub(crate) fn context(&self, headers: &HeaderMap, extensions: &Extensions) -> Result<Cx, Problem> {
        let Some(callers) = &self.callers else { return Cx::from_headers(headers, &self.key) };
        let named = extensions.get::<Peer>().and_then(|peer| peer.0.as_deref());
        let Some(caller) = callers.allowed.iter().find(|caller| Some(caller.role) == named) else {
            let (caller, callee) = (named.unwrap_or("unknown"), callers.callee);
            tracing::warn!(caller, callee, "call refused: the role table does not let this role call");
            metrics::counter!("souk_rpc_refused_total", "callee" => callee).increment(1);
            return Err(Problem::new(Kind::Forbidden, "caller_not_allowed", "this role may not call that one"));
        };
        let mut cx = Cx::from_headers(headers, &self.key)?;
        if !caller.speaks_for_users {
            cx.client = None;
        }
        let may = match cx.actor {
            Actor::Anonymous => true,
            Actor::Customer(_) | Actor::Staff { .. } => caller.speaks_for_users,
            Actor::System => caller.acts_for_itself,
        };
        if may {
            return Ok(cx);
        }
        let (caller, callee, actor) = (caller.role, callers.callee, cx.actor.scope());
        tracing::warn!(caller, callee, actor, "call refused: this role may not claim that actor");
        metrics::counter!("souk_rpc_refused_total", "callee" => callee).increment(1);
        Err(Problem::new(Kind::Forbidden, "actor_not_proven", "the caller may not speak for this actor"))
    }
}
