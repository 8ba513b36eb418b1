//! Client of the sandbox provider: its JSON over HTTP/1.1 on kept-alive connections.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;
use souk_http_client::{Connections, HttpClient, NoAnswer, Reach, Schemes, Settings, is_fault};
use souk_kernel::{Currency, Money, Problem, Secret};
use souk_payment_api::{PaymentId, scrub};
use souk_tls::TrustRoots;

use super::{
    AskAuthorisation, LedgerPage, Provider, ProviderError, ReportedPayment, WebhookError, WebhookEvent, key, money,
    signature,
};
use crate::domain::{Hold, ProviderReport};

/// Idle connections are closed before the other side would.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Calls under way at once; more wait.
const MAX_CONCURRENT: usize = 256;
/// Bytes of the largest answer about one payment.
const MAX_ANSWER: usize = 64 * 1024;
/// Pages of the ledger read at once: only the audit reads them, one after the other.
const MAX_LEDGER_PAGES: usize = 2;
/// Bytes of the largest page of the ledger.
const MAX_LEDGER_PAGE: usize = 4 * 1024 * 1024;
/// Longest wait for a page of the ledger.
const LEDGER_TIMEOUT: Duration = Duration::from_secs(30);
/// Characters kept of the provider's words.
const MAX_WORDS: usize = 200;

/// How to reach a sandbox.
#[derive(Clone, Debug)]
pub struct SandboxSettings {
    /// `http://127.0.0.1:4242`. HTTP only: the sandbox stands beside the shop.
    pub base_url: String,
    /// What we prove ourselves with.
    pub api_key: Secret<String>,
    /// What its webhooks are signed with; several while they rotate.
    pub webhook_secrets: Vec<Secret<String>>,
}

/// The sandbox.
pub struct SandboxProvider {
    base_url: String,
    authorization: http::HeaderValue,
    webhook_secrets: Vec<Secret<String>>,
    client: HttpClient,
    /// Reads of the whole ledger: a provider that is asked for it too often (429) stops no payment.
    ledger: HttpClient,
}

impl SandboxProvider {
    /// A client of the sandbox; connects when first used. 422 when the settings make no sense.
    pub fn new(settings: SandboxSettings) -> Result<Self, Problem> {
        let wrong = |what: &str| Problem::invalid("invalid_configuration", format!("payment sandbox: {what}"));
        let base_url = settings.base_url.trim_end_matches('/').to_owned();
        let url: http::Uri = base_url.parse().map_err(|_| wrong("the base url is not a url"))?;
        if url.scheme_str() != Some("http") || url.host().is_none() {
            return Err(wrong("the base url must be an http:// url"));
        }
        let bearer = format!("Bearer {}", settings.api_key.reveal());
        let mut authorization = http::HeaderValue::try_from(bearer).map_err(|_| wrong("the api key is not text"))?;
        authorization.set_sensitive(true);
        let client = |name, concurrent, max_answer| {
            let connections = Connections {
                schemes: Schemes::HttpToo,
                reach: Reach::Anywhere,
                trust_roots: TrustRoots::none(),
                idle: IDLE_TIMEOUT,
                max_idle: concurrent,
            };
            HttpClient::new(Settings { name, concurrent, max_answer, connections })
                .map_err(|error| wrong(&error.to_string()))
        };
        let ledger = client("sandbox_ledger", MAX_LEDGER_PAGES, MAX_LEDGER_PAGE)?;
        let client = client("sandbox", MAX_CONCURRENT, MAX_ANSWER)?;
        Ok(Self { base_url, authorization, webhook_secrets: settings.webhook_secrets, client, ledger })
    }

