//! Answers in the OpenAPI document: bodies, headers, links to what can be called next, and problems by code with an example
//! of each.

use std::collections::{BTreeMap, BTreeSet};

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::error;
use crate::operation::{Access, Key, Link, Op, takes_key};
use crate::problems::{problem_type, problem_types};

/// Codes that every call may answer with: malformed, throttled, our fault, unavailable, too late.
const COMMON: &[&str] = &["too_many_requests", "internal", "overloaded", "deadline_exceeded"];
/// Of a call that takes a body.
const BODY: &[&str] =
    &["malformed_json", "body_unreadable", "body_too_large", "unsupported_media_type", "invalid_request"];
const QUERY: &[&str] = &["invalid_query", "uri_too_long"];
const KEYED: &[&str] = &["invalid_idempotency_key", "idempotency_key_in_use", "idempotency_key_reused"];

/// Headers of answers: name, schema, description.
const HEADERS: &[(&str, &str, &str)] = &[
    ("Location", "string", "Where the thing that was made is."),
    ("ETag", "string", "Names this version of the content (RFC 9110, 8.8.3); for `If-None-Match` or `If-Match`."),
    ("Link", "string", "The next and the first page (RFC 8288): `rel=\"next\"`, `rel=\"first\"`."),
    ("Retry-After", "integer", "Seconds to wait before the next try."),
    ("WWW-Authenticate", "string", "`Bearer`."),
    ("Deprecation", "string", "Since when this call should not be used (RFC 9745)."),
    ("Sunset", "string", "When it may go (RFC 8594)."),
    ("RateLimit", "string", "What is left of the tightest allowance (draft-ietf-httpapi-ratelimit-headers-10)."),
    ("RateLimit-Policy", "string", "Size and window of that allowance."),
    ("X-Request-Id", "string", "Names this request in the shop's logs."),
];

/// The headers that answers refer to.
pub(super) fn headers() -> Value {
    let header = |(name, kind, description): &(&str, &str, &str)| {
        ((*name).to_owned(), json!({ "description": description, "schema": { "type": kind } }))
    };
    Value::Object(HEADERS.iter().map(header).collect())
}

fn refer<'n>(names: impl IntoIterator<Item = &'n str>) -> Map<String, Value> {
    let reference = |name: &str| (name.to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    names.into_iter().map(reference).collect()
}

/// An example of every problem.
pub(super) fn examples() -> Value {
    let mut examples = Map::new();
    for known in problem_types() {
        for status in &known.statuses {
            let value = json!({
                "type": format!("/problems/{}", known.code), "title": reason(*status), "status": status,
                "code": known.code, "request_id": "1b4f8c2e9d7a4e0300000001"
            });
            examples.insert(name_of(known.code, *status), json!({ "summary": known.advice, "value": value }));
        }
    }
    Value::Object(examples)
}

fn name_of(code: &str, status: u16) -> String {
    format!("{code}.{status}")
}

/// All answers of a call.
pub(super) fn responses(generator: &mut SchemaGenerator, method: &http::Method, op: &Op) -> Value {
    let mut out = Map::new();
    for (status, media_type, schema) in &op.replies {
        let mut names: Vec<&str> = op.reply_headers.to_vec();
        if op.deprecated.is_some() {
            names.extend(["Deprecation", "Sunset"]);
        }
        names.push("X-Request-Id");
        let mut response = json!({ "description": reason(*status), "headers": refer(names) });
        if let Some(schema) = schema {
            response["content"] = json!({ *media_type: { "schema": schema(generator) } });
        } else if !media_type.is_empty() {
            response["content"] = json!({ *media_type: {} });
        }
        for link in op.links.iter().filter(|link| link.status == *status) {
            response["links"][link.operation] = link_object(link);
        }
        out.insert(status.to_string(), response);
    }
    for (status, codes) in problems(method, op) {
        out.entry(status.to_string()).or_insert_with(|| problem(status, &codes));
    }
    Value::Object(out)
}

fn link_object(link: &Link) -> Value {
    let parameters: Map<String, Value> =
        link.parameters.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    let mut out = json!({ "operationId": link.operation, "parameters": parameters });
    if let Some(body) = &link.body {
        out["requestBody"] = body.clone();
    }
    out
}

/// Codes of all problems by status.
fn problems(method: &http::Method, op: &Op) -> BTreeMap<u16, BTreeSet<&'static str>> {
    let body = if op.body.is_some() { BODY } else { &[] };
    let query = if op.query.is_some() { QUERY } else { &[] };
    let key = match op.key {
        _ if !takes_key(method) => &[],
        Key::Ignored => &[][..],
        Key::Taken | Key::Required => KEYED,
    };
    let auth: &[&str] = match op.access {
        Access::Anybody => &[],
        Access::Guest => &["invalid_token"],
        Access::Customer => &["invalid_token", "not_signed_in"],
    };
    let mut by_status: BTreeMap<u16, BTreeSet<&'static str>> = BTreeMap::new();
    for code in [op.codes, body, query, key, auth, COMMON].into_iter().flatten() {
        let known = problem_type(code);
        let known = known.unwrap_or_else(|| panic!("{}: the code {code} is not in docs/errors.md", op.id));
        known.statuses.iter().for_each(|status| {
            by_status.entry(*status).or_default().insert(known.code);
        });
    }
    by_status
}

fn problem(status: u16, codes: &BTreeSet<&'static str>) -> Value {
    let listed: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
    let example = |code: &&'static str| {
        ((*code).to_owned(), json!({ "$ref": format!("#/components/examples/{}", name_of(code, status)) }))
    };
    let examples: Map<String, Value> = codes.iter().map(example).collect();
    let mut names = vec!["X-Request-Id"];
    match status {
        401 => names.push("WWW-Authenticate"),
        429 => names.extend(["Retry-After", "RateLimit", "RateLimit-Policy"]),
        503 => names.push("Retry-After"),
        _ => {}
    }
    json!({
        "description": format!("{} (RFC 9457): {}", reason(status), listed.join(", ")),
        "headers": refer(names),
        "content": { error::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" }, "examples": examples } }
    })
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Answer")
}
