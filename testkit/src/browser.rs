//! Visitor with a browser that runs no scripts: follows links, fills in forms, keeps cookies, goes where it is sent.

use std::collections::BTreeMap;

use ::http::{Method, StatusCode, header};
use bytes::Bytes;

use crate::buyer::PASSWORD;
use crate::form::{Form, forms, text_of};
use crate::http::{Reply, Shop};

/// Redirects after one click.
const MAX_HOPS: usize = 5;

/// A browser.
#[derive(Clone)]
pub struct Browser {
    shop: Shop,
    cookies: BTreeMap<String, String>,
}

/// A page that was shown.
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it is.
    pub path: String,
    /// Status.
    pub status: StatusCode,
    /// Markup.
    pub html: String,
}

impl Page {
    /// Its words.
    pub fn text(&self) -> String {
        text_of(&self.html)
    }

    /// Its form that goes to `action`; panics when there is none.
    pub fn form(&self, action: &str) -> Form {
        let all = forms(&self.html);
        let found = all.iter().find(|form| form.action == action).cloned();
        found.unwrap_or_else(|| panic!("{} ({}) has no form for {action}: {}", self.path, self.status, self.text()))
    }

    /// Where the first link leads whose address starts so.
    pub fn link(&self, start: &str) -> String {
        let mut links = self.html.split("href=\"").skip(1).filter_map(|part| part.split('"').next());
        let link = links.find(|href| href.starts_with(start));
        link.unwrap_or_else(|| panic!("{} has no link to {start}", self.path))
            .replace("&#38;", "&")
            .replace("&amp;", "&")
    }
}

impl Browser {
    /// Without cookies.
    pub fn new(shop: &Shop) -> Self {
        Self { shop: shop.clone(), cookies: BTreeMap::new() }
    }

    /// A cookie's value.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Opens a page, following redirects.
    pub async fn open(&mut self, path: &str) -> Page {
        let reply = self.request(Method::GET, path, None).await;
        self.follow(path, reply).await
    }

    /// Opens a page that must be there.
    pub async fn visit(&mut self, path: &str) -> Page {
        let page = self.open(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text());
        page
    }

    /// Sends a form of a page.
    pub async fn submit(&mut self, page: &Page, form: &Form) -> Page {
        let action = if form.action.is_empty() { page.path.clone() } else { form.action.clone() };
        let reply = self.request(Method::POST, &action, Some(form.encoded())).await;
        self.follow(&action, reply).await
    }

    async fn follow(&mut self, path: &str, mut reply: Reply) -> Page {
        let mut path = path.to_owned();
        for _ in 0..MAX_HOPS {
            if !reply.status.is_redirection() || reply.status == StatusCode::NOT_MODIFIED {
                return Page { path, status: reply.status, html: reply.text() };
            }
            path = reply.header("location").to_owned();
            reply = self.request(Method::GET, &path, None).await;
        }
        panic!("{path}: too many redirects")
    }

    async fn request(&mut self, method: Method, path: &str, form: Option<String>) -> Reply {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("accept", "text/html"), ("sec-fetch-site", "same-origin")];
        // Cookies are the shop's: the provider's pages do not get them.
        let ours = path.starts_with('/');
        if ours && !cookies.is_empty() {
            headers.push(("cookie", &cookies));
        }
        if form.is_some() {
            headers.push(("content-type", "application/x-www-form-urlencoded"));
        }
        let reply = self.shop.send(method, path, &headers, form.map_or(Bytes::new(), Bytes::from)).await;
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if text.contains("Max-Age=0") || value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        reply
    }

    /// Makes an account with the link in the mail; the page one comes to then.
    pub async fn register(&mut self, email: &str, name: &str) -> Page {
        let page = self.visit("/account").await;
        let asked = self.submit(&page, &page.form("/account/register").set("email", email).set("name", name)).await;
        assert!(asked.text().contains("look into your mailbox"), "{}", asked.text());
        let link = self.shop.mailed_link(email, "/account/confirm?token=").await;
        let page = self.visit(&link).await;
        self.submit(&page, &page.form("/account/confirm").set("password", PASSWORD)).await
    }

    /// Puts one of a product into the cart, choosing `options`.
    pub async fn add(&mut self, slug: &str, options: &[(&str, &str)]) -> Page {
        let page = self.visit(&format!("/p/{slug}")).await;
        let form = options.iter().fold(page.form("/cart/lines"), |form, (name, value)| form.set(name, value));
        self.submit(&page, &form).await
    }

    /// From the cart to the page where one pays.
    pub async fn to_payment(&mut self, email: &str) -> Page {
        let page = self.visit("/checkout?change=address").await;
        let forms = forms(&page.html);
        let form = forms.iter().find(|form| form.action == "/checkout/address" && form.get("saved").is_empty());
        let form = form.unwrap_or_else(|| panic!("no address form: {}", page.text())).clone();
        let form = form.set("email", email).set("name", "Erika Mustermann").set("line1", "Heidestr. 17");
        let page = self.submit(&page, &form.set("city", "Köln").set("postal_code", "51147").set("country", "DE")).await;
        let form = page.form("/checkout/delivery");
        let method = form.choices.first().expect("a way to ship").1.clone();
        self.submit(&page, &form.set("method", &method)).await
    }

    /// Pays on the page where one pays.
    pub async fn pay(&mut self, page: &Page, token: &str) -> Page {
        self.submit(page, &page.form("/checkout").set("token", token)).await
    }
}
