//! The storefront: HTML for buyers. Owns nothing; calls catalog, search, pricing, inventory, cart, order and identity
//! through their clients; emits and consumes nothing.
//!
//! Pages of the catalogue are the same for everybody and may be cached (`Surrogate-Key` says what they show); what is
//! personal is never cached. Everything works without scripts: plain links, and forms that are answered by a redirect.

mod app;
pub mod assets;
mod basket;
mod pages;
mod reply;
mod shelf;
pub mod view;
pub mod wanted;

pub use app::{Clients, Shop};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use souk_modules::Tasks;
use souk_web::{DEFAULT_BODY_LIMIT, csrf};

use app::App;
use pages::{account, address, cart, checkout, fragment, home, info, listing, order, problem, product};

/// Query parameters of public pages, by the template of their path. No other page that may be cached reads any.
pub const PAGE_PARAMETERS: &[(&str, &[&str])] =
    &[("/search", wanted::PARAMETERS), ("/c/*", wanted::CATEGORY_PARAMETERS)];

/// All routes. The context of a request is expected in its extensions, put there by the gateway or `souk_rpc::accept`.
/// `tasks` ask for what several pages want at once.
pub fn router(clients: Clients, tasks: &Tasks) -> Router {
    let app = App::new(clients, tasks);
    Router::new()
        // The same for everybody.
        .route("/", get(home::show))
        .route("/c/{*path}", get(listing::category))
        .route("/search", get(listing::search))
        .route("/p/{slug}", get(product::show))
        .route("/help", get(info::help))
        .route("/problems/{code}", get(problem::show))
        .route("/robots.txt", get(info::robots))
        .route("/sitemap.xml", get(info::sitemap))
        .route("/assets/{file}", get(assets::serve))
        .route("/favicon.ico", get(info::favicon))
        .route("/media/art/{motif}/{file}", get(assets::drawn))
        // Personal.
        .route("/fragments/header", get(fragment::header))
        .route("/cart", get(cart::show))
        .route("/cart/lines", post(cart::add))
        .route("/cart/lines/{line}", post(cart::set))
        .route("/cart/lines/{line}/remove", post(cart::remove))
        .route("/cart/coupons", post(cart::add_coupon))
        .route("/cart/coupons/remove", post(cart::remove_coupon))
        .route("/checkout", get(checkout::show).post(checkout::pay))
        .route("/checkout/address", post(checkout::address))
        .route("/checkout/delivery", post(checkout::delivery))
        .route("/orders/{id}", get(order::show))
        .route("/orders/{id}/cancel", post(order::cancel))
        .route("/account", get(account::show))
        .route("/account/login", get(account::to_account).post(account::login))
        .route("/account/register", get(account::to_account).post(account::register))
        .route("/account/logout", post(account::logout))
        .route("/account/profile", get(account::profile).post(account::rename))
        .route("/account/password", post(account::change_password))
        .route("/account/addresses/{id}", get(address::show).post(address::save))
        .route("/account/addresses/{id}/remove", post(address::remove))
        .fallback(info::not_found)
        .method_not_allowed_fallback(info::method_not_allowed)
        .with_state(app.clone())
        .layer(DefaultBodyLimit::max(DEFAULT_BODY_LIMIT))
        .layer(from_fn(csrf::guard))
        // Outside the guard, so that a refused form gets a page too; inside `finish`, which answers programs in JSON.
        .layer(from_fn_with_state(app, reply::friendly))
        .layer(from_fn(souk_web::finish))
}
