//! Address page, `/account/addresses/{id}`: a stored address, or `new`.

use axum::extract::State;
use http::StatusCode;
use souk_address::Address;
use souk_identity_api::{AddressId, MeRequest, PutAddress, RemoveAddress};
use souk_kernel::{Kind, Problem};
use souk_rpc::Cx;
use souk_web::{ApiPath, WebCx};

use crate::app::App;
use crate::flash::Flash;
use crate::pages::checkout::{ADDRESS_FIELDS, first_address, typed_address};
use crate::reply::{Form, PageResult, private, see_other};
use crate::view::Notice;
use crate::view::account::{AccountFormPage, FormView};
use crate::view::address::{FIELDS, address_fields};
use crate::view::form::place_errors;

/// `new`, or the id of a stored one.
fn parse(id: &str) -> Result<Option<AddressId>, Problem> {
    match id {
        "new" => Ok(None),
        id => id.parse().map(Some).map_err(|_| Problem::not_found("address")),
    }
}

pub(crate) async fn show(
    State(app): State<App>,
    WebCx(cx): WebCx,
    ApiPath(id): ApiPath<String>,
    flash: Flash,
) -> PageResult {
    if cx.actor.customer().is_none() {
        return Ok(see_other("/account"));
    }
    let form = flash.form();
    if flash.refusal().is_some() || !form.is_empty() {
        let make_default = form.get("make_default") == "true";
        return page(&app, &cx, &id, &typed_address(&form), make_default, flash.refusal()).await;
    }
    let Some(wanted) = parse(&id)? else {
        let (terms, countries) = tokio::try_join!(app.terms(&cx), app.countries(&cx))?;
        let address = first_address(&terms.country, &countries);
        return page(&app, &cx, &id, &address, false, None).await;
    };
    let customer = app.clients.identity.me(&cx, MeRequest {}).await?;
    let stored = customer.addresses.into_iter().find(|stored| stored.id == wanted);
    let stored = stored.ok_or_else(|| Problem::not_found("address"))?;
    page(&app, &cx, &id, &stored.address, stored.is_default, None).await
}

async fn page(
    app: &App,
    cx: &Cx,
    id: &str,
    address: &Address,
    is_default: bool,
    problem: Option<&Problem>,
) -> PageResult {
    let heading = if id == "new" { "A new address" } else { "Change an address" };
    let (countries, layout) = tokio::try_join!(app.countries(cx), app.layout(cx, heading))?;
    let mut fields = address_fields("address", address, &countries);
    let notices = problem.map(|problem| place_errors(&mut fields, problem)).unwrap_or_default();
    let form = FormView {
        action: format!("/account/addresses/{id}"),
        title: "Where things may be sent",
        fields,
        hidden: None,
        make_default: Some(is_default),
        button: "Save",
    };
    let notices = notices.into_iter().map(Notice::bad).collect();
    private(StatusCode::OK, &AccountFormPage { layout, heading, notices, forms: vec![form] })
}

pub(crate) async fn save(
    State(app): State<App>,
    WebCx(cx): WebCx,
    ApiPath(id): ApiPath<String>,
    form: Form,
) -> PageResult {
    let typed = || Flash::default().typed(&form, &ADDRESS_FIELDS).typed(&form, &["make_default"]);
    if form.get(FIELDS.0) == FIELDS.1 {
        return Ok(typed().redirect(&app, &format!("/account/addresses/{id}#address-country")));
    }
    let (address, make_default) = (typed_address(&form), form.get("make_default") == "true");
    let put = PutAddress { id: parse(&id)?, address: address.clone(), make_default };
    let outcome = match address.check("/address") {
        Ok(()) => app.clients.identity.put_address(&cx, put).await.map(drop),
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(()) => Ok(see_other("/account?done=saved")),
        Err(problem) if matches!(problem.kind, Kind::Invalid | Kind::Conflict) => {
            Ok(typed().problem(problem).redirect(&app, &format!("/account/addresses/{id}")))
        }
        Err(problem) => Err(problem.into()),
    }
}

pub(crate) async fn remove(State(app): State<App>, WebCx(cx): WebCx, ApiPath(id): ApiPath<String>) -> PageResult {
    let id = parse(&id)?.ok_or_else(|| Problem::not_found("address"))?;
    app.clients.identity.remove_address(&cx, RemoveAddress { id }).await?;
    Ok(see_other("/account?done=saved"))
}
