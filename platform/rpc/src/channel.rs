//! Channel by which encoded calls leave the caller: over a [`Transport`], which is HTTP between processes (`souk-rpc-http`)
//! and a loop back into this process in contract tests.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_kernel::Problem;

use crate::{ActorKey, Contract, Cx, header};

/// Code of the problem that a call of a method meets which the callee does not have yet, while a release is rolled out: who
/// calls a new method does without it or asks in the old way then.
pub const UNKNOWN_METHOD: &str = "unknown_method";

/// Carries encoded calls to one role.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Calls the method at `path`. `repeatable`: it may be sent again when no answer came.
    async fn call(
        &self,
        path: &'static str,
        repeatable: bool,
        cx: &Cx,
        body: Bytes,
    ) -> Result<Response<Bytes>, Problem>;
}

/// The way to a role that is not called directly.
#[derive(Clone)]
pub struct Channel(Arc<dyn Transport>);

impl Channel {
    /// A channel over `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self(transport)
    }

    /// Encoded and decoded as between processes, context included, but in this one: for contract tests.
    pub fn loopback(contract: Contract) -> Self {
        Self::new(Arc::new(Loopback { contract, key: ActorKey::new([0; 32]) }))
    }

    /// Calls `path` with `request`. `repeatable`: the method may be repeated when no answer came.
    pub async fn call<Q: Serialize + Sync, R: DeserializeOwned>(
        &self,
        path: &'static str,
        repeatable: bool,
        cx: &Cx,
        request: &Q,
    ) -> Result<R, Problem> {
        let body = Bytes::from(serde_json::to_vec(request).map_err(Problem::internal)?);
        let response = self.0.call(path, repeatable || cx.idempotency_key.is_some(), cx, body).await?;
        decode(path, cx, response)
    }
}

/// A service in this process, called as if it were elsewhere.
struct Loopback {
    contract: Contract,
    key: ActorKey,
}

#[async_trait]
impl Transport for Loopback {
    async fn call(&self, path: &'static str, _: bool, cx: &Cx, body: Bytes) -> Result<Response<Bytes>, Problem> {
        let mut headers = HeaderMap::new();
        cx.write_headers(&mut headers, &self.key);
        let theirs = Cx::from_headers(&headers, &self.key)?;
        match self.contract.method(path) {
            Some(method) => Ok(method.answer(theirs, body).await),
            None => {
                let mut response = Response::new(Bytes::new());
                *response.status_mut() = StatusCode::NOT_FOUND;
                Ok(response)
            }
        }
    }
}

fn decode<R: DeserializeOwned>(path: &str, cx: &Cx, response: Response<Bytes>) -> Result<R, Problem> {
    let lsn = response.headers().get(header::LSN).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
    if let Some(lsn) = lsn {
        cx.wrote(lsn);
    }
    let bytes = response.body();
    if response.status() == StatusCode::OK {
        return serde_json::from_slice(bytes).map_err(|error| Problem::internal(format!("{path} replied: {error}")));
    }
    Err(serde_json::from_slice(bytes).unwrap_or_else(|_| {
        let replied = format!("{path} replied {}", response.status());
        match response.status() {
            // No route and no problem: the callee is of an earlier release, which does not have the method yet.
            StatusCode::NOT_FOUND => Problem::unavailable("unknown_method", replied),
            _ => Problem::unavailable("bad_gateway", replied),
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Actor;

    #[tokio::test]
    async fn a_method_that_the_callee_does_not_have_yet_is_told_from_what_it_does_not_find() {
        let missing = |_: Cx, (): ()| async { Err::<(), _>(Problem::not_found("cart")) };
        let channel = Channel::loopback(Contract::default().with("/rpc/cart/v1/get", missing));
        let cx = Cx::new("test", Actor::Anonymous);
        let old = channel.call::<_, ()>("/rpc/cart/v1/units", true, &cx, &()).await.unwrap_err();
        assert!(old.is(UNKNOWN_METHOD), "{old:?}");
        let none = channel.call::<_, ()>("/rpc/cart/v1/get", true, &cx, &()).await.unwrap_err();
        assert!(!none.is(UNKNOWN_METHOD), "{none:?}");
    }
}
