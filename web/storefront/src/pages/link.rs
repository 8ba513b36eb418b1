//! Registration and password recovery by a link in a mail. The page says the same to every visitor who asks; only the
//! mailbox learns whether there is an account. The link leads to a form, so that mail scanners that open links use none up.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use souk_identity_api::{Confirm, Register, RequestLink};
use souk_kernel::{FieldError, Problem, Secret};
use souk_rpc::{Cx, UNKNOWN_METHOD};
use souk_web::WebCx;

use super::account::{REGISTER, fill_in, refused, sign_in, welcome};
use crate::app::App;
use crate::flash::Flash;
use crate::reply::{Form, PageResult, private, see_other};
use crate::view::Notice;
use crate::view::account::{AccountFormPage, FormView, confirm_fields, recover_fields};

/// Where every visitor is led who asked for a link.
const SENT: &str = "/account?done=mail";
/// Names of the forms in flash messages.
const RECOVER: &str = "recover";
const CONFIRM: &str = "confirm";

pub(crate) async fn register(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let request =
        RequestLink { email: form.get("email").to_owned(), name: form.get("name").to_owned(), password: None };
    let problem = match app.clients.identity.request_link(&cx, request).await {
        Ok(()) => return Ok(see_other(SENT)),
        Err(problem) if problem.is(UNKNOWN_METHOD) => match register_as_before(&app, &cx, &headers, &form).await {
            Ok(response) => return Ok(response),
            Err(problem) => problem,
        },
        Err(problem) => problem,
    };
    refused(&app, REGISTER, &form, &["name", "email"], &sign_in(form.get("next")), problem)
}

/// While identity is of the previous release, which sends no links: an account with the password of the form, which is
/// asked for then. To go with the next release.
async fn register_as_before(app: &App, cx: &Cx, headers: &HeaderMap, form: &Form) -> Result<Response, Problem> {
    let password = Secret::new(form.raw("password").to_owned());
    let request = Register { email: form.get("email").to_owned(), password, name: form.get("name").to_owned() };
    match app.clients.identity.register(cx, request).await {
        Ok(signed_in) => Ok(welcome(app, cx, headers, signed_in, form.get("next")).await),
        Err(mut problem) => {
            if problem.is("email_taken") {
                let detail = "there is an account with this address already: please sign in".to_owned();
                problem.fields = vec![FieldError { pointer: "/email".into(), detail }];
            }
            Err(problem)
        }
    }
}

pub(crate) async fn recover_form(State(app): State<App>, WebCx(cx): WebCx, flash: Flash) -> PageResult {
    let mut fields = recover_fields("");
    let mut notices = flash.notices();
    notices.extend(fill_in(&flash, RECOVER, &mut fields));
    let form = FormView {
        action: "/account/recover".into(),
        title: "We send you a link to choose one with",
        fields,
        hidden: None,
        make_default: None,
        button: "Send the link",
    };
    let layout = app.layout(&cx, "A new password").await?;
    private(StatusCode::OK, &AccountFormPage { layout, heading: "A new password", notices, forms: vec![form] })
}

pub(crate) async fn recover(State(app): State<App>, WebCx(cx): WebCx, form: Form) -> PageResult {
    let request = RequestLink { email: form.get("email").to_owned(), name: String::new(), password: None };
    match app.clients.identity.request_link(&cx, request).await {
        Ok(()) => Ok(see_other(SENT)),
        Err(problem) => refused(&app, RECOVER, &form, &["email"], "/account/recover", problem),
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
        return Ok(see_other("/account"));
    }
    let mut fields = confirm_fields();
    let mut notices = flash.notices();
    notices.extend(fill_in(&flash, CONFIRM, &mut fields));
    let form = FormView {
        action: "/account/confirm".into(),
        title: "Choose your password",
        fields,
        hidden: Some(("token", link.token)),
        make_default: None,
        button: "Save and sign in",
    };
    let layout = app.layout(&cx, "Your account").await?;
    private(StatusCode::OK, &AccountFormPage { layout, heading: "Welcome", notices, forms: vec![form] })
}

pub(crate) async fn confirm(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let token = form.get("token").to_owned();
    let password = Secret::new(form.raw("password").to_owned());
    match app.clients.identity.confirm(&cx, Confirm { token: Secret::new(token.clone()), password }).await {
        Ok(signed_in) => Ok(welcome(&app, &cx, &headers, signed_in, "/account").await),
        Err(problem) if problem.is("link_invalid") => {
            let notice = Notice::bad("This link was used or is too old. Please ask for a new one.");
            Ok(Flash::of(RECOVER).notice(notice).redirect(&app, "/account/recover"))
        }
        Err(problem) => {
            let page = format!("/account/confirm?token={}", utf8_percent_encode(&token, NON_ALPHANUMERIC));
            refused(&app, CONFIRM, &form, &[], &page, problem)
        }
    }
}
