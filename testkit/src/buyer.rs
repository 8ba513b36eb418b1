//! Buyer over the JSON API: a guest, or a customer once registered.

use ::http::{Method, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};
use souk_cart_api::{Cart, CartId};
use souk_kernel::{Currency, Money};
use souk_order_api::{CheckoutReply, Order, OrderPage};
use uuid::Uuid;

use crate::http::{Reply, Shop};

/// The sandbox's means of payment.
pub mod tokens {
    /// Paid at once.
    pub const OK: &str = "tok_ok";
    /// Refused.
    pub const DECLINED: &str = "tok_declined";
    /// Refused for want of money.
    pub const INSUFFICIENT: &str = "tok_insufficient_funds";
    /// The buyer has to act at the provider.
    pub const ACTION: &str = "tok_requires_action";
    /// Charged, and no answer comes.
    pub const SILENT: &str = "tok_timeout_after_charge";
    /// 503.
    pub const DOWN: &str = "tok_down";
}

/// The password of all customers.
pub const PASSWORD: &str = "correct horse battery";

/// A request that was refused.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedRequest {
    /// HTTP status.
    pub status: u16,
    /// The problem's code.
    pub code: String,
    /// The whole problem.
    pub problem: Value,
}

/// What became of a checkout.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// 201.
    Bought(Box<CheckoutReply>),
    /// 202.
    Pending(Box<CheckoutReply>),
    /// Anything else.
    Refused(RefusedRequest),
}

impl Outcome {
    /// The sale; panics when there was none.
    pub fn bought(self) -> CheckoutReply {
        match self {
            Outcome::Bought(reply) => *reply,
            other => panic!("not bought: {other:?}"),
        }
    }

    /// The refusal; panics when it was none.
    pub fn refused(self) -> RefusedRequest {
        match self {
            Outcome::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }
}

impl From<Reply> for Outcome {
    fn from(reply: Reply) -> Self {
        match reply.status {
            StatusCode::CREATED => Outcome::Bought(reply.json()),
            StatusCode::ACCEPTED => Outcome::Pending(reply.json()),
            _ => Outcome::Refused(refusal(&reply)),
        }
    }
}

fn refusal(reply: &Reply) -> RefusedRequest {
    RefusedRequest { status: reply.status.as_u16(), code: reply.code(), problem: reply.json() }
}

fn accepted<T: serde::de::DeserializeOwned>(reply: &Reply) -> Result<T, RefusedRequest> {
    if reply.status.is_success() { Ok(reply.json()) } else { Err(refusal(reply)) }
}

/// The checkout as the release before has it, when `reply` says that it does not know what was sent.
pub fn before(reply: &Reply, body: &Value) -> Option<Value> {
    let unknown =
        |field: &str| reply.code() == "invalid_request" && reply.text().contains(&format!("unknown field `{field}`"));
    if reply.status != StatusCode::UNPROCESSABLE_ENTITY || !unknown("cart_version") && !unknown("expected_total") {
        return None;
    }
    let mut before = body.clone();
    let fields = before.as_object_mut()?;
    fields.remove("cart_version");
    fields.remove("expected_total");
    Some(before)
}

/// An address that can be shipped to.
pub fn address() -> Value {
    json!({ "name": "Erika Mustermann", "line1": "Heidestr. 17", "city": "Köln", "postal_code": "51147", "country": "DE" })
}

/// A buyer with at most one cart.
#[derive(Clone)]
pub struct Guest {
    /// The shop they are in.
    pub shop: Shop,
    /// Their cart, once they have one.
    pub cart: Option<CartId>,
    /// Its version and total as they saw it last.
    pub shown: Option<(i64, Money)>,
    /// Where their mails go.
    pub email: String,
    /// Access token, once registered.
    pub bearer: Option<String>,
    /// Refresh token, once registered.
    pub refresh: Option<String>,
    /// Device token, once signed in.
    pub device: Option<String>,
}

impl Guest {
    /// A buyer whom the shop does not know.
    pub fn new(shop: &Shop) -> Self {
        let email = format!("buyer-{}@example.org", Uuid::new_v4().simple());
        Self { shop: shop.clone(), cart: None, shown: None, email, bearer: None, refresh: None, device: None }
    }

    /// A request with their credentials.
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Reply {
        let bearer = self.bearer.as_ref().map(|token| format!("Bearer {token}"));
        let mut all = headers.to_vec();
        if body.is_some() {
            all.push(("content-type", "application/json"));
        }
        if let Some(bearer) = &bearer {
            all.push(("authorization", bearer));
        }
        let body = body.map_or(Bytes::new(), |body| serde_json::to_vec(body).unwrap().into());
        self.shop.send(method, path, &all, body).await
    }

    /// A product's page as JSON.
    pub async fn browse(&self, slug: &str) -> Value {
        accepted(&self.send(Method::GET, &format!("/api/v1/products/{slug}"), &[], None).await).unwrap()
    }

    /// What they find, from no cache.
    pub async fn search(&self, words: &str) -> Value {
        self.shop.search(words).await
    }

    /// Their cart's path below `/api/v1`; makes the cart when there is none.
    pub async fn cart_path(&mut self) -> String {
        if self.cart.is_none() {
            let cart: Cart = accepted(&self.send(Method::POST, "/api/v1/carts", &[], Some(&json!({}))).await).unwrap();
            self.cart = Some(cart.id);
        }
        format!("/api/v1/carts/{}", self.cart.unwrap())
    }

    /// Puts units into the cart.
    pub async fn add(&mut self, sku: &str, quantity: u32) -> Result<Cart, RefusedRequest> {
        let path = format!("{}/lines", self.cart_path().await);
        let line = json!({ "sku": sku, "quantity": quantity });
        let cart = accepted(&self.send(Method::POST, &path, &[], Some(&line)).await);
        self.see(cart)
    }

