//! The storefront: HTML for buyers. Owns nothing; calls catalog, search, pricing, inventory, cart, order and identity
//! through their clients; emits and consumes nothing.
//!
//! Pages of the catalogue are the same for all visitors and may be cached (`Surrogate-Key` says what they show); what is
//! personal is never cached. Everything works without scripts: plain links, and forms that are answered by a redirect, also
//! when they are refused: what is wrong is said on the page it leads to ([`flash`]).

mod app;
pub mod assets;
mod batched_reads;
mod cart_cookie;
mod error_pages;
mod flash;
mod last_order;
pub mod listing_query;
mod module;
mod pages;
mod reply;
mod sealed;
pub mod view;

pub use app::{Clients, Shop};
pub use module::SPEC;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use souk_runtime::Tasks;
use souk_web::{DEFAULT_BODY_LIMIT, csrf};

use app::App;
use pages::to_page::to_page;
use pages::{
    account, address, asset, cart, checkout, email, fragment, home, info, link, listing, order, pay, problem, product,
};

/// Query parameters of public pages, by the template of their path. No other page that may be cached reads any.
pub const PAGE_PARAMETERS: &[(&str, &[&str])] =
    &[("/search", listing_query::PARAMETERS), ("/c/*", listing_query::CATEGORY_PARAMETERS)];

/// All routes. The context of a request is expected in its extensions, put there by the gateway or `souk_rpc_http::admit`.
/// `tasks` ask for what several pages want at once.
pub fn router(clients: Clients, tasks: &Tasks) -> Router {
    let app = App::new(clients, tasks);
    Router::new()
        // The same for all visitors.
        .route("/", get(home::show))
        .route("/c/{*path}", get(listing::category))
        .route("/search", get(listing::search))
        .route("/p/{slug}", get(product::show))
        .route("/help", get(info::help))
        .route("/problems/{code}", get(problem::show))
        .route("/robots.txt", get(info::robots))
        .route("/sitemap.xml", get(info::sitemap))
        .route("/assets/{file}", get(asset::serve))
        .route("/favicon.ico", get(info::favicon))
        .route("/media/art/{motif}/{file}", get(asset::drawn))
        // Personal.
        .route("/fragments/header", get(fragment::header))
        .route("/cart", get(cart::show))
        .route("/cart/lines", get(to_page).post(cart::add))
        .route("/cart/lines/{line}", get(to_page).post(cart::set))
        .route("/cart/lines/{line}/remove", get(to_page).post(cart::remove))
        .route("/cart/coupons", get(to_page).post(cart::add_coupon))
        .route("/cart/coupons/remove", get(to_page).post(cart::remove_coupon))
        .route("/checkout", get(checkout::show).post(pay::pay))
        .route("/checkout/address", get(to_page).post(checkout::address))
        .route("/checkout/delivery", get(to_page).post(checkout::delivery))
        .route("/checkout/confirm", get(pay::confirm))
        .route("/checkout/give-up", get(to_page).post(pay::give_up))
        .route("/orders/{id}", get(order::show))
        .route("/orders/{id}/cancel", get(order::ask_to_cancel).post(order::cancel))
        .route("/account", get(account::show))
        .route("/account/login", get(to_page).post(account::login))
        .route("/account/register", get(to_page).post(link::register))
        .route("/account/recover", get(link::recover_form).post(link::recover))
        .route("/account/confirm", get(link::confirm_form).post(link::confirm))
        .route("/account/logout", get(to_page).post(account::logout))
        .route("/account/profile", get(account::profile).post(account::rename))
        .route("/account/password", get(to_page).post(account::change_password))
        .route("/account/email", get(email::confirm_form).post(email::ask))
        .route("/account/email/confirm", get(to_page).post(email::confirm))
        .route("/account/addresses/{id}", get(address::show).post(address::save))
        .route("/account/addresses/{id}/remove", get(to_page).post(address::remove))
        .fallback(info::not_found)
        .method_not_allowed_fallback(info::method_not_allowed)
        .with_state(app.clone())
        .layer(DefaultBodyLimit::max(DEFAULT_BODY_LIMIT))
        .layer(from_fn_with_state(app.clone(), flash::carry))
        .layer(from_fn(csrf::guard))
        // Outside the guard, so that a refused form gets a page too; inside `response_layer`, which answers programs in JSON.
        .layer(from_fn_with_state(app, error_pages::render_errors))
        .layer(from_fn(souk_web::response_layer))
}
