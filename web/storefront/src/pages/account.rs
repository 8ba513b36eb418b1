//! Account pages, `/account`: signing in and out, orders, profile.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use souk_cart_api::ClaimCart;
use souk_identity_api::{Customer, Login, Logout, MeRequest, SignIn, SignedIn, UpdateMe};
use souk_kernel::{Kind, Problem, Secret};
use souk_order_api::ListOrders;
use souk_rpc::{Actor, Cx, UNKNOWN_METHOD};
use souk_web::{SESSION_COOKIE, WebCx};

use crate::app::App;
use crate::cart_cookie;
use crate::flash::Flash;
use crate::reply::{Form, PageResult, private, see_other, with_cookies};
use crate::view::Notice;
use crate::view::account::{
    AccountFormPage, FormView, SignInPage, account_page, email_fields, login_fields, password_fields, profile_fields,
    register_fields, with_password,
};
use crate::view::form::{Field, place_errors};

/// Orders of one page.
const ORDERS: u32 = 10;
/// How long a browser keeps the session's cookie: its absolute life (PROMISES). Idle ones end sooner, at identity's.
const SESSION_AGE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Name of the cookie by which identity knows the browser at its next sign-in, without prefix. It opens nothing by itself.
const DEVICE_COOKIE: &str = "souk_device";
/// How long a browser keeps it: as long as identity does.
const DEVICE_AGE: Duration = Duration::from_secs(365 * 24 * 3600);
/// Names of the forms in flash messages.
const LOGIN: &str = "login";
pub(super) const REGISTER: &str = "register";
const PROFILE: &str = "profile";
const PASSWORD: &str = "password";
pub(super) const EMAIL: &str = "email";
/// Characters of an address to go to after signing in.
const MAX_NEXT: usize = 200;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Query {
    next: String,
    cursor: Option<String>,
    done: String,
}

pub(crate) async fn show(State(app): State<App>, WebCx(cx): WebCx, uri: Uri, flash: Flash) -> PageResult {
    let query: Query = serde_html_form::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    if cx.actor.customer().is_none() {
        let (mut login, mut register) = (login_fields(""), register_fields("", ""));
        if flash.about(REGISTER).and_then(Flash::refusal).is_some_and(is_about_password) {
            // Only an identity of the previous release asks for one here. To go with the next one.
            register = with_password(register);
        }
        let mut notices = flash.notices();
        notices.extend(done(&query.done));
        notices.extend(fill_in(&flash, LOGIN, &mut login));
        notices.extend(fill_in(&flash, REGISTER, &mut register));
        let (layout, next) = (app.layout(&cx, "Sign in").await?, local(&query.next).to_owned());
        return private(StatusCode::OK, &SignInPage { layout, notices, next, login, register });
    }
    let orders = ListOrders { limit: ORDERS, cursor: query.cursor, status: None };
    let (layout, customer, orders) = tokio::try_join!(
        app.layout(&cx, "Your account"),
        app.clients.identity.me(&cx, MeRequest {}),
        app.clients.order.mine(&cx, orders),
    )?;
    let mut notices = flash.notices();
    notices.extend(done(&query.done));
    let older = orders.next_cursor.map(|cursor| format!("/account?cursor={cursor}"));
    private(StatusCode::OK, &account_page(layout, &customer, &orders.items, older, notices, app.time()))
}

/// What a form that led here has done.
fn done(what: &str) -> Option<Notice> {
    Some(Notice::good(match what {
        "password" => "Your password is changed; you are signed out everywhere else.",
        "saved" => "Saved.",
        "mail" => "Please look into your mailbox: we sent you a link to choose a password with.",
        "email" => "Please look into the mailbox of the new address: we sent a link there.",
        "email-changed" => "Your e-mail address is changed; you are signed out everywhere else.",
        _ => return None,
    }))
}

fn is_about_password(problem: &Problem) -> bool {
    problem.fields.iter().any(|field| field.pointer == "/password")
}

/// A place of ours to go to: never another site's.
fn local(next: &str) -> &str {
    let fine = next.starts_with('/') && !next.starts_with("//") && next.len() <= MAX_NEXT;
    let plain = next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if fine && plain { next } else { "/account" }
}

/// The answer to a form that was refused: its page, where it is said, with what was typed into the fields `typed`.
/// What belongs into no form becomes a page of its own.
pub(super) fn refused(app: &App, name: &str, form: &Form, typed: &[&str], page: &str, problem: Problem) -> PageResult {
    let told = [Kind::Invalid, Kind::Unauthenticated, Kind::Conflict, Kind::RateLimited].contains(&problem.kind);
    if !told {
        return Err(problem.into());
    }
    Ok(Flash::of(name).typed(form, typed).problem(problem).redirect(app, page))
}

/// Puts what was typed, and what is wrong with it, into the fields of the form `name`; returns what belongs to none.
pub(super) fn fill_in(flash: &Flash, name: &str, fields: &mut [Field]) -> Vec<Notice> {
    let Some((flash, problem)) = flash.about(name).and_then(|flash| Some((flash, flash.refusal()?))) else {
        return Vec::new();
    };
    for field in fields.iter_mut().filter(|field| !flash.text(field.name).is_empty()) {
        flash.text(field.name).clone_into(&mut field.value);
    }
    place_errors(fields, problem).into_iter().map(Notice::bad).collect()
}

/// Where one signs in, to go on to `next`.
pub(super) fn sign_in(next: &str) -> String {
    format!("/account?next={}", utf8_percent_encode(local(next), NON_ALPHANUMERIC))
}

