//! Linter of an OpenAPI document: looks for what generators of clients stumble over.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::openapi::path_parameters;

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
        if response["content"].get("application/json").is_some_and(|content| content.get("schema").is_none()) {
            wrong.push(format!("{at}: response {status} is JSON of no type"));
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
