//! Public REST of identity: sign-in for API clients, the own account, and the keys that anybody may verify tokens with.
//! Replies have no session token: a browser's cookie is the storefront's business.

mod bodies;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use souk_identity_api::{
    AddressId, Confirm, ConfirmEmailChange, Customer, IdentityApi, Jwks, JwksRequest, Logout, MeRequest, RefreshTokens,
    RemoveAddress, RequestEmailChange, RequestLink, SignIn, StoredAddress, UpdateMe,
};
use souk_kernel::Problem;
use souk_rpc::Cx;
use souk_web::{ApiError, ApiJson, ApiPath, Cached, Op, Operations, Reply, Routes, WebCx, no_store, op};

use self::bodies::{
    AddressBody, Addresses, ChangeEmailBody, ConfirmEmailBody, LinkSent, LoginBody, LogoutBody, MePatch, RecoverBody,
    RegisterBody, Tokens,
};
use crate::IdentityService;

/// How long others may remember the keys: less than a new one is published ahead of its first signature.
const KEYS_FRESH: HeaderValue = HeaderValue::from_static("public, max-age=300");

type Service = Arc<IdentityService>;
type Answer<T> = Result<Reply<T>, ApiError>;

/// The routes.
pub fn routes(service: Service) -> Routes {
    declared().with_state(service)
}

/// What they are, without a service: for the API's description in a process that runs none.
pub fn operations() -> Operations {
    declared().openapi().clone()
}

fn declared() -> Routes<Service> {
    let auth = |id, summary| op(id).summary(summary).tag("auth");
    let me = |id, summary| op(id).summary(summary).tag("account").bearer();
    let routes = Routes::new()
        .post(
            "/api/v1/auth/register",
            register,
            auth("register", "Ask for an account")
                .description(
                    "A mail goes to the address, with a link that is good for one use and a day (half an hour when there \
                     is an account); with its token, `POST /api/v1/auth/confirm` chooses the password and signs in. The \
                     answer is the same whether there is an account or not; the mail tells. At most one mail a minute \
                     for an address, and fewer when more were asked for.",
                )
                .reply(202),
        )
        .post(
            "/api/v1/auth/recover",
            recover,
            auth("recover", "Ask for a new password")
                .description("The same mail as for `register`, and the same answer for everybody.")
                .reply(202),
        )
        .post(
            "/api/v1/auth/confirm",
            confirm,
            auth("confirm", "Choose a password with a link, and sign in")
                .description(
                    "Makes the account, or gives the one there is a new password and ends its sessions. 404 \
                     `link_invalid` for a link that was used or is too old.",
                )
                .reply(200)
                .codes(&["link_invalid"]),
        )
        .post(
            "/api/v1/auth/login",
            login,
            auth("login", "Sign in")
                .description(
                    "The same 401 for an unknown address and a wrong password. 429 with Retry-After after five wrong \
                     passwords. Keep `device_token` and send it with the next sign-in: wrong passwords that others \
                     try elsewhere then never make you wait.",
                )
                .reply(200)
                .codes(&["wrong_credentials", "too_many_tries"])
                .link(200, "refresh", &[], Some(json!({ "refresh_token": "$response.body#/refresh_token" }))),
        )
        .post(
            "/api/v1/auth/refresh",
            refresh,
            auth("refresh", "A new pair of tokens")
                .description("Spends the refresh token. One that comes back after it was spent ends the session.")
                .reply(200)
                .codes(&["refresh_token_invalid"]),
        )
        .post(
            "/api/v1/auth/logout",
            logout,
            auth("logout", "Sign out")
                .description("Access tokens that are out remain valid until they expire, at most ten minutes.")
                .empty(204),
        )
        .get("/api/v1/me", get_me, me("getMe", "The signed-in customer").reply(200))
        .patch(
            "/api/v1/me",
            patch_me,
            me("updateMe", "Change name or password")
                .description("A new password ends all sessions but the one whose refresh token is given.")
                .reply(200)
                .codes(&["password_changed", "wrong_password", "too_many_tries"]),
        )
        .post(
            "/api/v1/me/email",
            change_email,
            me("changeEmail", "Ask for another e-mail address")
                .description(
                    "A mail goes to the new address, with a link that is good for one use and half an hour; with its token, \
                     `POST /api/v1/me/email/confirm` gives the account the address. The answer is the same whether another \
                     account has it or not; the mail tells. At most one mail a minute and five a day.",
                )
                .reply(202)
                .codes(&["wrong_password", "too_many_tries"]),
        )
        .post(
            "/api/v1/me/email/confirm",
            confirm_email,
            me("confirmEmail", "Take the new e-mail address with a link")
                .description(
                    "All sessions end but the one whose refresh token is given, and the old address is told. 404 \
                     `link_invalid` for a link that was used, is older than half an hour, or is another customer's.",
                )
                .reply(200)
                .codes(&["link_invalid"]),
        );
    address_routes(routes, me).get(
        "/.well-known/jwks.json",
        jwks,
        auth("getKeys", "Public keys of access tokens").reply(200),
    )
}

fn address_routes(routes: Routes<Service>, me: impl Fn(&'static str, &'static str) -> Op) -> Routes<Service> {
    routes
        .get("/api/v1/me/addresses", addresses, me("listAddresses", "Stored addresses, the default first").reply(200))
        .post(
            "/api/v1/me/addresses",
            add_address,
            me("addAddress", "Store an address")
                .description("At most 20. The first one becomes the default.")
                .reply(201)
                .reply_headers(&["Location"])
                .link(201, "putAddress", &[("id", "$response.body#/id")], None)
                .link(201, "deleteAddress", &[("id", "$response.body#/id")], None)
                .codes(&["too_many_addresses", "invalid_address"]),
        )
        .put(
            "/api/v1/me/addresses/{id}",
            put_address,
            me("putAddress", "Replace an address")
                .path("id", "The stored address.")
                .reply(200)
                .codes(&["not_found", "invalid_address"]),
        )
        .delete(
            "/api/v1/me/addresses/{id}",
            delete_address,
            me("deleteAddress", "Remove an address").path("id", "The stored address.").empty(204).codes(&["not_found"]),
        )
}

