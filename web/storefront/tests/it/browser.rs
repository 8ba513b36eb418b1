//! Test browser without scripts: it keeps cookies, follows links and sends forms as a page of ours would.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use souk_rpc::Cx;
use souk_storefront::router;
use souk_web::SESSION_COOKIE;
use tower::ServiceExt;

use crate::fake::FakeShop;

/// Address of the shop in these tests.
pub const ORIGIN: &str = "http://shop.test";

/// A visitor.
pub struct Browser {
    pub shop: Arc<FakeShop>,
    router: Router,
    pub cookies: BTreeMap<String, String>,
    /// Sent along with every request.
    pub extra: Vec<(&'static str, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header("location")
    }

    #[track_caller]
    pub fn shows(&self, text: &str) -> &Self {
        assert!(self.body.contains(text), "{text:?} is not in:\n{}", self.text());
        self
    }

    #[track_caller]
    pub fn hides(&self, text: &str) -> &Self {
        assert!(!self.body.contains(text), "{text:?} is in:\n{}", self.text());
        self
    }

    /// The page without its markup, to read in a failed test.
    fn text(&self) -> String {
        let main = self.body.split_once("<main").map_or(self.body.as_str(), |(_, main)| main);
        let pieces = main.split('<').filter_map(|piece| Some(piece.split_once('>')?.1.trim()));
        pieces.filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("\n")
    }

    /// The value of the first hidden field `name`.
    pub fn hidden(&self, name: &str) -> String {
        let (_, rest) =
            self.body.split_once(&format!("name=\"{name}\" value=\"")).unwrap_or_else(|| panic!("no field {name}"));
        rest.split('"').next().unwrap().to_owned()
    }

    /// The payment page's form, paid with `token`: everything that is hidden in it, as a browser would send it.
    pub fn pay(&self, token: &str) -> Vec<(String, String)> {
        let hidden = ["key", "cart_version", "total", "currency"];
        let mut form: Vec<(String, String)> = hidden.map(|name| (name.to_owned(), self.hidden(name))).to_vec();
        form.push(("token".into(), token.into()));
        form
    }

    /// The part of the first address that follows `before`.
    pub fn after(&self, before: &str) -> String {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("no {before} in:\n{}", self.text()));
        rest.split(['"', '/', '?', '<']).next().unwrap().to_owned()
    }
}

impl Browser {
    /// A visitor of a shop with `products` products.
    pub fn new(products: usize) -> Self {
        Self::of(&FakeShop::new(products), ORIGIN)
    }

    /// A visitor of a shop reached under `public_url`.
    pub fn of(shop: &Arc<FakeShop>, public_url: &str) -> Self {
        Self::over(shop, shop.clients(public_url))
    }

    /// A visitor of a shop whose storefront is set up differently.
    pub fn over(shop: &Arc<FakeShop>, clients: souk_storefront::Clients) -> Self {
        let router = router(clients, &souk_runtime::Tasks::new());
        Self { shop: shop.clone(), router, cookies: BTreeMap::new(), extra: Vec::new() }
    }

    pub async fn get(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    /// Sends a form and does not follow the answer.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let body: Vec<String> =
            fields.iter().map(|(name, value)| format!("{}={}", escape(name), escape(value))).collect();
        self.send(Method::POST, path, Some(body.join("&"))).await
    }

    /// Sends a payment page's form and does not follow the answer.
    pub async fn pay(&mut self, till: &Reply, token: &str) -> Reply {
        let form = till.pay(token);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        self.post("/checkout", &form).await
    }

    /// The same, and goes where the answer says.
    pub async fn paid(&mut self, till: &Reply, token: &str) -> Reply {
        let location = self.pay(till, token).await.location().to_owned();
        self.get(&location).await
    }

    /// Sends a form and goes where the answer says.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Reply {
        let reply = self.post(path, fields).await;
        self.get(reply.location()).await
    }

    /// Asks for an account and follows the link in the mail: what comes back from the form that it leads to.
    pub async fn register(&mut self, fields: &[(&str, &str)]) -> Reply {
        let asked = self.post("/account/register", fields).await;
        assert_eq!(asked.location(), "/account?done=mail");
        let link = format!("link-{}", self.shop.state().links.len() - 1);
        let page = self.get(&format!("/account/confirm?token={link}")).await;
        page.shows("Choose your password");
        let password = fields.iter().find(|(name, _)| *name == "password").expect("a password").1;
        self.post("/account/confirm", &[("token", &page.hidden("token")), ("password", password)]).await
    }

    pub async fn send(&mut self, method: Method, path: &str, form: Option<String>) -> Reply {
        let session = self.cookies.get(SESSION_COOKIE).map(String::as_str);
        let cx = Cx::new("test-request", self.shop.actor(session));
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "shop.test").extension(cx);
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, pairs.join("; "));
        }
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if !self.extra.iter().any(|(name, _)| *name == "origin" || *name == "sec-fetch-site") {
                request = request.header(header::ORIGIN, ORIGIN);
            }
        }
        for (name, value) in &self.extra {
            request = request.header(*name, value);
        }
        let request = request.body(form.map_or_else(Body::empty, Body::from)).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            match text.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        Reply { status: parts.status, headers: parts.headers, body }
    }

    /// A SKU with enough stock, and its product's slug: the `n`-th such.
    pub fn sku(&self, n: usize) -> (String, String) {
        let all = self.shop.drafts.iter().filter(|draft| draft.offers[0].initial_stock() > 9);
        let draft = all.clone().nth(n).expect("enough products");
        (draft.product.variants[0].sku.clone(), draft.product.slug.clone())
    }
}

/// Everything but letters and digits as `%xx`.
pub fn escape(text: &str) -> String {
    let byte = |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
    text.bytes().map(byte).collect()
}
