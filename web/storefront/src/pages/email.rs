//! Change of the account's e-mail address: asked for with the password, done by a link in a mail to the new address. The link leads to
//! a page with a button, so that mail scanners that open links change nothing, and to who is signed in as the customer who asked.

use axum::extract::State;
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use souk_identity_api::{ConfirmEmailChange, RequestEmailChange};
use souk_kernel::Secret;
use souk_web::{SESSION_COOKIE, WebCx};

use super::account::{EMAIL, refused, sign_in};
use crate::app::App;
use crate::flash::Flash;
use crate::reply::{Form, PageResult, private, see_other};
use crate::view::Notice;
use crate::view::account::{AccountFormPage, FormView};

/// Where the form stands.
const PROFILE_PAGE: &str = "/account/profile";

pub(crate) async fn ask(State(app): State<App>, WebCx(cx): WebCx, form: Form) -> PageResult {
    let (email, password) = (form.get("email").to_owned(), Secret::new(form.raw("current_password").to_owned()));
    let request = RequestEmailChange { email, current_password: password };
    match app.clients.identity.request_email_change(&cx, request).await {
        Ok(()) => Ok(see_other("/account?done=email")),
        Err(problem) => refused(&app, EMAIL, &form, &["email"], PROFILE_PAGE, problem),
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Link {
    token: String,
}

pub(crate) async fn confirm_form(State(app): State<App>, WebCx(cx): WebCx, uri: Uri, flash: Flash) -> PageResult {
    let link: Link = serde_html_form::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    if link.token.is_empty() {
        return Ok(see_other(PROFILE_PAGE));
    }
    if cx.actor.customer().is_none() {
        return Ok(see_other(&sign_in(&format!("/account/email?token={}", link.token))));
    }
    let form = FormView {
        action: "/account/email/confirm".into(),
        title: "Shall your account have the address to which we sent the link?",
        fields: Vec::new(),
        hidden: Some(("token", link.token)),
        make_default: None,
        button: "Yes, use this address",
    };
    let layout = app.layout(&cx, "Your e-mail address").await?;
    let (heading, notices) = ("Your e-mail address", flash.notices());
    private(StatusCode::OK, &AccountFormPage { layout, heading, notices, forms: vec![form] })
}

pub(crate) async fn confirm(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let session_token = app.cookies.read(&headers, SESSION_COOKIE).map(|token| Secret::new(token.to_owned()));
    let token = Secret::new(form.get("token").to_owned());
    let request = ConfirmEmailChange { token, session_token, refresh_token: None };
    match app.clients.identity.confirm_email_change(&cx, request).await {
        Ok(_) => Ok(see_other("/account?done=email-changed")),
        Err(problem) if problem.is("link_invalid") => {
            let notice =
                Notice::bad("This link was used, is too old, or is for another account. Please ask for a new one.");
            Ok(Flash::default().notice(notice).redirect(&app, PROFILE_PAGE))
        }
        Err(problem) => refused(&app, EMAIL, &form, &[], PROFILE_PAGE, problem),
    }
}
