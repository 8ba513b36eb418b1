//! HTTP routes of the sandbox: who asks, what for, and the tokens that misbehave on the wire.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use souk_kernel::Currency;
use souk_payment_api::looks_like_card;
use subtle::ConstantTimeEq;

use crate::core::{Core, Failure};
use crate::ledger::{Command, LedgerError, MAX_KEY, MAX_REFERENCE, Target};
use crate::page;
use crate::token::Token;
use crate::view::{LedgerView, OperationView};

/// Bytes of the largest request.
const MAX_BODY: usize = 16 * 1024;
/// Authorisations of one page of the ledger.
const MAX_PAGE: u64 = 1000;
const IDEMPOTENCY_KEY: &str = "idempotency-key";

type Shared = State<Arc<Core>>;

/// All routes.
pub fn router(core: Arc<Core>) -> Router {
    let merchant = Router::new()
        .route("/v1/authorisations", post(authorise))
        .route("/v1/captures", post(capture))
        .route("/v1/voids", post(void))
        .route("/v1/refunds", post(refund))
        .route("/v1/operations", get(operation))
        .route("/v1/ledger", get(ledger))
        .layer(middleware::from_fn_with_state(core.clone(), only_merchant));
    Router::new()
        .route("/health", get(async || "ok\n"))
        .route("/pay/{id}/{proof}", get(show_page).post(decide))
        .merge(merchant)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(core)
}

/// An answer that is not what was asked for.
struct ErrorReply(StatusCode, &'static str, String);

impl IntoResponse for ErrorReply {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            code: &'a str,
            detail: &'a str,
        }
        (self.0, axum::Json(Body { code: self.1, detail: &self.2 })).into_response()
    }
}

impl From<Failure> for ErrorReply {
    fn from(failure: Failure) -> Self {
        let refusal = match failure {
            Failure::Refused(refusal) => refusal,
            Failure::Disk(error) => {
                tracing::error!(%error, "the sandbox's journal cannot be written");
                return ErrorReply(StatusCode::SERVICE_UNAVAILABLE, "provider_down", "try again later".into());
            }
        };
        let (status, code) = match refusal {
            LedgerError::KeyReused => (StatusCode::CONFLICT, "idempotency_key_reused"),
            LedgerError::Amount => (StatusCode::UNPROCESSABLE_ENTITY, "invalid_amount"),
            LedgerError::UnknownAuthorisation => (StatusCode::NOT_FOUND, "unknown_authorisation"),
            LedgerError::NotCapturable => (StatusCode::CONFLICT, "not_capturable"),
            LedgerError::NotVoidable => (StatusCode::CONFLICT, "not_voidable"),
            LedgerError::NotRefundable => (StatusCode::CONFLICT, "not_refundable"),
            LedgerError::NothingToDecide => (StatusCode::CONFLICT, "nothing_to_decide"),
        };
        ErrorReply(status, code, refusal.to_string())
    }
}