    /// Does `body` under `key`.
    async fn perform(
        &self,
        call: &'static str,
        key: &str,
        body: &serde_json::Value,
        within: Duration,
    ) -> Result<ProviderReport, ProviderError> {
        let request = Request::post(format!("{}{call}", self.base_url))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", key)
            .body(Bytes::from(body.to_string()));
        let request = request.map_err(|error| ProviderError::NotSent(error.to_string()))?;
        let answer = self.exchange(&self.client, call, request, within).await?;
        let operation: Operation = read(&answer)?;
        operation.authorisation.report().ok_or_else(unreadable)
    }

    /// Sends `request` by `client` and gives the body of a good answer.
    async fn exchange(
        &self,
        client: &HttpClient,
        call: &'static str,
        mut request: Request<Bytes>,
        within: Duration,
    ) -> Result<Bytes, ProviderError> {
        let started = Instant::now();
        request.headers_mut().insert(header::AUTHORIZATION, self.authorization.clone());
        let answer = client.send(request, within).await;
        let result = answer.map_err(unanswered).and_then(accepted);
        let outcome = match &result {
            Ok(_) => "ok",
            Err(ProviderError::Refused { .. }) => "refused",
            Err(ProviderError::NotSent(_)) => "not_sent",
            Err(ProviderError::Unknown(_)) => "unknown",
        };
        metrics::histogram!("souk_provider_seconds", "provider" => "sandbox", "call" => call, "outcome" => outcome)
            .record(started.elapsed());
        result
    }
}

fn unanswered(error: NoAnswer) -> ProviderError {
    match error {
        NoAnswer::NotSent(why) => ProviderError::NotSent(why),
        NoAnswer::Unknown(why) => ProviderError::Unknown(why),
    }
}

/// The body of a good answer.
fn accepted(response: Response<Bytes>) -> Result<Bytes, ProviderError> {
    let (status, body) = (response.status(), response.into_body());
    if status.is_success() {
        return Ok(body);
    }
    // A failing server may have failed after the fact.
    if is_fault(status) {
        return Err(ProviderError::Unknown(format!("status {status}")));
    }
    let answer: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
    let code = if answer.code.is_empty() { status.as_u16().to_string() } else { words(&answer.code) };
    Err(ProviderError::Refused { code, detail: words(&answer.detail) })
}

