//! Authentication: a bearer token (a JWT, checked here against identity's own keys) or a session cookie (asked of identity, remembered
//! for seconds). A request with neither is anonymous and costs nothing.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use parking_lot::RwLock;
use quick_cache::sync::Cache;
use souk_identity_api::token::{self, TokenError};
use souk_identity_api::{IdentityClient, Jwks, JwksRequest, SessionRequest};
use souk_kernel::{Kind, Problem, Secret};
use souk_rpc::{Actor, Cx};
use souk_web::{Cookies, SESSION_COOKIE};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Microseconds a session is believed without asking: a logout elsewhere takes effect within this time.
const SESSION_KNOWN_US: i64 = 3_000_000;
/// Microseconds after which the keys are fetched again.
const KEYS_KNOWN_US: i64 = 300_000_000;
/// Microseconds between two fetches at least: tokens with made-up key ids must not become a load on identity.
const KEYS_PAUSE_US: i64 = 5_000_000;
/// Sessions and tokens remembered.
const REMEMBERED: usize = 20_000;
/// Characters of a session token at most.
const MAX_SESSION_CHARS: usize = 128;

/// Who asks.
pub(crate) struct Who {
    pub(crate) actor: Actor,
    /// The browser added the proof by itself, so another site may be behind the request.
    pub(crate) by_cookie: bool,
}

const ANONYMOUS: Who = Who { actor: Actor::Anonymous, by_cookie: false };

/// A digest stands for a token: memory of this process must not be a list of valid ones.
type Digest = [u8; 32];

pub(crate) struct Auth {
    identity: Option<IdentityClient>,
    pub(crate) cookies: Cookies,
    keys: RwLock<(Arc<Jwks>, i64)>,
    fetching: Mutex<()>,
    /// Verified tokens and when they end (seconds).
    tokens: Cache<Digest, (Uuid, i64)>,
    /// Whose a session is, or none's, and until when that is believed.
    sessions: Cache<Digest, (Option<Uuid>, i64)>,
}

impl Auth {
    pub(crate) fn new(identity: Option<IdentityClient>, cookies: Cookies) -> Self {
        Self {
            identity,
            cookies,
            keys: RwLock::new((Arc::default(), i64::MIN / 2)),
            fetching: Mutex::new(()),
            tokens: Cache::new(REMEMBERED),
            sessions: Cache::new(REMEMBERED),
        }
    }

    /// Who sent `headers`. 401 for a bearer token that is not right; a session that ended is anonymous.
    pub(crate) async fn who(&self, cx: &Cx, headers: &HeaderMap, now: Timestamp, safe: bool) -> Result<Who, Problem> {
        let Some(identity) = &self.identity else { return Ok(ANONYMOUS) };
        if let Some(credentials) = headers.get(header::AUTHORIZATION) {
            let customer = self.bearer(identity, cx, credentials, now).await?;
            return Ok(Who { actor: Actor::Customer(customer), by_cookie: false });
        }
        let Some(session) = self.cookies.read(headers, SESSION_COOKIE) else { return Ok(ANONYMOUS) };
        if session.is_empty() || session.len() > MAX_SESSION_CHARS {
            return Ok(ANONYMOUS);
        }
        match self.session(identity, cx, session, now).await {
            Ok(Some(customer)) => Ok(Who { actor: Actor::Customer(customer), by_cookie: true }),
            Ok(None) => Ok(ANONYMOUS),
            // Reading on as a guest is better than not at all; writing as one would be wrong.
            Err(problem) if safe => {
                tracing::warn!(code = %problem.code, request_id = %cx.request_id, "sessions cannot be checked");
                Ok(ANONYMOUS)
            }
            Err(problem) => Err(problem),
        }
    }

    /// Forgets the session of a request that may have ended it.
    pub(crate) fn forget(&self, headers: &HeaderMap) {
        if let Some(session) = self.cookies.read(headers, SESSION_COOKIE) {
            self.sessions.remove(&digest(session));
        }
    }

    async fn bearer(
        &self,
        identity: &IdentityClient,
        cx: &Cx,
        credentials: &HeaderValue,
        now: Timestamp,
    ) -> Result<Uuid, Problem> {
        let refused = || Problem::new(Kind::Unauthenticated, "invalid_token", "the access token is not valid");
        let text = credentials.to_str().map_err(|_| refused())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        let digest = digest(token);
        if let Some((customer, ends)) = self.tokens.get(&digest)
            && now.as_second() <= ends
        {
            return Ok(customer);
        }
        let keys = self.keys(identity, cx, now, None).await?;
        let claims = match token::verify(token, &keys, now) {
            Err(TokenError::UnknownKey(kid)) => {
                let keys = self.keys(identity, cx, now, Some(&kid)).await?;
                token::verify(token, &keys, now)
            }
            other => other,
        };
        let claims = claims.map_err(|error| refused().with_internal(error.to_string()))?;
        self.tokens.insert(digest, (claims.sub, claims.exp + token::LEEWAY_SECONDS));
        Ok(claims.sub)
    }

    /// The keys; fetched when they are old, or when one is `missing` and the last fetch was not just now.
    async fn keys(
        &self,
        identity: &IdentityClient,
        cx: &Cx,
        now: Timestamp,
        missing: Option<&str>,
    ) -> Result<Arc<Jwks>, Problem> {
        let now = now.as_microsecond();
        let current = || {
            let (keys, fetched) = self.keys.read().clone();
            let has = missing.is_none_or(|kid| keys.keys.iter().any(|key| key.kid == kid));
            let enough = if has { now - fetched < KEYS_KNOWN_US } else { now - fetched < KEYS_PAUSE_US };
            enough.then_some(keys)
        };
        if let Some(keys) = current() {
            return Ok(keys);
        }
        let _one_at_a_time = self.fetching.lock().await;
        if let Some(keys) = current() {
            return Ok(keys);
        }
        let keys = Arc::new(identity.jwks(cx, JwksRequest {}).await?);
        *self.keys.write() = (keys.clone(), now);
        Ok(keys)
    }

    async fn session(
        &self,
        identity: &IdentityClient,
        cx: &Cx,
        session: &str,
        now: Timestamp,
    ) -> Result<Option<Uuid>, Problem> {
        let (digest, now) = (digest(session), now.as_microsecond());
        if let Some((customer, until)) = self.sessions.get(&digest)
            && now < until
        {
            return Ok(customer);
        }
        let request = SessionRequest { session_token: Secret::new(session.to_owned()) };
        let customer = match identity.session(cx, request).await {
            Ok(session) => Some(session.customer_id.uuid()),
            Err(problem) if problem.kind == Kind::Unauthenticated => None,
            Err(problem) => return Err(problem),
        };
        self.sessions.insert(digest, (customer, now + SESSION_KNOWN_US));
        Ok(customer)
    }
}

fn digest(token: &str) -> Digest {
    *blake3::hash(token.as_bytes()).as_bytes()
}