pub(crate) async fn login(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let (email, next) = (form.get("email").to_owned(), form.get("next"));
    let device_token = app.cookies.read(&headers, DEVICE_COOKIE).map(|token| Secret::new(token.to_owned()));
    let password = Secret::new(form.raw("password").to_owned());
    let request = SignIn { email, password, device_token };
    let signed_in = match app.clients.identity.sign_in(&cx, request.clone()).await {
        // Identity is of the previous release, which knows no devices. To go with the next one.
        Err(problem) if problem.is(UNKNOWN_METHOD) => {
            let SignIn { email, password, .. } = request;
            app.clients.identity.login(&cx, Login { email, password }).await
        }
        signed_in => signed_in,
    };
    match signed_in {
        Ok(signed_in) => Ok(welcome(&app, &cx, &headers, signed_in, next).await),
        Err(problem) => refused(&app, LOGIN, &form, &["email"], &sign_in(next), problem),
    }
}

/// Session and device cookies, and the guest's cart becomes the customer's. Signing in works also when the cart cannot be
/// taken over.
pub(super) async fn welcome(app: &App, cx: &Cx, headers: &HeaderMap, signed_in: SignedIn, next: &str) -> Response {
    let session = app.cookies.set(SESSION_COOKIE, signed_in.session_token.reveal(), Some(SESSION_AGE));
    let mut cookies: Vec<HeaderValue> = vec![session, cart_cookie::known(app, SESSION_AGE)];
    cookies
        .extend(signed_in.device_token.map(|token| app.cookies.set(DEVICE_COOKIE, token.reveal(), Some(DEVICE_AGE))));
    let mut as_customer = cx.clone();
    as_customer.actor = Actor::Customer(signed_in.customer.id.0);
    let claim = ClaimCart { guest_cart_id: cart_cookie::cart_id(app, headers) };
    match app.clients.cart.claim(&as_customer, claim).await {
        Ok(cart) => cookies.push(cart_cookie::remember(app, &cart)[0].clone()),
        Err(problem) => {
            tracing::warn!(request_id = %cx.request_id, code = %problem.code, "cart not taken over at sign-in")
        }
    }
    with_cookies(see_other(local(next)), cookies)
}

pub(crate) async fn logout(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap) -> PageResult {
    let session_token = app.cookies.read(&headers, SESSION_COOKIE).map(|token| Secret::new(token.to_owned()));
    if session_token.is_some() {
        app.clients.identity.logout(&cx, Logout { session_token, ..Logout::default() }).await?;
    }
    // The cart stays with the account; the next person at this browser does not see it.
    let cookies = std::iter::once(app.cookies.clear(SESSION_COOKIE)).chain(cart_cookie::forget(&app));
    Ok(with_cookies(see_other("/"), cookies))
}

async fn me(app: &App, cx: &Cx) -> Result<Customer, Problem> {
    app.clients.identity.me(cx, MeRequest {}).await
}

pub(crate) async fn profile(State(app): State<App>, WebCx(cx): WebCx, flash: Flash) -> PageResult {
    if cx.actor.customer().is_none() {
        return Ok(see_other("/account?next=/account/profile"));
    }
    let (mut profile, mut password) = (profile_fields(&me(&app, &cx).await?.name), password_fields());
    let mut email = email_fields("");
    let mut notices = flash.notices();
    notices.extend(fill_in(&flash, PROFILE, &mut profile));
    notices.extend(fill_in(&flash, PASSWORD, &mut password));
    notices.extend(fill_in(&flash, EMAIL, &mut email));
    let form = |action: &str, title, fields, button| FormView {
        action: action.into(),
        title,
        fields,
        hidden: None,
        make_default: None,
        button,
    };
    let forms = vec![
        form("/account/profile", "What should we call you?", profile, "Save"),
        form("/account/password", "A new password", password, "Change password"),
        form("/account/email", "Another e-mail address", email, "Send the link"),
    ];
    let layout = app.layout(&cx, "Profile").await?;
    private(StatusCode::OK, &AccountFormPage { layout, heading: "Profile", notices, forms })
}

pub(crate) async fn rename(State(app): State<App>, WebCx(cx): WebCx, form: Form) -> PageResult {
    let name = form.get("name").to_owned();
    match app.clients.identity.update_me(&cx, UpdateMe { name: Some(name), ..UpdateMe::default() }).await {
        Ok(_) => Ok(see_other("/account?done=saved")),
        Err(problem) => refused(&app, PROFILE, &form, &["name"], "/account/profile", problem),
    }
}

pub(crate) async fn change_password(
    State(app): State<App>,
    WebCx(cx): WebCx,
    headers: HeaderMap,
    form: Form,
) -> PageResult {
    let secret = |name| Some(Secret::new(form.raw(name).to_owned()));
    let session_token = app.cookies.read(&headers, SESSION_COOKIE).map(|token| Secret::new(token.to_owned()));
    let (current_password, new_password) = (secret("current_password"), secret("new_password"));
    let request = UpdateMe { current_password, new_password, session_token, ..UpdateMe::default() };
    match app.clients.identity.update_me(&cx, request).await {
        Ok(_) => Ok(see_other("/account?done=password")),
        Err(problem) => refused(&app, PASSWORD, &form, &[], "/account/profile", problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site_after_signing_in() {
        assert_eq!(local("/checkout?change=address"), "/checkout?change=address");
        let long = format!("/{}", "a".repeat(MAX_NEXT));
        for elsewhere in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/a\r\nSet-Cookie: x=1",
            "javascript:x",
            &long,
        ] {
            assert_eq!(local(elsewhere), "/account", "{elsewhere:?}");
        }
    }
}
