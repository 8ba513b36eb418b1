//! Flash messages: what a form has to say on the page that its redirect leads to (POST, redirect, GET).
//!
//! No form is answered by a page: the browser's Back would ask whether to send it again. Messages, the text that was typed
//! and what is wrong with it travel to the next page in a sealed cookie, are shown once, and are gone. Passwords and tokens
//! of payments are never put into it.

use std::time::Duration;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use souk_kernel::Problem;

use crate::app::App;
use crate::reply::{Form, see_other, wants_json, with_cookies};
use crate::view::Notice;

/// Name of the cookie, without prefix.
const COOKIE: &str = "souk_flash";
/// The browser asks for the next page at once; a visit later on is told nothing old.
const AGE: Duration = Duration::from_secs(60);

/// What a form says on the next page. An extractor too: what was said to the page that is asked for, or nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Flash {
    /// Path of the page that it is for: another tab's pages do not take it away.
    at: String,
    /// The form that it is about.
    form: String,
    /// Kind and text.
    notices: Vec<(String, String)>,
    /// Name and text of fields.
    typed: Vec<(String, String)>,
    /// Why the form was refused.
    problem: Option<Problem>,
}

impl Flash {
    /// Something to say about `form`.
    pub fn of(form: &str) -> Self {
        Self { form: form.into(), ..Self::default() }
    }

    /// The same with a message.
    pub fn notice(mut self, notice: Notice) -> Self {
        self.notices.push((notice.kind.into(), notice.text));
        self
    }

    /// The same with the text of these fields, as it was typed.
    pub fn typed(mut self, form: &Form, names: &[&str]) -> Self {
        self.typed.extend(names.iter().map(|name| ((*name).to_owned(), form.raw(name).to_owned())));
        self
    }

    /// The same with what is wrong.
    pub fn problem(mut self, mut problem: Problem) -> Self {
        problem.data = None;
        self.problem = Some(problem);
        self
    }

    /// The answer to a form: look at `location`, a page of ours, where this is said.
    pub fn redirect(mut self, app: &App, location: &str) -> Response {
        self.at = location.split(['?', '#']).next().unwrap_or(location).to_owned();
        let sealed = app.seals.seal(COOKIE, &self).or_else(|| {
            // Too much was typed for a cookie: what is wrong is said, and the text is lost.
            self.typed.clear();
            app.seals.seal(COOKIE, &self)
        });
        let cookie = sealed.map(|sealed| app.cookies.set(COOKIE, &sealed, Some(AGE)));
        with_cookies(see_other(location), cookie)
    }

    /// The messages.
    pub fn notices(&self) -> Vec<Notice> {
        let notice = |(kind, text): &(String, String)| match kind.as_str() {
            "good" => Notice::good(text),
            "bad" => Notice::bad(text),
            _ => Notice::warn(text),
        };
        self.notices.iter().map(notice).collect()
    }

    /// The same, when it is about `form`.
    pub fn about(&self, form: &str) -> Option<&Self> {
        (self.form == form).then_some(self)
    }

    /// The text of a field as it was typed; empty when it is not known.
    pub fn text(&self, name: &str) -> &str {
        self.typed.iter().find(|(known, _)| known == name).map_or("", |(_, text)| text)
    }

    /// The fields as they were typed.
    pub fn form(&self) -> Form {
        Form::of(self.typed.clone())
    }

    /// Why the form was refused.
    pub fn refusal(&self) -> Option<&Problem> {
        self.problem.as_ref()
    }

    fn read(app: &App, headers: &HeaderMap) -> Option<Self> {
        app.seals.open(COOKIE, app.cookies.read(headers, COOKIE)?)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Flash {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}

/// Middleware: gives a page what was said to it, and takes it from the browser once it was shown.
pub(crate) async fn carry(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let page = *request.method() == Method::GET && !wants_json(request.headers());
    let said = if page { Flash::read(&app, request.headers()) } else { None };
    let Some(said) = said.filter(|said| said.at == request.uri().path()) else { return next.run(request).await };
    request.extensions_mut().insert(said);
    let response = next.run(request).await;
    match response.status().is_success() {
        true => with_cookies(response, [app.cookies.clear(COOKIE)]),
        false => response,
    }
}
