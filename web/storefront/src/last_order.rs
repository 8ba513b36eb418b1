//! Last-order cookie, sealed: the order that this browser made last; a second tab that pays for the same cart, and a buyer
//! who comes back from the bank, are led to it.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use souk_cart_api::CartId;
use souk_order_api::OrderId;

use crate::app::App;

/// Name of the cookie, without prefix.
const COOKIE: &str = "souk_order";
/// Longer than a buyer takes at the bank, and than tabs are forgotten.
const AGE: Duration = Duration::from_secs(3600);

/// An order and what it was made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LastOrder {
    /// The order.
    pub id: OrderId,
    /// The right to see it.
    pub token: String,
    /// The cart it was made of.
    pub cart: CartId,
    /// Version of the cart, where the form named it.
    pub version: Option<i64>,
    /// The provider's page that waits for the buyer.
    pub bank: Option<String>,
}

impl LastOrder {
    pub fn read(app: &App, headers: &HeaderMap) -> Option<Self> {
        app.seals.open(COOKIE, app.cookies.read(headers, COOKIE)?)
    }

    /// Its page.
    pub fn href(&self) -> String {
        format!("/orders/{}?token={}", self.id, self.token)
    }

    /// A cookie that remembers it; none when it does not fit one: the order is in the mail, too.
    pub fn remember(&self, app: &App) -> Option<HeaderValue> {
        app.seals.seal(COOKIE, self).map(|sealed| app.cookies.set(COOKIE, &sealed, Some(AGE)))
    }

    /// A cookie that forgets it.
    pub fn forget(app: &App) -> HeaderValue {
        app.cookies.clear(COOKIE)
    }
}
