//! The public API through its router, without a socket.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{StatusCode, header};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::fakes::{PRINTERS, Sale};
use super::{Backend, World, guest, on_both};

on_both! {
    the_query_string_is_read_strictly_and_answered_cacheably
}

async fn get(world: &World, query: &str) -> Response {
    let request = Request::get(format!("/api/v1/search{query}")).extension(guest()).body(Body::empty()).unwrap();
    souk_search::routes(world.search.service.clone()).router().oneshot(request).await.unwrap()
}

async fn json(response: Response) -> Value {
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

async fn the_query_string_is_read_strictly_and_answered_cacheably(backend: Backend) {
    let world = World::new(backend).await;
    let attributes = &[("colour", "Black & white")];
    world
        .owners
        .sell(&[
            Sale { slug: "a", title: "Laser printer", category: PRINTERS, price: 9_900, attributes, ..Sale::default() },
            Sale { slug: "b", title: "Ink printer", brand: "Bolt", price: 4_900, external_id: "77", ..Sale::default() },
        ])
        .await;
    world.settled(2).await;
    let response = get(&world, "?q=printer&sort=price_asc").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=15");
    assert!(response.headers().contains_key(header::ETAG));
    let body = json(response).await;
    let first = &body["items"][0];
    assert_eq!((&body["total"], &first["slug"], &first["external_id"]), (&2.into(), &"b".into(), &"77".into()));
    assert_eq!(first["price"], serde_json::json!({ "amount": 4900, "currency": "EUR" }));
    assert_eq!((&first["available"], &first["brand"]), (&true.into(), &"Bolt".into()));
    assert!(body["facets"].as_array().unwrap().iter().any(|facet| facet["key"] == "brand"));

    let narrow = "?q=printer&brand=Acme&brand=Bolt&category=computers&price_min=5000&price_max=10000&available=true\
        &attr.colour=Black+%26+white&limit=5&offset=0&facets=false";
    let body = json(get(&world, narrow).await).await;
    assert_eq!((&body["total"], &body["items"][0]["slug"]), (&1.into(), &"a".into()));
    assert_eq!(body["facets"], serde_json::json!([]));

    for bad in [
        "limit=0",
        "limit=1000",
        "limit=x",
        "sort=best",
        "colour=red",
        "q=a&q=b",
        "available=maybe",
        "price_min=-1",
        "offset=20000",
    ] {
        let response = get(&world, &format!("?{bad}")).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }
    assert_eq!(get(&world, "?category=nowhere").await.status(), StatusCode::NOT_FOUND);
    for odd in ["", "?q=", "?q=%00", "?q=%F0%9F%92%A9", "?q=%22%22%22", "?q=a:b+OR+(c", "?brand=%00&attr.=x"] {
        assert_eq!(get(&world, odd).await.status(), StatusCode::OK, "{odd}");
    }
}
