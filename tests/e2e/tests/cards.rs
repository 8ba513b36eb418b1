//! No card number enters: one is put into every text that the public API and the storefront's forms take, and then looked for in
//! everything that the shop keeps: all tables of all schemas (orders, sagas, events, jobs ...) and all files (mails, index,
//! journal of the payment sandbox).

use std::path::Path;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use souk_db::{Db, DbConfig, RowExt};
use souk_kernel::pan;
use souk_rpc::Cx;
use souk_testkit::World;

everywhere!(crate::crowded(); a_card_number_is_kept_nowhere);

/// A number that nothing else contains, as people write it and as it would be kept.
const WRITTEN: &str = "4539 5787 6362 1486";
const DIGITS: &str = "4539578763621486";
/// Schemas refer to each other; deeper than this is a circle.
const MAX_DEPTH: usize = 12;

async fn a_card_number_is_kept_nowhere(world: &World) {
    assert!(pan::holds(WRITTEN) && pan::holds(DIGITS));
    let lamp = world.product("Lamp", 2_000, 5).await;
    let mut guest = world.guest();
    guest.fill(&lamp.sku, 1).await;
    let cart = guest.cart.expect("filled").to_string();
    let document: Value = world.shop.get("/api/v1/openapi.json").await.json();
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            for attempt in attempts(&document, path, method, operation, &cart) {
                refused(world, &attempt).await;
                tried += 1;
            }
        }
    }
    for path in
        ["/cart/lines", "/cart/coupons", "/checkout", "/checkout/address", "/account/login", "/account/register"]
    {
        let body = "a=b&field=4539+5787+6362+1486".into();
        let form = ("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned());
        refused(world, &Attempt { method: Method::POST, path: path.into(), headers: vec![form], body }).await;
        tried += 1;
    }
    assert!(tried >= 60, "{tried}");
    assert_eq!(found(world).await, Vec::<String>::new());
    // The shop still sells.
    guest.checkout(souk_testkit::tokens::OK).await.bought();
    control(world).await;
}

/// The merchant's tools work beside the gateway and its guard: what comes in that way is kept, and found.
async fn control(world: &World) {
    let (cx, cart) = (Cx::system("control"), &world.clients().cart);
    let made = cart.create(&cx, serde_json::from_value(json!({})).unwrap()).await.unwrap();
    let mut address = souk_testkit::address();
    address["line1"] = json!(format!("Main St {DIGITS}"));
    let update = serde_json::from_value(json!({ "cart_id": made.id, "shipping_address": address })).unwrap();
    cart.update(&cx, update).await.unwrap();
    assert!(!found(world).await.is_empty(), "the look into what is kept does not find it");
}