async fn register(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<RegisterBody>,
) -> Answer<LinkSent> {
    let RegisterBody { email, name, password } = body;
    link_sent(&service, &cx, RequestLink { email, name, password }).await
}

async fn recover(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<RecoverBody>,
) -> Answer<LinkSent> {
    link_sent(&service, &cx, RequestLink { email: body.email, name: String::new(), password: None }).await
}

async fn link_sent(service: &Service, cx: &Cx, request: RequestLink) -> Answer<LinkSent> {
    service.request_link(cx, request).await?;
    Ok(no_store(&LinkSent { status: "check_mail".into() }).with_status(StatusCode::ACCEPTED))
}

async fn confirm(State(service): State<Service>, WebCx(cx): WebCx, ApiJson(body): ApiJson<Confirm>) -> Answer<Tokens> {
    Ok(no_store(&Tokens::from(service.confirm(&cx, body).await?)))
}

async fn login(State(service): State<Service>, WebCx(cx): WebCx, ApiJson(body): ApiJson<LoginBody>) -> Answer<Tokens> {
    let LoginBody { email, password, device_token } = body;
    Ok(no_store(&Tokens::from(service.sign_in(&cx, SignIn { email, password, device_token }).await?)))
}

async fn refresh(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<RefreshTokens>,
) -> Answer<Tokens> {
    Ok(no_store(&Tokens::from(service.refresh(&cx, body).await?)))
}

async fn logout(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<LogoutBody>,
) -> Result<Response, ApiError> {
    let LogoutBody { refresh_token, everywhere } = body;
    service.logout(&cx, Logout { refresh_token: Some(refresh_token), session_token: None, everywhere }).await?;
    Ok(nothing())
}

async fn get_me(State(service): State<Service>, WebCx(cx): WebCx) -> Answer<Customer> {
    Ok(no_store(&service.me(&cx, MeRequest {}).await?))
}

async fn patch_me(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<MePatch>,
) -> Answer<Customer> {
    let MePatch { name, current_password, new_password, refresh_token } = body;
    let update = UpdateMe { name, current_password, new_password, session_token: None, refresh_token };
    Ok(no_store(&service.update_me(&cx, update).await?))
}

async fn change_email(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<ChangeEmailBody>,
) -> Answer<LinkSent> {
    let ChangeEmailBody { email, current_password } = body;
    service.request_email_change(&cx, RequestEmailChange { email, current_password }).await?;
    Ok(no_store(&LinkSent { status: "check_mail".into() }).with_status(StatusCode::ACCEPTED))
}

async fn confirm_email(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<ConfirmEmailBody>,
) -> Answer<Customer> {
    let ConfirmEmailBody { token, refresh_token } = body;
    let confirm = ConfirmEmailChange { token, session_token: None, refresh_token };
    Ok(no_store(&service.confirm_email_change(&cx, confirm).await?))
}

async fn addresses(State(service): State<Service>, WebCx(cx): WebCx) -> Answer<Addresses> {
    let items = service.me(&cx, MeRequest {}).await?.addresses;
    Ok(no_store(&Addresses { items }))
}

async fn add_address(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiJson(body): ApiJson<AddressBody>,
) -> Answer<StoredAddress> {
    cx.actor.require_customer()?;
    let (address, make_default) = body.checked()?;
    let (id, customer) = service.store_address(&cx, None, &address, make_default).await.map_err(Problem::from)?;
    let location = HeaderValue::try_from(format!("/api/v1/me/addresses/{id}")).map_err(Problem::internal)?;
    let made = no_store(&stored(customer, id)?).with_status(StatusCode::CREATED);
    Ok(made.with_header(header::LOCATION, location))
}

async fn put_address(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiPath(id): ApiPath<AddressId>,
    ApiJson(body): ApiJson<AddressBody>,
) -> Answer<StoredAddress> {
    cx.actor.require_customer()?;
    let (address, make_default) = body.checked()?;
    let (id, customer) = service.store_address(&cx, Some(id), &address, make_default).await.map_err(Problem::from)?;
    Ok(no_store(&stored(customer, id)?))
}

async fn delete_address(
    State(service): State<Service>,
    WebCx(cx): WebCx,
    ApiPath(id): ApiPath<AddressId>,
) -> Result<Response, ApiError> {
    cx.actor.require_customer()?;
    service.remove_address(&cx, RemoveAddress { id }).await?;
    Ok(nothing())
}

async fn jwks(State(service): State<Service>, WebCx(cx): WebCx) -> Answer<Jwks> {
    let keys = service.jwks(&cx, JwksRequest {}).await?;
    Ok(Cached::public(&keys, &["jwks"])?.with_cache_control(KEYS_FRESH).into())
}

fn nothing() -> Response {
    (StatusCode::NO_CONTENT, [(header::CACHE_CONTROL, "no-store")]).into_response()
}

fn stored(customer: Customer, id: AddressId) -> Result<StoredAddress, Problem> {
    let found = customer.addresses.into_iter().find(|stored| stored.id == id);
    found.ok_or_else(|| Problem::internal("an address that was stored is not there"))
}
