//! Registration and password recovery by a link in a mail. The page says the same to everybody who asks; only the mailbox
//! learns whether there is an account. The link leads to a form, so that mail scanners that open links use none up.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use serde::Deserialize;
use souk_identity_api::{Confirm, Register, RequestLink};
use souk_kernel::{FieldError, Problem, Secret};
use souk_rpc::{Cx, UNKNOWN_METHOD};
use souk_web::WebCx;

use super::account::{into_form, sign_in_page, welcome};
use crate::app::App;
use crate::reply::{Form, PageResult, private, see_other};
use crate::view::Notice;
use crate::view::account::{
    AccountFormPage, FormView, confirm_fields, login_fields, recover_fields, register_fields, with_password,
};
use crate::view::form::Field;

/// Where everybody is led who asked for a link.
const SENT: &str = "/account?done=mail";

pub(crate) async fn register(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let (name, email, next) = (form.get("name").to_owned(), form.get("email").to_owned(), form.get("next"));
    let request = RequestLink { email: email.clone(), name: name.clone(), password: None };
    let (problem, fields) = match app.clients.identity.request_link(&cx, request).await {
        Ok(()) => return Ok(see_other(SENT)),
        Err(problem) if problem.is(UNKNOWN_METHOD) => match register_as_before(&app, &cx, &headers, &form).await {
            Ok(response) => return Ok(response),
            Err(problem) => (problem, with_password(register_fields(&name, &email))),
        },
        Err(problem) => (problem, register_fields(&name, &email)),
    };
    let mut fields = fields;
    let (status, notices) = into_form(problem, &mut fields)?;
    sign_in_page(&app, &cx, status, next, notices, login_fields(""), fields).await
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

pub(crate) async fn recover_form(State(app): State<App>, WebCx(cx): WebCx) -> PageResult {
    recover_page(&app, &cx, StatusCode::OK, Vec::new(), recover_fields("")).await
}

pub(crate) async fn recover(State(app): State<App>, WebCx(cx): WebCx, form: Form) -> PageResult {
    let email = form.get("email").to_owned();
    let request = RequestLink { email: email.clone(), name: String::new(), password: None };
    match app.clients.identity.request_link(&cx, request).await {
        Ok(()) => Ok(see_other(SENT)),
        Err(problem) => {
            let mut fields = recover_fields(&email);
            let (status, notices) = into_form(problem, &mut fields)?;
            recover_page(&app, &cx, status, notices, fields).await
        }
    }
}

async fn recover_page(app: &App, cx: &Cx, status: StatusCode, notices: Vec<Notice>, fields: Vec<Field>) -> PageResult {
    let form = FormView {
        action: "/account/recover".into(),
        title: "We send you a link to choose one with",
        fields,
        hidden: None,
        make_default: None,
        button: "Send the link",
    };
    let layout = app.layout(cx, "A new password").await?;
    private(status, &AccountFormPage { layout, heading: "A new password", notices, forms: vec![form] })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Link {
    token: String,
}

pub(crate) async fn confirm_form(State(app): State<App>, WebCx(cx): WebCx, uri: Uri) -> PageResult {
    let link: Link = serde_html_form::from_str(uri.query().unwrap_or_default()).unwrap_or_default();
    if link.token.is_empty() {
        return Ok(see_other("/account"));
    }
    confirm_page(&app, &cx, StatusCode::OK, link.token, Vec::new(), confirm_fields()).await
}

pub(crate) async fn confirm(State(app): State<App>, WebCx(cx): WebCx, headers: HeaderMap, form: Form) -> PageResult {
    let token = form.get("token").to_owned();
    let password = Secret::new(form.raw("password").to_owned());
    match app.clients.identity.confirm(&cx, Confirm { token: Secret::new(token.clone()), password }).await {
        Ok(signed_in) => Ok(welcome(&app, &cx, &headers, signed_in, "/account").await),
        Err(problem) if problem.is("link_invalid") => {
            let notices = vec![Notice::bad("This link was used or is too old. Please ask for a new one.")];
            recover_page(&app, &cx, StatusCode::NOT_FOUND, notices, recover_fields("")).await
        }
        Err(problem) => {
            let mut fields = confirm_fields();
            let (status, notices) = into_form(problem, &mut fields)?;
            confirm_page(&app, &cx, status, token, notices, fields).await
        }
    }
}

async fn confirm_page(
    app: &App,
    cx: &Cx,
    status: StatusCode,
    token: String,
    notices: Vec<Notice>,
    fields: Vec<Field>,
) -> PageResult {
    let form = FormView {
        action: "/account/confirm".into(),
        title: "Choose your password",
        fields,
        hidden: Some(("token", token)),
        make_default: None,
        button: "Save and sign in",
    };
    let layout = app.layout(cx, "Your account").await?;
    private(status, &AccountFormPage { layout, heading: "Welcome", notices, forms: vec![form] })
}