struct Attempt {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

async fn refused(world: &World, attempt: &Attempt) {
    let headers: Vec<(&str, &str)> = attempt.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let body = Bytes::from(attempt.body.clone());
    let reply = world.shop.send(attempt.method.clone(), &attempt.path, &headers, body).await;
    let at = format!("{} {} {:?} {}", attempt.method, attempt.path, attempt.headers, attempt.body);
    assert_eq!((reply.status.as_u16(), reply.code().as_str()), (422, "card_number_refused"), "{at}");
    assert!(!pan::holds(&reply.text()), "{at}: {}", reply.text());
}

/// A request for each text that an operation takes.
fn attempts(document: &Value, template: &str, method: &str, operation: &Value, cart: &str) -> Vec<Attempt> {
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method");
    let path = |card: Option<&str>| {
        let part = |part: &str| match part.starts_with('{') {
            true if Some(part) == card => WRITTEN.replace(' ', "%20"),
            true => cart.to_owned(),
            false => part.to_owned(),
        };
        template.split('/').map(part).collect::<Vec<_>>().join("/")
    };
    let json = ("content-type".to_owned(), "application/json".to_owned());
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let body = if schema.is_null() { Value::Null } else { sample(document, schema, 0) };
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let with = |path: String, header: Option<(&str, &str)>| {
        let mut headers = if text.is_empty() { Vec::new() } else { vec![json.clone()] };
        headers.extend(header.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Attempt { method: method.clone(), path, headers, body: text.clone() }
    };
    let mut attempts: Vec<Attempt> =
        template.split('/').filter(|part| part.starts_with('{')).map(|part| with(path(Some(part)), None)).collect();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        match parameter["in"].as_str() {
            Some("query") => attempts.push(with(format!("{}?{name}=4539+5787+6362+1486", path(None)), None)),
            Some("header") => attempts.push(with(path(None), Some((name, WRITTEN)))),
            _ => {}
        }
    }
    attempts.push(with(path(None), Some(("idempotency-key", DIGITS))));
    attempts.push(with(path(None), Some(("user-agent", WRITTEN))));
    attempts.push(with(format!("{}?made-up={DIGITS}", path(None)), None));
    let mut pointers = Vec::new();
    texts(&body, &mut String::new(), &mut pointers);
    for pointer in pointers {
        let mut filled = body.clone();
        *filled.pointer_mut(&pointer).expect("it is there") = json!(format!("x {WRITTEN}"));
        attempts.push(Attempt { body: filled.to_string(), ..with(path(None), None) });
    }
    attempts
}

/// A value of a schema, with everything that may be in it.
fn sample(document: &Value, schema: &Value, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(target) =
        schema["$ref"].as_str().and_then(|reference| document.pointer(reference.trim_start_matches('#')))
    {
        return sample(document, target, depth + 1);
    }
    for choice in ["anyOf", "oneOf", "allOf"] {
        let choices = schema[choice].as_array().into_iter().flatten();
        if let Some(value) = choices.map(|one| sample(document, one, depth + 1)).find(|value| !value.is_null()) {
            return value;
        }
    }
    let is = |kind: &str| match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(|one| one == kind),
        one => one == kind,
    };
    if is("object") || schema["properties"].is_object() {
        let properties = schema["properties"].as_object().into_iter().flatten();
        return properties
            .map(|(name, schema)| (name.clone(), sample(document, schema, depth + 1)))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    if is("array") {
        return json!([sample(document, &schema["items"], depth + 1)]);
    }
    if is("string") || schema["enum"].is_array() || schema["const"].is_string() {
        return json!("text");
    }
    if is("boolean") {
        json!(true)
    } else if is("integer") || is("number") {
        json!(1)
    } else {
        Value::Null
    }
}

/// Where texts stand in a value.
fn texts(value: &Value, pointer: &mut String, found: &mut Vec<String>) {
    let end = pointer.len();
    let mut inner = |name: &str, value: &Value| {
        pointer.push_str(&format!("/{}", name.replace('~', "~0").replace('/', "~1")));
        texts(value, pointer, found);
        pointer.truncate(end);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(name, value)| inner(name, value)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, value)| inner(&at.to_string(), value)),
        Value::String(_) => found.push(pointer.clone()),
        _ => {}
    }
}

/// Tables and files that the number stands in.
async fn found(world: &World) -> Vec<String> {
    let mut config = DbConfig::new(world.database_url(), "card_search_of_tests");
    (config.read_connections, config.tx_connections) = (1, 1);
    let db = Db::connect(config).await.expect("the test's database");
    let mut found = Vec::new();
    let tables = "select format('%I.%I', table_schema, table_name) as name from information_schema.tables \
                  where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')";
    let tables = db.primary().query(tables, &[]).await.expect("the tables");
    assert!(tables.len() > 30, "{}", tables.len());
    // Bytes are shown in hexadecimal.
    let bytes: String = DIGITS.bytes().map(|digit| format!("{digit:02x}")).collect();
    for table in &tables {
        let name: String = table.get_col("name").expect("a name");
        let sql = format!(
            "select count(*) from {name} t where t::text like '%{DIGITS}%' or t::text like '%{WRITTEN}%' or t::text like '%{bytes}%'"
        );
        // The handle takes texts that live as long as the program; there are as many as tables.
        let sql: &'static str = Box::leak(sql.into_boxed_str());
        let rows: i64 = db.primary().query_one(sql, &[]).await.expect("a count").get_col(0).expect("a number");
        if rows > 0 {
            found.push(name);
        }
    }
    in_files(world.data_dir(), &mut found);
    found
}

fn in_files(dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).expect("the shop's data").flatten() {
        let path = entry.path();
        if path.is_dir() {
            in_files(&path, found);
        // A file of the index may be merged away meanwhile.
        } else if let Ok(content) = std::fs::read(&path) {
            let content = String::from_utf8_lossy(&content);
            if content.contains(DIGITS) || content.contains(WRITTEN) {
                found.push(path.display().to_string());
            }
        }
    }
}
