//! Error pages, as middleware: a problem becomes a page that says what happened, a refused form a redirect to its page.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{Method, header};
use souk_kernel::Kind;
use souk_rpc::{Actor, Cx};
use souk_web::ApiError;

use crate::app::App;
use crate::flash::Flash;
use crate::pages::to_page::page_of;
use crate::reply::{private, wants_json};
use crate::view::Notice;
use crate::view::message::{MessagePage, sentence};

/// Turns problems into pages, unless a program asked. A form that was refused is answered by a redirect to its
/// page, where the reason is said: a page in its place would make the browser's Back ask whether to send it again.
///
/// What is our fault stays an answer with its status: a canary that fails is found by it.
pub(crate) async fn render_errors(State(app): State<App>, request: Request, next: Next) -> Response {
    let cx = request.extensions().get::<Cx>().cloned().unwrap_or_else(|| Cx::new("-", Actor::Anonymous));
    let json = wants_json(request.headers());
    let here = (*request.method() == Method::GET).then(|| request.uri().to_string());
    let form = if *request.method() == Method::POST { page_of(request.uri().path()) } else { None };
    let mut response = next.run(request).await;
    if json {
        return response;
    }
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    error.log(&cx.request_id);
    if let Some(page) = form.filter(|_| is_refusal(&error)) {
        let page = if error.problem().kind == Kind::Unauthenticated { "/account".to_owned() } else { page };
        return Flash::default().notice(Notice::bad(sentence(&error.problem().detail))).redirect(&app, &page);
    }
    let status = error.status();
    let layout = app.layout_anyway(&cx, status.canonical_reason().unwrap_or("Error")).await;
    let page = MessagePage::of(layout, error.problem(), status.as_u16(), &cx.request_id, here);
    let mut page = match private(status, &page) {
        Ok(page) => page,
        // The page that says what broke is broken: the plain problem is left.
        Err(error) => return error.render(Some(&cx.request_id)),
    };
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    *response.body_mut() = Body::empty();
    page
}

/// True for what a buyer can do something about. Not what another site sent, which gets no cookie of ours, and not what our
/// pages never send.
fn is_refusal(error: &ApiError) -> bool {
    let problem = error.problem();
    let transport = error.status().as_u16() != problem.status();
    !problem.kind.is_fault() && !matches!(problem.kind, Kind::Forbidden | Kind::TooLarge) && !transport
}
