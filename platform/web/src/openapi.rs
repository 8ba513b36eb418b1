//! The OpenAPI 3.1 document, merged from the operations of all services.
//!
//! One schema generator serves all of them, so two types of one name get two names and every reference resolves.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::operation::{Op, Operations};
use crate::{ProblemJson, error};

/// Problems that every operation may answer with: throttled, our fault, unavailable, too late.
const COMMON_PROBLEMS: [u16; 4] = [429, 500, 503, 504];
/// Problems of every operation that takes a body.
const BODY_PROBLEMS: [u16; 4] = [400, 413, 415, 422];

/// Heading of the document.
#[derive(Clone, Copy, Debug)]
pub struct DocumentInfo {
    /// Name of the API.
    pub title: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it is, in CommonMark.
    pub description: &'static str,
}

/// The document of all `parts`.
pub fn openapi(info: DocumentInfo, parts: &[&Operations]) -> Value {
    let settings = SchemaSettings::draft2020_12()
        .with(|s| {
            s.definitions_path = "/components/schemas".into();
            s.meta_schema = None;
        })
        .for_deserialize();
    let mut generator = settings.into_generator();
    generator.subschema_for::<ProblemJson>();
    let mut paths = Map::new();
    let mut tags = BTreeSet::new();
    for (method, path, op) in parts.iter().flat_map(|part| &part.0) {
        if !op.tag.is_empty() {
            tags.insert(op.tag);
        }
        let item = paths.entry(*path).or_insert_with(|| json!({}));
        item[method.as_str().to_ascii_lowercase()] = operation(&mut generator, path, op);
    }
    let schemas = generator.take_definitions(true);
    json!({
        "openapi": "3.1.0",
        "info": { "title": info.title, "version": info.version, "description": info.description },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{ "url": "/" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": { "Problem": {
                "description": "What went wrong (RFC 9457)",
                "content": { error::MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } }
            } },
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } }
        }
    })
}

fn operation(generator: &mut SchemaGenerator, path: &str, op: &Op) -> Value {
    let mut out = json!({ "operationId": op.id, "responses": responses(generator, op) });
    for (name, text) in [("summary", op.summary), ("description", op.description)] {
        if !text.is_empty() {
            out[name] = json!(text);
        }
    }
    if !op.tag.is_empty() {
        out["tags"] = json!([op.tag]);
    }
    let parameters = parameters(generator, path, op);
    if !parameters.is_empty() {
        out["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = op.body {
        let schema = body(generator);
        out["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    if op.bearer {
        out["security"] = json!([{ "bearer": [] }]);
    }
    out
}

fn parameters(generator: &mut SchemaGenerator, path: &str, op: &Op) -> Vec<Value> {
    let mut parameters: Vec<Value> = path_parameters(path)
        .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
        .collect();
    for (name, required, description) in &op.header_params {
        parameters.push(json!({
            "name": name, "in": "header", "required": required, "description": description,
            "schema": { "type": "string" }
        }));
    }
    if let Some(query) = op.query {
        parameters.extend(query_parameters(&query(generator)));
    }
    parameters
}

/// Names between braces of a path template.
fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn query_parameters(schema: &Schema) -> Vec<Value> {
    let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|s| s.remove("description"));
        let mut out = json!({
            "name": name, "in": "query", "required": required.iter().any(|r| r == name), "schema": schema
        });
        if let Some(description) = description {
            out["description"] = description;
        }
        out
    };
    properties.iter().map(parameter).collect()
}

fn responses(generator: &mut SchemaGenerator, op: &Op) -> Value {
    let mut out = Map::new();
    for (status, media_type, schema) in &op.replies {
        let mut response = json!({ "description": reason(*status) });
        if let Some(schema) = schema {
            response["content"] = json!({ *media_type: { "schema": schema(generator) } });
        } else if !media_type.is_empty() {
            response["content"] = json!({ *media_type: {} });
        }
        out.insert(status.to_string(), response);
    }
    let body: &[u16] = if op.body.is_some() { &BODY_PROBLEMS } else { &[] };
    let query: &[u16] = if op.query.is_some() { &[422] } else { &[] };
    let auth: &[u16] = if op.bearer { &[401] } else { &[] };
    for status in [op.problems, body, query, auth, &COMMON_PROBLEMS].into_iter().flatten() {
        out.entry(status.to_string()).or_insert_with(|| json!({ "$ref": "#/components/responses/Problem" }));
    }
    Value::Object(out)
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Answer")
}

/// What is wrong with a document: unresolved references, repeated operation ids, missing parts, path parameters that
/// are not declared. Empty for a sound one. Tests of routes call it.
pub fn check_document(document: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    if !document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1.")) {
        wrong.push("openapi is not 3.1".to_owned());
    }
    for part in ["/info/title", "/info/version", "/paths", "/components/schemas"] {
        if document.pointer(part).is_none() {
            wrong.push(format!("{part} is missing"));
        }
    }
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        if !path.starts_with('/') {
            wrong.push(format!("path {path} does not start with a slash"));
        }
        for (method, operation) in item.as_object().into_iter().flatten() {
            check_operation(path, method, operation, &mut ids, &mut wrong);
        }
    }
    check_references(document, document, &mut wrong);
    wrong
}

fn check_operation<'a>(
    path: &str,
    method: &str,
    operation: &'a Value,
    ids: &mut BTreeSet<&'a str>,
    wrong: &mut Vec<String>,
) {
    let at = format!("{method} {path}");
    match operation["operationId"].as_str() {
        Some(id) if !ids.insert(id) => wrong.push(format!("{at}: operationId {id} is used twice")),
        Some(_) => {}
        None => wrong.push(format!("{at}: no operationId")),
    }
    let responses = operation["responses"].as_object();
    if !responses.is_some_and(|all| all.keys().any(|status| status.starts_with('2') || status.starts_with('3'))) {
        wrong.push(format!("{at}: no successful response"));
    }
    for (status, response) in responses.into_iter().flatten() {
        if response.get("$ref").is_none() && !response["description"].is_string() {
            wrong.push(format!("{at}: response {status} has no description"));
        }
    }
    let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
    let mut seen = BTreeSet::new();
    for parameter in &parameters {
        let (name, place) = (parameter["name"].as_str(), parameter["in"].as_str());
        if name.is_none() || !matches!(place, Some("path" | "query" | "header" | "cookie")) {
            wrong.push(format!("{at}: parameter without name or place"));
        }
        if !seen.insert((name, place)) {
            wrong.push(format!("{at}: parameter {name:?} is declared twice"));
        }
        if parameter.get("schema").is_none() {
            wrong.push(format!("{at}: parameter {name:?} has no schema"));
        }
    }
    for name in path_parameters(path) {
        if !seen.contains(&(Some(name), Some("path"))) {
            wrong.push(format!("{at}: path parameter {name} is not declared"));
        }
    }
}

fn check_references(document: &Value, part: &Value, wrong: &mut Vec<String>) {
    match part {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                let target = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                if target.is_none() {
                    wrong.push(format!("{reference} does not resolve"));
                }
            }
            map.values().for_each(|value| check_references(document, value, wrong));
        }
        Value::Array(items) => items.iter().for_each(|value| check_references(document, value, wrong)),
        _ => {}
    }
}
