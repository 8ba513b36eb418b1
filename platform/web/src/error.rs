//! Error responses (RFC 9457): what a client may know goes into the body, the rest into the log.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;
use souk_kernel::{FieldError, Kind, Problem};

/// Media type of problems.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static(MEDIA_TYPE);
/// What caches may do with a problem unless it says otherwise.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// Seconds a public absence may be remembered: long enough for a stampede, short enough for a new product.
const ABSENCE: HeaderValue = HeaderValue::from_static("public, max-age=5, stale-while-revalidate=0");

/// An error of a handler. Handlers return `Result<impl IntoResponse, ApiError>` and use `?` on [`Problem`]s.
#[derive(Clone, Debug)]
pub struct ApiError {
    problem: Box<Problem>,
    status: StatusCode,
    public_absence: bool,
    headers: Box<HeaderMap>,
    /// The request that was answered so first, when this is a replay.
    first: Option<Box<str>>,
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { problem: problem.into(), status, public_absence: false, headers: Box::default(), first: None }
    }
}

impl ApiError {
    /// A refusal by the transport, outside the kinds a service knows: 400, 405, 415, 431.
    pub fn transport(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let problem = Problem::new(Kind::Invalid, code, detail).into();
        Self { problem, status, public_absence: false, headers: Box::default(), first: None }
    }

    /// Adds a header that belongs to the refusal: `Allow` to a 405, `Accept-Encoding` to a 415.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Lets caches remember a 404 for some seconds: only for what is absent for every caller, say an unknown product.
    pub fn public_absence(mut self) -> Self {
        self.public_absence = self.status == StatusCode::NOT_FOUND;
        self
    }

    /// Answers in the name of another request: a replay says what the first one was told, to the byte.
    pub fn of_request(mut self, first: Option<String>) -> Self {
        self.first = first.map(String::into_boxed_str);
        self
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Writes it to the log: our faults as errors, the client's at debug.
    pub fn log(&self, request_id: &str) {
        let internal = self.problem.internal_detail().unwrap_or_default();
        let (code, detail, status) = (&*self.problem.code, &*self.problem.detail, self.status.as_u16());
        match self.problem.kind.is_fault() {
            true => tracing::error!(request_id, code, status, internal, "request failed"),
            false => tracing::debug!(request_id, code, status, detail, internal, "request refused"),
        }
    }

    /// The response to the request `request_id`.
    pub fn render(&self, request_id: Option<&str>) -> Response {
        let request_id = request_id.map(|id| self.first.as_deref().unwrap_or(id));
        let body = ProblemJson::of(self, request_id.filter(|_| !self.public_absence));
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend((*self.headers).clone());
        headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
        headers.insert(header::CACHE_CONTROL, if self.public_absence { ABSENCE } else { NO_STORE });
        if let Some(seconds) = self.problem.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for ApiError {
    /// Leaves itself in the response's extensions: [`crate::response_layer`] logs it and adds the request id.
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(self);
        response
    }
}

/// Body of a problem (RFC 9457) with Souk's members.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemJson {
    /// `/problems/<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable, for programs.
    pub code: String,
    /// Names this request in our logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Wrong fields of the request.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub errors: Vec<FieldErrorJson>,
    /// What the code promises beside it, for example the lines that are out of stock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

/// One wrong field.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(rename = "FieldError")]
pub struct FieldErrorJson {
    /// JSON pointer (RFC 6901) into the body, or `/name` of a query parameter.
    pub pointer: String,
    /// What is wrong with it, for people.
    pub detail: String,
}

impl ProblemJson {
    fn of(error: &ApiError, request_id: Option<&str>) -> Self {
        let problem = &error.problem;
        // An internal error shows a request id and nothing else, whatever was put into it.
        let show = problem.kind != Kind::Internal;
        let field = |f: &FieldError| FieldErrorJson { pointer: f.pointer.clone(), detail: f.detail.clone() };
        let code = if show { problem.code.to_string() } else { "internal".to_owned() };
        Self {
            kind: format!("/problems/{code}"),
            title: error.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: error.status.as_u16(),
            detail: show.then(|| problem.detail.clone()),
            code,
            request_id: request_id.map(str::to_owned),
            errors: if show { problem.fields.iter().map(field).collect() } else { Vec::new() },
            data: problem.data.as_deref().filter(|_| show).cloned(),
        }
    }
}