#[async_trait]
impl Provider for SandboxProvider {
    fn name(&self) -> &'static str {
        "sandbox"
    }

    async fn authorise(&self, ask: AskAuthorisation<'_>, within: Duration) -> Result<ProviderReport, ProviderError> {
        let body = json!({
            "amount": ask.amount.amount,
            "currency": ask.amount.currency,
            "token": ask.token,
            "reference": ask.order,
        });
        self.perform("/v1/authorisations", &key::authorise(ask.payment), &body, within).await
    }

    async fn capture(
        &self,
        payment: PaymentId,
        amount: Money,
        within: Duration,
    ) -> Result<ProviderReport, ProviderError> {
        let body = json!({"authorisation_key": key::authorise(payment), "amount": amount.amount});
        self.perform("/v1/captures", &key::capture(payment), &body, within).await
    }

    async fn void(&self, payment: PaymentId, within: Duration) -> Result<ProviderReport, ProviderError> {
        let body = json!({"authorisation_key": key::authorise(payment)});
        self.perform("/v1/voids", &key::void(payment), &body, within).await
    }

    async fn refund(
        &self,
        payment: PaymentId,
        refund: &str,
        amount: Money,
        within: Duration,
    ) -> Result<ProviderReport, ProviderError> {
        let body = json!({"authorisation_key": key::authorise(payment), "amount": amount.amount});
        self.perform("/v1/refunds", &key::refund(payment, refund), &body, within).await
    }

    async fn lookup_by_key(&self, key: &str, within: Duration) -> Result<Option<ProviderReport>, ProviderError> {
        let key = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let request = get(&self.base_url, &format!("/v1/operations?key={key}"))?;
        match self.exchange(&self.client, "/v1/operations", request, within).await {
            Ok(answer) => {
                let operation: Operation = read(&answer)?;
                operation.authorisation.report().map(Some).ok_or_else(unreadable)
            }
            Err(ProviderError::Refused { code, .. }) if code == "unknown_key" => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn verify_webhook(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Result<WebhookEvent, WebhookError> {
        let given = headers.get("souk-signature").and_then(|value| value.to_str().ok());
        signature::verify(&self.webhook_secrets, given, body, now)?;
        let event: Event = serde_json::from_slice(body).map_err(|_| WebhookError::Unreadable)?;
        let reported = event.authorisation.reported().ok_or(WebhookError::Unreadable)?;
        if !(1..=MAX_WORDS).contains(&event.id.len()) || event.id.contains(char::is_control) {
            return Err(WebhookError::Unreadable);
        }
        Ok(WebhookEvent { id: scrub(&event.id).into_owned(), event_type: words(&event.event_type), reported })
    }

    async fn ledger(&self, after: Option<u64>) -> Result<LedgerPage, ProviderError> {
        let path = format!("/v1/ledger?after={}", after.unwrap_or(0));
        let answer = self.exchange(&self.ledger, "/v1/ledger", get(&self.base_url, &path)?, LEDGER_TIMEOUT).await?;
        let page: Ledger = read(&answer)?;
        let items: Option<Vec<ReportedPayment>> = page.items.into_iter().map(Authorisation::reported).collect();
        Ok(LedgerPage { items: items.ok_or_else(unreadable)?, next: page.next })
    }
}

fn get(base_url: &str, path: &str) -> Result<Request<Bytes>, ProviderError> {
    let request = Request::builder().method(Method::GET).uri(format!("{base_url}{path}")).body(Bytes::new());
    request.map_err(|error| ProviderError::NotSent(error.to_string()))
}

fn read<'a, T: Deserialize<'a>>(answer: &'a [u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(answer).map_err(|error| ProviderError::Unknown(format!("an answer nobody expects: {error}")))
}

fn unreadable() -> ProviderError {
    ProviderError::Unknown("an answer nobody expects: unknown status".into())
}

/// A stranger's words, fit to be kept and logged.
fn words(text: &str) -> String {
    let short: String = text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
    scrub(&short).into_owned()
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ErrorBody {
    code: String,
    detail: String,
}

#[derive(Deserialize)]
struct Operation {
    authorisation: Authorisation,
}

#[derive(Deserialize)]
struct Ledger {
    items: Vec<Authorisation>,
    next: Option<u64>,
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    event_type: String,
    authorisation: Authorisation,
}

#[derive(Deserialize)]
struct Authorisation {
    id: String,
    key: String,
    reference: Option<String>,
    status: String,
    currency: Option<Currency>,
    amount: i64,
    authorised: i64,
    captured: i64,
    refunded: i64,
    decline_code: Option<String>,
    action_url: Option<String>,
}

impl Authorisation {
    fn report(self) -> Option<ProviderReport> {
        let hold = match self.status.as_str() {
            "requires_action" => Hold::RequiresAction,
            "authorised" | "captured" | "refunded" => Hold::Authorised,
            "declined" => Hold::Declined,
            "voided" => Hold::Voided,
            _ => return None,
        };
        Some(ProviderReport {
            hold,
            authorised: self.authorised,
            captured: self.captured,
            refunded: self.refunded,
            provider_ref: words(&self.id),
            decline_code: self.decline_code.as_deref().map(words),
            // Shown to buyers as a link: nothing but a web address.
            action_url: self.action_url.filter(|url| url.starts_with("http://") || url.starts_with("https://")),
        })
    }

    fn reported(self) -> Option<ReportedPayment> {
        let (payment, key) = (self.key.parse().ok(), words(&self.key));
        let order = self.reference.as_deref().and_then(|reference| reference.parse().ok());
        let amount = money(self.amount, self.currency);
        Some(ReportedPayment { payment, key, order, amount, report: self.report()? })
    }
}