async fn only_merchant(State(core): Shared, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = given.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(core.config.api_key.reveal().as_bytes())) {
        let detail = "this is not a merchant's api key".to_owned();
        return ErrorReply(StatusCode::UNAUTHORIZED, "unauthenticated", detail).into_response();
    }
    next.run(request).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthoriseBody {
    amount: i64,
    currency: Currency,
    token: String,
    reference: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetBody {
    authorisation: Option<String>,
    authorisation_key: Option<String>,
    amount: Option<i64>,
}

impl TargetBody {
    fn target(&self, core: &Core) -> Result<Target, ErrorReply> {
        match (&self.authorisation, &self.authorisation_key) {
            (Some(id), None) => {
                core.parse_id(id).map(Target::Id).ok_or(Failure::from(LedgerError::UnknownAuthorisation).into())
            }
            (None, Some(key)) if (1..=MAX_KEY).contains(&key.len()) => Ok(Target::Key(key.clone())),
            _ => Err(invalid("name either authorisation or authorisation_key")),
        }
    }
}

async fn authorise(State(core): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ErrorReply> {
    let (key, body): (String, AuthoriseBody) = read(&headers, &body)?;
    let Some(token) = Token::parse(&body.token) else {
        let known: Vec<&str> = Token::ALL.iter().map(|(name, _)| *name).collect();
        let detail = format!("unknown token; the sandbox knows {}", known.join(", "));
        return Err(ErrorReply(StatusCode::UNPROCESSABLE_ENTITY, "unknown_token", detail));
    };
    if body.reference.as_ref().is_some_and(|reference| reference.len() > MAX_REFERENCE) {
        return Err(invalid("reference is too long"));
    }
    match token {
        Token::Down => {
            let detail = "the provider is down; nothing happened".to_owned();
            return Err(ErrorReply(StatusCode::SERVICE_UNAVAILABLE, "provider_down", detail));
        }
        Token::Slow => tokio::time::sleep(core.config.slow).await,
        _ => {}
    }
    let command = Command::Authorise {
        amount: body.amount,
        currency: body.currency,
        token,
        reference: body.reference.map(Into::into),
    };
    let done = core.perform(&key, command)?;
    if token == Token::TimeoutAfterCharge && !done.replayed {
        tokio::select! {
            () = core.shutdown.cancelled() => {}
            () = tokio::time::sleep(core.config.hang) => {}
        }
        return Err(ErrorReply(StatusCode::GATEWAY_TIMEOUT, "timeout", "no answer came in time".into()));
    }
    Ok(answer(done))
}

async fn capture(State(core): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ErrorReply> {
    let (key, body): (String, TargetBody) = read(&headers, &body)?;
    let command = Command::Capture { authorisation: body.target(&core)?, amount: body.amount };
    Ok(answer(core.perform(&key, command)?))
}

async fn void(State(core): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ErrorReply> {
    let (key, body): (String, TargetBody) = read(&headers, &body)?;
    if body.amount.is_some() {
        return Err(invalid("a void has no amount"));
    }
    let command = Command::Void { authorisation: body.target(&core)? };
    Ok(answer(core.perform(&key, command)?))
}

async fn refund(State(core): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ErrorReply> {
    let (key, body): (String, TargetBody) = read(&headers, &body)?;
    let command = Command::Refund { authorisation: body.target(&core)?, amount: body.amount };
    Ok(answer(core.perform(&key, command)?))
}

#[derive(Deserialize)]
struct KeyQuery {
    key: String,
}

async fn operation(State(core): Shared, Query(query): Query<KeyQuery>) -> Result<Response, ErrorReply> {
    match core.lookup(&query.key) {
        Some(done) => Ok(axum::Json(OperationView::from(done)).into_response()),
        None => Err(ErrorReply(StatusCode::NOT_FOUND, "unknown_key", "nothing was done under this key".into())),
    }
}

#[derive(Deserialize)]
struct LedgerQuery {
    after: Option<u64>,
    limit: Option<u64>,
}

async fn ledger(State(core): Shared, Query(query): Query<LedgerQuery>) -> axum::Json<LedgerView> {
    let limit = query.limit.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE);
    let from = query.after.unwrap_or(0);
    let items = core.page(from, limit);
    let next = (items.len() as u64 == limit).then_some(from.saturating_add(limit));
    axum::Json(LedgerView { items, next })
}

async fn show_page(State(core): Shared, Path((id, proof)): Path<(u64, String)>) -> Response {
    match core.view(id).filter(|_| core.proves(id, &proof)) {
        Some(view) => html(StatusCode::OK, page::ask(&view, core.config.shop_url.as_deref())),
        None => html(StatusCode::NOT_FOUND, page::unknown()),
    }
}

#[derive(Deserialize)]
struct DecisionForm {
    decision: String,
}

async fn decide(
    State(core): Shared,
    Path((id, proof)): Path<(u64, String)>,
    Form(form): Form<DecisionForm>,
) -> Response {
    let approve = match form.decision.as_str() {
        "approve" => true,
        "deny" => false,
        _ => return html(StatusCode::BAD_REQUEST, page::unknown()),
    };
    if !core.proves(id, &proof) {
        return html(StatusCode::NOT_FOUND, page::unknown());
    }
    let shop = core.config.shop_url.as_deref();
    match core.decide(id, approve) {
        Ok(view) => html(StatusCode::OK, page::ask(&view, shop)),
        // Decided before, perhaps in another tab: show what it came to.
        Err(Failure::Refused(_)) => match core.view(id) {
            Some(view) => html(StatusCode::OK, page::ask(&view, shop)),
            None => html(StatusCode::NOT_FOUND, page::unknown()),
        },
        Err(failure @ Failure::Disk(_)) => ErrorReply::from(failure).into_response(),
    }
}

fn html(status: StatusCode, page: String) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Html(page)).into_response()
}

fn answer(done: crate::core::Done) -> Response {
    let status = if done.replayed { StatusCode::OK } else { StatusCode::CREATED };
    (status, axum::Json(OperationView::from(done))).into_response()
}

/// The idempotency key and the body, neither with a card number in it.
fn read<T: DeserializeOwned>(headers: &HeaderMap, body: &Bytes) -> Result<(String, T), ErrorReply> {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !(1..=MAX_KEY).contains(&key.len()) {
        let detail = format!("send an Idempotency-Key of 1 to {MAX_KEY} visible characters");
        return Err(ErrorReply(StatusCode::BAD_REQUEST, "idempotency_key_required", detail));
    }
    let text = std::str::from_utf8(body).map_err(|_| invalid("the body is not UTF-8"))?;
    if looks_like_card(text) || looks_like_card(key) {
        let detail = "this looks like a card number: send a token, never a card".to_owned();
        return Err(ErrorReply(StatusCode::UNPROCESSABLE_ENTITY, "card_number_refused", detail));
    }
    let body = serde_json::from_str(text).map_err(|error| invalid(&error.to_string()))?;
    // Digits could hide behind JSON escapes (`\u0034`): no field of ours needs one.
    if text.contains("\\u") {
        return Err(invalid("unicode escapes are not accepted"));
    }
    Ok((key.to_owned(), body))
}

fn invalid(detail: &str) -> ErrorReply {
    ErrorReply(StatusCode::UNPROCESSABLE_ENTITY, "invalid_request", detail.to_owned())
}