    /// The cart as it stands.
    pub async fn look(&mut self) -> Cart {
        let path = self.cart_path().await;
        let cart = accepted(&self.send(Method::GET, &path, &[], None).await);
        self.see(cart).unwrap()
    }

    /// Changes the cart.
    pub async fn update(&mut self, update: Value) -> Result<Cart, RefusedRequest> {
        let path = self.cart_path().await;
        let cart = accepted(&self.send(Method::PUT, &path, &[], Some(&update)).await);
        self.see(cart)
    }

    /// Says who they are and where they live.
    pub async fn set_address(&mut self) {
        let update = json!({ "email": self.email, "shipping_address": address() });
        self.update(update).await.unwrap();
    }

    /// Takes the cheapest way to ship.
    pub async fn choose_shipping(&mut self) {
        let path = format!("{}/shipping-methods", self.cart_path().await);
        let methods: Value = accepted(&self.send(Method::GET, &path, &[], None).await).unwrap();
        self.update(json!({ "shipping_method": methods["items"][0]["id"] })).await.unwrap();
    }

    /// Enters a coupon.
    pub async fn enter(&mut self, coupon: &str) -> Result<Cart, RefusedRequest> {
        self.update(json!({ "coupons": [coupon] })).await
    }

    /// All that is done before paying.
    pub async fn fill(&mut self, sku: &str, quantity: u32) {
        self.add(sku, quantity).await.unwrap();
        self.set_address().await;
        self.choose_shipping().await;
    }

    /// Pays, under a new key.
    pub async fn checkout(&mut self, token: &str) -> Outcome {
        self.checkout_under(&Uuid::new_v4().to_string(), token).await.into()
    }

    /// Pays under a key, for what the cart cost when they saw it last.
    pub async fn checkout_under(&mut self, key: &str, token: &str) -> Reply {
        self.cart_path().await;
        let body = self.checkout_body(token);
        self.pay(key, &body).await
    }

    /// Sends a checkout under a key. An order role of the release before does not know what a buyer is shown; it is told
    /// what it knows, and refused nothing but the fields.
    pub async fn pay(&self, key: &str, body: &Value) -> Reply {
        let headers = [("idempotency-key", key)];
        let reply = self.send(Method::POST, "/api/v1/checkout", &headers, Some(body)).await;
        match before(&reply, body) {
            Some(body) => self.send(Method::POST, "/api/v1/checkout", &headers, Some(&body)).await,
            None => reply,
        }
    }

    /// What is sent to pay for the cart as they saw it last.
    pub fn checkout_body(&self, token: &str) -> Value {
        let payment = json!({ "provider": "sandbox", "token": token });
        let (version, total) = self.shown.unwrap_or((1, Currency::EUR.of(0)));
        json!({ "cart_id": self.cart.unwrap(), "payment": payment, "cart_version": version, "expected_total": total })
    }

    /// Notes what they are shown.
    fn see(&mut self, cart: Result<Cart, RefusedRequest>) -> Result<Cart, RefusedRequest> {
        if let Ok(cart) = &cart {
            self.shown = Some((cart.version, cart.totals.total));
        }
        cart
    }

    /// Looks at an order with the token of its checkout.
    pub async fn order(&self, placed: &CheckoutReply) -> Order {
        let path = format!("/api/v1/orders/{}?token={}", placed.order.id, placed.token);
        accepted(&self.send(Method::GET, &path, &[], None).await).unwrap()
    }

    /// Makes an account with the link in the mail, and is signed in.
    pub async fn register(&mut self) {
        let body = json!({ "email": self.email, "name": "Erika" });
        let reply = self.send(Method::POST, "/api/v1/auth/register", &[], Some(&body)).await;
        assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.text());
        let link = self.shop.mailed_link(&self.email, "/account/confirm?token=").await;
        let (_, token) = link.split_once('=').unwrap();
        let body = json!({ "token": token, "password": PASSWORD });
        let reply = self.send(Method::POST, "/api/v1/auth/confirm", &[], Some(&body)).await;
        self.signed_in(&reply);
    }

    /// Signs in, on the device that they have.
    pub async fn login(&mut self) {
        let mut body = json!({ "email": self.email, "password": PASSWORD });
        if let Some(device) = &self.device {
            body["device_token"] = json!(device);
        }
        let reply = self.send(Method::POST, "/api/v1/auth/login", &[], Some(&body)).await;
        self.signed_in(&reply);
    }

    fn signed_in(&mut self, reply: &Reply) {
        let tokens: Value = accepted(reply).unwrap();
        self.bearer = Some(tokens["access_token"].as_str().unwrap().to_owned());
        self.refresh = Some(tokens["refresh_token"].as_str().unwrap().to_owned());
        self.device = tokens["device_token"].as_str().map(str::to_owned);
    }

    /// Signs out.
    pub async fn logout(&mut self) {
        let body = json!({ "refresh_token": self.refresh.take().unwrap() });
        let reply = self.send(Method::POST, "/api/v1/auth/logout", &[], Some(&body)).await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT);
        self.bearer = None;
    }

    /// Their orders, newest first.
    pub async fn orders(&self) -> Result<Vec<Order>, RefusedRequest> {
        let page: OrderPage = accepted(&self.send(Method::GET, "/api/v1/orders", &[], None).await)?;
        Ok(page.items)
    }

    /// Takes one of their orders back.
    pub async fn cancel(&self, order: &Order) -> Result<Order, RefusedRequest> {
        let path = format!("/api/v1/orders/{}/cancel", order.id);
        accepted(&self.send(Method::POST, &path, &[], Some(&json!({ "reason": "changed my mind" }))).await)
    }
}
