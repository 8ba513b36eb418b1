//! Header fragment, `GET /fragments/header`: what `souk.mjs` writes into the header of a page that is otherwise the same for
//! all visitors.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use serde::Serialize;
use souk_cart_api::{CartId, GetCart};
use souk_identity_api::MeRequest;
use souk_kernel::{Kind, Problem};
use souk_rpc::{Cx, UNKNOWN_METHOD};
use souk_web::{ApiError, WebCx, no_store};

use crate::app::App;
use crate::cart_cookie;

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
    if let Some(cart_id) = cart_cookie::cart_id(&app, &headers) {
        match units(&app, &cx, cart_id).await {
            Ok(units) => header.units = units,
            Err(problem) if problem.kind == Kind::NotFound => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(no_store(&header).into_response())
}

/// Units in the cart.
async fn units(app: &App, cx: &Cx, cart_id: CartId) -> Result<u64, Problem> {
    match app.clients.cart.units(cx, GetCart { cart_id }).await {
        // A cart of the release before `units`, which is still there while this one is rolled out.
        Err(problem) if problem.is(UNKNOWN_METHOD) => Ok(app.clients.cart.get(cx, GetCart { cart_id }).await?.units),
        counted => Ok(counted?.units),
    }
}
