//! Idempotent call: whose key it is, whether it ran before, and the run itself, which goes on when its client leaves.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use bytes::Bytes;
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use souk_db::Db;
use souk_kernel::{Kind, Problem};
use souk_rpc::{Cx, header::CLIENT_IP};
use souk_runtime::Tasks;
use souk_web::{ApiError, DEFAULT_BODY_LIMIT, Operations};
use uuid::Uuid;

use crate::reply::Seal;
use crate::store::{self, Taken};

/// Bytes of the largest reply that is kept: an order with a hundred lines is below 100 KiB.
const MAX_REPLY: usize = 1024 * 1024;
/// When to try again while the first call runs.
const IN_USE: Duration = Duration::from_secs(1);

/// What the layer knows.
struct Keys {
    db: Db,
    tasks: Tasks,
    /// The routes it is for.
    routes: HashSet<(Method, &'static str)>,
}

/// Looks after `Idempotency-Key` around a finished router: on those of its routes that say so.
pub fn around(router: Router, operations: &Operations, db: Db, tasks: Tasks) -> Router {
    let routes = operations.keyed().map(|(method, path)| (method.clone(), path)).collect();
    let keys = Arc::new(Keys { db, tasks, routes });
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let keys = keys.clone();
        async move {
            match request.extensions().get::<Cx>().and_then(|cx| cx.idempotency_key.clone()) {
                Some(key) if keys.are_for(&request) => Box::pin(keys.call(&key, request, next)).await,
                _ => next.run(request).await,
            }
        }
    }))
}

impl Keys {
    fn are_for(&self, request: &Request) -> bool {
        let path = request.extensions().get::<MatchedPath>();
        path.is_some_and(|path| self.routes.iter().any(|(m, p)| m == request.method() && *p == path.as_str()))
    }

    async fn call(self: Arc<Self>, key: &str, request: Request, next: Next) -> Response {
        let request_id = request.extensions().get::<Cx>().map(|cx| cx.request_id.clone());
        match self.replayed_or_run(key, request, next).await {
            Ok(response) => response,
            Err(error) => {
                // Outside of `response_layer`, which does this for the handlers.
                error.log(request_id.as_deref().unwrap_or("-"));
                error.render(request_id.as_deref())
            }
        }
    }

    async fn replayed_or_run(self: Arc<Self>, key: &str, request: Request, next: Next) -> Result<Response, ApiError> {
        let name = name_of(key, &request);
        let (mut parts, body) = request.into_parts();
        let body = read(body).await?;
        let kind = parts.headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        let condition = parts.headers.get(header::IF_MATCH).map(|value| value.as_bytes().to_vec()).unwrap_or_default();
        let query = parts.uri.query().unwrap_or_default();
        let asked = hash(&[query.as_bytes(), &kind, &condition, &body]);
        let seal = Seal::new(&[key.as_bytes(), &name, &body]);
        // Kept as it is for every client, whatever this one unpacks.
        parts.headers.remove(header::ACCEPT_ENCODING);
        let request = Request::from_parts(parts, Body::from(body));
        let tasks = self.tasks.clone();
        // A client that leaves gets the reply when it comes again. Taking the key belongs to it: one that was taken and not
        // run would be in use until its lease ends.
        let call = Box::pin(async move { self.take_and_run(&name, &asked, &seal, request, next).await });
        let run = tasks.run("idempotent.call", call);
        run.await.map_err(|_| Problem::internal("a call under an idempotency key panicked"))?
    }

    async fn take_and_run(
        &self,
        name: &[u8],
        asked: &[u8],
        seal: &Seal,
        request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        let holder = Uuid::new_v4();
        match store::take(&self.db, name, asked, holder).await.map_err(Problem::from)? {
            Taken::Now => self.run(name, holder, seal, request, next).await,
            Taken::Before { request, .. } if request != asked => {
                let detail = "this Idempotency-Key was used for another request: take a new one";
                Err(Problem::invalid("idempotency_key_reused", detail).into())
            }
            Taken::Before { reply: Some(reply), .. } => Ok(seal.open(&reply)?),
            Taken::Before { reply: None, .. } => {
                let detail = "the first call under this Idempotency-Key has not ended yet";
                Err(Problem::conflict("idempotency_key_in_use", detail).with_retry_after(IN_USE).into())
            }
        }
    }

    async fn run(
        &self,
        name: &[u8],
        holder: Uuid,
        seal: &Seal,
        request: Request,
        next: Next,
    ) -> Result<Response, ApiError> {
        let (parts, body) = next.run(request).await.into_parts();
        let small = body.size_hint().upper().is_some_and(|bytes| bytes <= MAX_REPLY as u64);
        if !small || !says_what_became_of_it(parts.status) {
            self.free(name, holder).await;
            return Ok(Response::from_parts(parts, body));
        }
        let body = body.collect().await.map_err(Problem::internal)?.to_bytes();
        let kept = match seal.close(parts.status, &parts.headers, &body) {
            Ok(reply) => store::keep(&self.db, name, holder, &reply).await.map_err(Problem::from),
            Err(problem) => Err(problem),
        };
        if let Err(problem) = kept {
            // It happened: the client gets its reply, and a repetition within the lease is refused.
            let internal = problem.internal_detail().unwrap_or_default();
            tracing::error!(code = %problem.code, internal, "the reply to a call under an idempotency key was not kept");
        }
        Ok(Response::from_parts(parts, Body::from(body)))
    }

    async fn free(&self, name: &[u8], holder: Uuid) {
        if let Err(error) = store::free(&self.db, name, holder).await {
            tracing::warn!(%error, "an idempotency key was not freed; its lease frees it");
        }
    }
}

/// True for a reply that the same call gets again. Others say that it did not come to anything.
fn says_what_became_of_it(status: StatusCode) -> bool {
    let again = [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    !status.is_server_error() && !again.contains(&status)
}

/// Whose key it is for what: a customer's own; a guest's for the cart or order that the path names, which only its owner
/// knows, or, where it names none, for the address the guest comes from.
fn name_of(key: &str, request: &Request) -> [u8; 32] {
    let customer = request.extensions().get::<Cx>().and_then(|cx| cx.actor.customer());
    let path = request.uri().path();
    let names_an_owner = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str().contains('{'));
    let owner = match customer {
        Some(customer) => customer.as_bytes().to_vec(),
        None if names_an_owner => Vec::new(),
        None => request.headers().get(CLIENT_IP).map(|ip| ip.as_bytes().to_vec()).unwrap_or_default(),
    };
    hash(&[&owner, request.method().as_str().as_bytes(), path.as_bytes(), key.as_bytes()])
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    match Limited::new(body, DEFAULT_BODY_LIMIT).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::new(Kind::TooLarge, "body_too_large", "the body is larger than this call allows").into())
        }
        Err(_) => Err(ApiError::transport(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read")),
    }
}
