//! The OpenAPI 3.1 document, merged from the operations of all services.
//!
//! One schema generator serves all of them, so two types of one name get two names and every reference resolves.

mod check;
mod replies;

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::extract::media_types;
use crate::operation::{Access, Key, Op, Operations, takes_key};
use crate::{ProblemJson, rules};

pub use check::check_document;

/// Characters of an `Idempotency-Key`: visible ASCII (the gateway checks it for every route).
const KEY_PATTERN: &str = "^[!-~]{1,255}$";

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
        item[method.as_str().to_ascii_lowercase()] = operation(&mut generator, method, path, op);
    }
    let mut paths = Value::Object(paths);
    let mut schemas = Value::Object(generator.take_definitions(true));
    rules::tidy(&mut paths);
    rules::tidy(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": info.title, "version": info.version, "description": info.description,
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" }
        },
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "servers": [{ "url": "/" }],
        "tags": tags.iter().map(|tag| json!({ "name": tag })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": replies::headers(),
            "examples": replies::examples(),
            "securitySchemes": { "bearer": {
                "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                "description": "The `access_token` of `POST /api/v1/auth/login`; valid for ten minutes."
            } }
        }
    })
}

fn operation(generator: &mut SchemaGenerator, method: &http::Method, path: &str, op: &Op) -> Value {
    let mut out = json!({ "operationId": op.id, "responses": replies::responses(generator, method, op) });
    for (name, text) in [("summary", op.summary), ("description", op.description)] {
        if !text.is_empty() {
            out[name] = json!(text);
        }
    }
    if !op.tag.is_empty() {
        out["tags"] = json!([op.tag]);
    }
    let parameters = parameters(generator, method, path, op);
    if !parameters.is_empty() {
        out["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = op.body {
        let schema = body(generator);
        let contents: Map<String, Value> =
            media_types(method).iter().map(|one| ((*one).to_owned(), json!({ "schema": schema }))).collect();
        out["requestBody"] = json!({ "required": op.body_required, "content": contents });
    }
    match op.access {
        Access::Anybody => out["security"] = json!([]),
        Access::Guest => out["security"] = json!([{}, { "bearer": [] }]),
        Access::Customer => out["security"] = json!([{ "bearer": [] }]),
    }
    if op.deprecated.is_some() {
        out["deprecated"] = json!(true);
    }
    out
}

fn parameters(generator: &mut SchemaGenerator, method: &http::Method, path: &str, op: &Op) -> Vec<Value> {
    let mut parameters = Vec::new();
    let names: Vec<&str> = path_parameters(path).collect();
    for (at, name) in names.iter().enumerate() {
        let mut parameter = json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
        if let Some(schema) = op.path_schema {
            let whole = schema(generator).to_value();
            // Of several, the type is a tuple.
            parameter["schema"] = if names.len() == 1 { whole } else { whole["prefixItems"][at].clone() };
        }
        if let Some((_, description)) = op.path_params.iter().find(|(described, _)| described == name) {
            parameter["description"] = json!(description);
        }
        parameters.push(parameter);
    }
    for (name, required, description) in &op.header_params {
        parameters.push(json!({
            "name": name, "in": "header", "required": required, "description": description,
            "schema": { "type": "string" }
        }));
    }
    if takes_key(method) && op.key != Key::Ignored {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": op.key == Key::Required,
            "description": "Makes the call safe to repeat for 24 hours: the same key with the same request gets the first \
                            reply again. A random UUID, new for each request that means something else.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": KEY_PATTERN }
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
        without_null(&mut schema);
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

/// A query string has no null: what is absent is absent.
fn without_null(schema: &mut Value) {
    if let Some(names) = schema["type"].as_array() {
        let real: Vec<Value> = names.iter().filter(|name| *name != "null").cloned().collect();
        if let [one] = &real[..] {
            schema["type"] = one.clone();
        }
    }
    if let Some(branches) = schema.get_mut("anyOf").and_then(Value::as_array_mut) {
        branches.retain(|branch| branch["type"] != "null");
        if let [one] = &branches[..] {
            *schema = one.clone();
        }
    }
    if let Some(schema) = schema.as_object_mut()
        && schema.get("default").is_some_and(Value::is_null)
    {
        schema.remove("default");
    }
}
