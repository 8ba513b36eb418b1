//! Redirects to the page that a form stands on: where its answer leads, and where a visitor lands who opens the form's
//! address by hand.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use souk_kernel::Problem;
use souk_web::ApiError;

use crate::reply::see_other;

/// The page of the form with this address; none for addresses that are no forms.
pub(crate) fn page_of(path: &str) -> Option<String> {
    let mut parts = path.trim_start_matches('/').split('/');
    let page = match (parts.next()?, parts.next(), parts.next()) {
        ("cart", Some("lines" | "coupons"), _) => "/cart".to_owned(),
        ("checkout", None, _) => "/checkout".to_owned(),
        ("checkout", Some(step @ ("address" | "delivery")), None) => format!("/checkout?change={step}"),
        ("checkout", Some("give-up"), None) => "/checkout/confirm".to_owned(),
        ("orders", Some(id), Some("cancel")) => format!("/orders/{id}"),
        ("account", Some("profile" | "password"), None) | ("account", Some("email"), _) => {
            "/account/profile".to_owned()
        }
        ("account", Some("addresses"), Some("new")) => "/account/addresses/new".to_owned(),
        ("account", Some("addresses"), Some(id)) if parts.next().is_none() => format!("/account/addresses/{id}"),
        ("account", Some(_), _) => "/account".to_owned(),
        _ => return None,
    };
    Some(page)
}

/// `GET` of a form's address: its page. Nothing is there to be read, and 405 helps no buyer.
pub(crate) async fn to_page(request: Request) -> Response {
    match page_of(request.uri().path()) {
        Some(page) => see_other(&page),
        None => ApiError::from(Problem::not_found("page")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_a_page() {
        for (form, page) in [
            ("/cart/lines", "/cart"),
            ("/cart/lines/1/remove", "/cart"),
            ("/cart/coupons/remove", "/cart"),
            ("/checkout", "/checkout"),
            ("/checkout/address", "/checkout?change=address"),
            ("/checkout/delivery", "/checkout?change=delivery"),
            ("/checkout/give-up", "/checkout/confirm"),
            ("/orders/1/cancel", "/orders/1"),
            ("/account/login", "/account"),
            ("/account/password", "/account/profile"),
            ("/account/email/confirm", "/account/profile"),
            ("/account/addresses/new", "/account/addresses/new"),
            ("/account/addresses/1", "/account/addresses/1"),
            ("/account/addresses/1/remove", "/account"),
        ] {
            assert_eq!(page_of(form).as_deref(), Some(page), "{form}");
        }
        assert_eq!(page_of("/p/lamp"), None);
    }
}
