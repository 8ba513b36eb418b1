//! OpenSearch client: JSON over HTTP/1.1 to the nodes of a cluster, on kept-alive connections, in turn. A node that does not
//! answer is passed over for the next one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;
use souk_http_client::{Connections, HttpClient, Reach, Schemes, Settings};
use souk_kernel::Problem;
use souk_tls::TrustRoots;

/// Idle connections are closed before the other side would.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// Idle connections kept to one node; searches under way are bounded by the contract's own limits.
const MAX_IDLE: usize = 64;
/// Calls under way to one node; more wait.
const MAX_CONCURRENT: usize = 256;
/// Bytes of the largest reply: a page of hits with facets is some hundred KB, a bulk's about 200 bytes a document.
const MAX_REPLY: usize = 16 * 1024 * 1024;
/// Characters of an error that are kept.
const MAX_WORDS: usize = 600;

/// Where a node is, and who we are there.
struct Address {
    base: String,
    authorization: Option<HeaderValue>,
}

/// One node. Each has a circuit of its own: one that stays away is soon not asked any more.
struct Node {
    address: Address,
    client: HttpClient,
}

/// The way to a cluster.
pub(crate) struct Nodes {
    nodes: Vec<Node>,
    next: AtomicUsize,
}

/// What a node answered.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

/// Why no reply came: whether the next node may be asked.
pub(crate) fn unavailable(why: impl std::fmt::Display) -> Problem {
    Problem::unavailable("search_unavailable", why)
}

/// Says what is wrong with the address of a node, `https://[user:password@]host[:port]`, or `http://`.
///
/// # Errors
/// In words for the operator who configured it.
pub fn check_url(url: &str) -> Result<(), String> {
    address(url).map(drop)
}

fn address(url: &str) -> Result<Address, String> {
    let uri: http::Uri = url.parse().map_err(|_| "not a URL".to_owned())?;
    let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme));
    let scheme = scheme.ok_or("must begin with https:// or http://")?;
    let authority = uri.authority().ok_or("has no host")?;
    if authority.host().is_empty() || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err("must be https://host:port without a path".into());
    }
    let (login, host) = match authority.as_str().rsplit_once('@') {
        Some((login, host)) => (Some(login), host),
        None => (None, authority.as_str()),
    };
    let basic = |login: &str| {
        let login = percent_encoding::percent_decode_str(login).collect::<Vec<u8>>();
        let encoded = base64::engine::general_purpose::STANDARD.encode(login);
        HeaderValue::try_from(format!("Basic {encoded}")).map_err(|_| "the login is not text".to_owned())
    };
    let mut authorization = login.map(basic).transpose()?;
    authorization.iter_mut().for_each(|value| value.set_sensitive(true));
    Ok(Address { base: format!("{scheme}://{host}"), authorization })
}

impl Nodes {
    /// The nodes at `urls`; connects when first used.
    ///
    /// # Errors
    /// 422 when there is no usable address.
    pub(crate) fn new(urls: &[String], trust_roots: &TrustRoots) -> Result<Self, Problem> {
        let wrong = |why: String| Problem::invalid("invalid_configuration", format!("search.opensearch: {why}"));
        if urls.is_empty() {
            return Err(wrong("no address".into()));
        }
        let connections = Connections {
            schemes: Schemes::HttpToo,
            reach: Reach::Anywhere,
            trust_roots: trust_roots.clone(),
            idle: IDLE_TIMEOUT,
            max_idle: MAX_IDLE,
        };
        let settings = Settings { name: "opensearch", concurrent: MAX_CONCURRENT, max_answer: MAX_REPLY, connections };
        let node = |url: &String| {
            let address = address(url).map_err(|why| wrong(format!("{url:?} {why}")))?;
            let client = HttpClient::new(settings.clone()).map_err(|error| wrong(error.to_string()))?;
            Ok(Node { address, client })
        };
        let nodes = urls.iter().map(node).collect::<Result<Vec<_>, Problem>>()?;
        Ok(Self { nodes, next: AtomicUsize::new(0) })
    }

    /// Sends a request that may safely arrive twice, to one node after the other until one answers, for `timeout` in all.
    /// Overload and faults of the cluster are errors; what it refuses is a reply.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
        timeout: Duration,
    ) -> Result<Reply, Problem> {
        let (body, started) = (body.into(), Instant::now());
        let mut failed = unavailable("no node");
        for _ in &self.nodes {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            match self.once(method.clone(), path, body.clone(), left).await {
                Ok(reply) => return Ok(reply),
                Err(problem) => failed = problem,
            }
        }
        Err(failed)
    }

    async fn once(&self, method: Method, path: &str, body: Bytes, timeout: Duration) -> Result<Reply, Problem> {
        let Node { address, client } = &self.nodes[self.next.fetch_add(1, Ordering::Relaxed) % self.nodes.len()];
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", address.base))
            // Also right for bulks: OpenSearch takes either for newline-delimited JSON.
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(login) = &address.authorization {
            request = request.header(header::AUTHORIZATION, login);
        }
        let request = request.body(body).map_err(Problem::internal)?;
        let down = |error: &dyn std::fmt::Display| unavailable(format!("OpenSearch at {}: {error}", address.base));
        let response = client.send(request, timeout).await.map_err(|error| down(&error))?;
        let status = response.status();
        let reply = Reply { status, body: response.into_body() };
        match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
            true => Err(down(&reply.words())),
            false => Ok(reply),
        }
    }
}

impl Reply {
    /// What it says, for the log.
    pub(crate) fn words(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{} {}", self.status, body.chars().take(MAX_WORDS).collect::<String>())
    }

    /// The value of a success.
    ///
    /// # Errors
    /// Internal when it is a refusal: what we ask is ours to get right.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, Problem> {
        if !self.status.is_success() {
            return Err(Problem::internal(format!("OpenSearch refused: {}", self.words())));
        }
        serde_json::from_slice(&self.body).map_err(|error| Problem::internal(format!("OpenSearch's reply: {error}")))
    }

    /// Succeeds when it did.
    ///
    /// # Errors
    /// As [`Reply::json`].
    pub(crate) fn done(self) -> Result<(), Problem> {
        self.json::<Value>().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_and_logins_are_taken_out() {
        for fine in ["http://127.0.0.1:9200", "http://search-1:9200/", "http://[::1]:9200"] {
            assert_eq!(check_url(fine), Ok(()), "{fine}");
        }
        for wrong in ["ftp://search:9200", "search:9200", "http://", "http://search:9200/path", "http://a b", ""] {
            assert!(check_url(wrong).is_err(), "{wrong}");
        }
        let address = address("http://souk:p%40ss@search:9200").unwrap();
        assert_eq!(address.base, "http://search:9200");
        assert_eq!(address.authorization.unwrap(), "Basic c291azpwQHNz");
    }
}
