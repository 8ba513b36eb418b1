//! `GET /fragments/header`: what `souk.mjs` writes into the header of a page that is otherwise the same for everybody.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use serde::Serialize;
use souk_cart_api::GetCart;
use souk_identity_api::MeRequest;
use souk_kernel::Kind;
use souk_web::{ApiError, WebCx, no_store};

use crate::app::App;
use crate::basket;

/// What is personal about a header.
#[derive(Debug, Default, Serialize)]
struct Header {
    /// Name of who is signed in; empty for guests and the nameless.
    name: String,
    /// Units in the cart.
    units: u64,
}

pub(crate) async fn header(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap) -> Result<Response, ApiError> {
    let mut header = Header::default();
    if cx.actor.customer().is_some() {
        header.name = app.clients.identity.me(&cx, MeRequest {}).await?.name;
    }
    if let Some(cart_id) = basket::cart_id(&app, &headers) {
        match app.clients.cart.units(&cx, GetCart { cart_id }).await {
            Ok(cart) => header.units = cart.units,
            Err(problem) if problem.kind == Kind::NotFound => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(no_store(&header))
}
