//! Snapshot tests: one page for each template, as a buyer gets it, over the demo shop's products. A change of a page is a
//! change of a file in `snapshots/`, to be read in the diff (CONTRIBUTING.md says how it is accepted).

use std::collections::BTreeSet;
use std::path::Path;

use crate::browser::{Browser, Reply};
use crate::buying::at_the_till;

/// What differs from run to run, and from one build of the assets to the next.
const FILTERS: [(&str, &str); 4] = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[id]"),
    (r"(/assets/[a-z]+)[.-][0-9A-Za-z_-]{8,}\.", "$1-[hash]."),
    (r"token=[0-9A-Za-z_-]{20,}", "token=[token]"),
    (r"\b[0-9a-f]{32}\b", "[key]"),
];

/// A page of each template, by the template's name.
async fn pages() -> Vec<(&'static str, Reply)> {
    let mut guest = Browser::new(200);
    let choice = guest.shop.products.iter().find(|product| product.options.len() == 2).unwrap().slug.clone();
    let mut pages = Vec::new();
    for (template, path) in [
        ("home", "/"),
        ("listing", "/c/kitchen/mugs-cups?brand=Ferro&sort=price_asc"),
        ("product", &format!("/p/{choice}")),
        ("help", "/help"),
        ("problem", "/problems/out_of_stock"),
        ("message", "/nowhere"),
        ("sign_in", "/account"),
    ] {
        pages.push((template, guest.get(path).await));
    }
    let (sku, _) = guest.sku(1);
    pages.push(("cart", guest.submit("/cart/lines", &[("sku", &sku), ("quantity", "2")]).await));
    pages.push(("checkout_address", guest.get("/checkout").await));
    let (mut buyer, till) = at_the_till(200).await;
    pages.push(("checkout_delivery", buyer.get("/checkout?change=delivery").await));
    let confirm = buyer.paid(&till, "tok_requires_action").await;
    pages.push(("checkout_payment", till));
    pages.push(("checkout_confirm", confirm));
    let mut ana = Browser::new(200);
    ana.register(&[("name", "Ana"), ("email", "ana@example.com"), ("password", "correct horse")]).await;
    pages.push(("account_form", ana.get("/account/addresses/new").await));
    ana.submit("/cart/lines", &[("sku", &sku)]).await;
    ana.get("/checkout").await;
    ana.submit("/checkout/address", &crate::buying::ADDRESS).await;
    let till = ana.submit("/checkout/delivery", &[("method", "standard")]).await;
    let order = ana.paid(&till, "tok_ok").await;
    let id = order.after("href=\"/orders/");
    pages.push(("order", order));
    pages.push(("order_cancel", ana.get(&format!("/orders/{id}/cancel")).await));
    pages.push(("account", ana.get("/account").await));
    pages
}

#[tokio::test]
async fn pages_look_as_they_did() {
    let pages = pages().await;
    let shown: BTreeSet<String> = pages.iter().map(|(template, _)| (*template).to_owned()).collect();
    assert_eq!(shown, templates(), "a page for each template");
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    FILTERS.iter().for_each(|(pattern, name)| settings.add_filter(pattern, *name));
    settings.bind(|| {
        for (template, page) in &pages {
            // The frame is the same around all of them, and is seen around one.
            let part = if *template == "home" { page.body.as_str() } else { main_of(&page.body) };
            insta::assert_snapshot!(*template, format!("{}\n{part}", page.status));
        }
    });
}

fn main_of(page: &str) -> &str {
    let from = page.find("<main").expect("a page has a main part");
    let to = page.find("</main>").expect("which ends");
    &page[from..to]
}

/// Those of pages: parts begin with an underscore, and `base` is what they extend.
fn templates() -> BTreeSet<String> {
    let folder = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")).unwrap();
    let names = folder.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned());
    names.filter(|name| !name.starts_with('_') && name != "base").collect()
}
