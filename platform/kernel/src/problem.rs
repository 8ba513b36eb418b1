//! Problem, the one error that crosses a boundary: an RFC 9457 problem with a kind from a closed set and a stable code.
//!
//! Domain code returns its own `thiserror` enums; each service turns them into a [`Problem`] in one `From`.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What almost every fallible call of a service returns.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// Everything a caller may branch on. Fixes the status, whether a retry can help, and how loudly it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The request is understood and wrong (422); `fields` says where.
    Invalid,
    /// The caller is not signed in, or the credentials are wrong (401).
    Unauthenticated,
    /// The payment was refused (402).
    Declined,
    /// Signed in, and not allowed (403). Never used for what belongs to another customer: that is `NotFound`.
    Forbidden,
    /// No such thing, or not yours (404).
    NotFound,
    /// It contradicts the present state (409).
    Conflict,
    /// It was based on an older version (412).
    Stale,
    /// Larger than the limit (413).
    TooLarge,
    /// Too often (429); `retry_after` says when again.
    RateLimited,
    /// Not finished within the deadline (504); it may have happened.
    Timeout,
    /// Temporarily out of reach (503); nothing happened, so a retry is safe.
    Unavailable,
    /// Our fault (500).
    Internal,
}

impl Kind {
    /// True when a present state refused the request, so that its caller looks at that state next and must not be shown an
    /// older one.
    pub const fn is_about_state(self) -> bool {
        matches!(self, Kind::Conflict | Kind::Stale)
    }

    /// HTTP status of this kind.
    pub const fn status(self) -> u16 {
        match self {
            Kind::Invalid => 422,
            Kind::Unauthenticated => 401,
            Kind::Declined => 402,
            Kind::Forbidden => 403,
            Kind::NotFound => 404,
            Kind::Conflict => 409,
            Kind::Stale => 412,
            Kind::TooLarge => 413,
            Kind::RateLimited => 429,
            Kind::Timeout => 504,
            Kind::Unavailable => 503,
            Kind::Internal => 500,
        }
    }

    /// True when repeating the same call may succeed and cannot do harm by itself.
    pub const fn retry_helps(self) -> bool {
        matches!(self, Kind::Unavailable)
    }

    /// True for faults of ours, which are logged as errors; the rest are the client's and logged at debug.
    pub const fn is_fault(self) -> bool {
        matches!(self, Kind::Internal | Kind::Unavailable | Kind::Timeout)
    }
}

/// One wrong field of a request: a JSON pointer (RFC 6901) and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer into the request body, `/lines/0/quantity`.
    pub pointer: String,
    /// A sentence for people.
    pub detail: String,
}

/// An error as the caller sees it, with an `internal` part for the log that is neither serialised nor displayed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// Closed set; decides status and retry.
    pub kind: Kind,
    /// Stable snake_case code, documented in `docs/errors.md`.
    pub code: Cow<'static, str>,
    /// A sentence for people; no secrets.
    pub detail: String,
    /// Wrong fields, when there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// Seconds to wait before the next try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// What the code promises to carry beside it, for example the lines that are out of stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<serde_json::Value>>,
    #[serde(skip)]
    internal: Option<Box<str>>,
}

impl Problem {
    /// A problem of `kind` with a stable `code` and a sentence for people; card numbers in that are taken out.
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind,
            code: code.into(),
            detail: scrubbed(detail.into()),
            fields: Vec::new(),
            retry_after: None,
            data: None,
            internal: None,
        }
    }

    /// 422 with a code of its own.
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, code, detail)
    }

    /// 422 for one field: `pointer` is a JSON pointer into the body.
    pub fn invalid_field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let problem = Self::new(Kind::Invalid, "invalid_request", detail);
        let fields = vec![FieldError { pointer: pointer.into(), detail: problem.detail.clone() }];
        Self { fields, ..problem }
    }

    /// 404: `what` is the thing in words, "product".
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("no such {what}"))
    }

    /// 409 with a code of its own.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, detail)
    }

    /// 412 unless `version` is among `wanted`, the versions that a conditional request names; none names no condition.
    pub fn check_version(version: i64, wanted: Option<&[i64]>) -> std::result::Result<(), Self> {
        if wanted.is_none_or(|wanted| wanted.contains(&version)) {
            return Ok(());
        }
        let detail = "it was changed since you looked at it: read it again, and decide again";
        Err(Problem::new(Kind::Stale, "precondition_failed", detail))
    }

    /// 500; `internal` goes to the log only.
    pub fn internal(internal: impl std::fmt::Display) -> Self {
        Self::new(Kind::Internal, "internal", "something went wrong on our side").with_internal(internal.to_string())
    }

    /// 503; `internal` goes to the log only.
    pub fn unavailable(code: &'static str, internal: impl std::fmt::Display) -> Self {
        Self::new(Kind::Unavailable, code, "temporarily unavailable, please try again")
            .with_internal(internal.to_string())
    }

    /// 504: the deadline passed during `what`.
    pub fn timeout(what: impl std::fmt::Display) -> Self {
        Self::new(Kind::Timeout, "deadline_exceeded", "this took too long").with_internal(what.to_string())
    }

    /// Adds what only the log may know.
    pub fn with_internal(mut self, internal: impl Into<String>) -> Self {
        self.internal = Some(internal.into().into_boxed_str());
        self
    }

    /// 422 for several fields at once.
    pub fn invalid_fields(code: &'static str, detail: impl Into<String>, fields: Vec<FieldError>) -> Self {
        Self { fields, ..Self::invalid(code, detail) }
    }

    /// Adds a machine-readable part to the answer.
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        self.data = serde_json::to_value(data).ok().map(Box::new);
        self
    }

    /// Adds when to come back.
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait.as_secs().max(1));
        self
    }

    /// What only the log may know.
    pub fn internal_detail(&self) -> Option<&str> {
        self.internal.as_deref()
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        self.kind.status()
    }

    /// True when this is the problem with `code`.
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

/// What a problem repeats of a request is shown, and logged.
fn scrubbed(text: String) -> String {
    match crate::pan::scrub(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(scrubbed) => scrubbed,
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_is_neither_serialised_nor_displayed() {
        let problem = Problem::internal("password=hunter2");
        assert_eq!(problem.internal_detail(), Some("password=hunter2"));
        assert!(!problem.to_string().contains("hunter2"));
        assert!(!serde_json::to_string(&problem).unwrap().contains("hunter2"));
    }

    #[test]
    fn only_what_surely_did_nothing_may_be_retried() {
        assert!(Kind::Unavailable.retry_helps());
        assert!(!Kind::Timeout.retry_helps(), "a timed-out call may have happened");
    }
}
