//! Design preview of the storefront over a shop in memory: `cargo run -p souk-storefront --example gallery`. Takes a port
//! (default 8090). Nothing is stored and nothing else is needed.

#[path = "../tests/it/fake/mod.rs"]
#[allow(dead_code, clippy::unwrap_used)] // written for tests
mod fake;

use axum::extract::{Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use souk_rpc::Cx;
use souk_web::{CART_COOKIE, Cookies, RequestIds, SESSION_COOKIE};
use std::sync::Arc;

type Shared = Arc<(Arc<fake::FakeShop>, RequestIds)>;

/// What the gateway does in a real shop: a context for every request.
async fn context(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let session = Cookies { https: false }.read(request.headers(), SESSION_COOKIE);
    let id = String::from_utf8_lossy(&shared.1.next()).into_owned();
    let cx = Cx::new(id, shared.0.actor(session));
    request.extensions_mut().insert(cx);
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    response.headers_mut().insert("content-security-policy", policy.parse().expect("printable ASCII"));
    response
}

async fn picture(Path(file): Path<String>) -> Response {
    let drawn = file.strip_suffix(".svg").and_then(|name| name.rsplit_once('-'));
    let drawn = drawn.and_then(|(motif, seed)| Some(souk_art::art(motif, seed.parse().ok()?)));
    drawn.map_or_else(
        || axum::http::StatusCode::NOT_FOUND.into_response(),
        |svg| ([("content-type", "image/svg+xml")], svg).into_response(),
    )
}

/// `GET /gallery/fill`: a signed-in customer with an address, an order and a cart with a surprise in it.
async fn fill(State(shared): State<Shared>) -> Response {
    match shared.0.fill().await {
        Ok((session, cart)) => {
            let cookies = Cookies { https: false };
            let mut response = axum::response::Redirect::to("/account").into_response();
            for cookie in [cookies.set(SESSION_COOKIE, &session, None), cookies.set(CART_COOKIE, &cart, None)] {
                response.headers_mut().append("set-cookie", cookie);
            }
            response.headers_mut().append("set-cookie", "souk_known=1; Path=/".parse().expect("printable ASCII"));
            response
        }
        Err(problem) => souk_web::ApiError::from(problem).into_response(),
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|port| port.parse().ok()).unwrap_or(8090);
    let shop = fake::FakeShop::new(souk_demo::DEFAULT_PRODUCTS);
    let shared: Shared = Arc::new((shop.clone(), RequestIds::default()));
    let router =
        souk_storefront::router(shop.clients(&format!("http://127.0.0.1:{port}")), &souk_runtime::Tasks::new());
    let router = router
        .route("/media/{file}", get(picture))
        .route("/gallery/fill", get(fill).with_state(shared.clone()))
        .layer(from_fn_with_state(shared, context));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://127.0.0.1:{port}");
    axum::serve(listener, router).await
}
