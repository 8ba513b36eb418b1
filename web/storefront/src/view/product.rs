//! View model of a product's page.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use serde_json::{Value, json};
use souk_catalog_api::{PreparedPicture, Product, Variant};
use souk_inventory_api::Availability;
use souk_kernel::Money;
use souk_pricing_api::{Price as PriceOf, ShopTerms};
use souk_search_api::Hit;
use souk_web::Cdn;

use super::card::{Card, cards, product};
use super::gallery::{Exhibit, Shot, gallery, shots, swatch};
use super::layout::{Layout, Preview, category};
use super::listing::crumbs;
use super::money::{Price, show};
use super::picture::{IN_ROW, Picture};
use super::{Crumb, embedded_json};
use crate::listing_query::ListingQuery;

/// Stock that is worth a word.
const LOW_STOCK: i64 = 5;
/// Units one may ask for at once, when there are as many.
const MAX_UNITS: i64 = souk_cart_api::MAX_QUANTITY as i64;
/// Rows of the table that are shown without a click.
const FIRST_SPECS: usize = 14;
/// Products below: one row of four.
pub const RELATED: u32 = 4;

/// What can be had of a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stock {
    /// A sentence.
    pub text: String,
    /// Empty, `low` or `none`: a class of the stylesheet.
    pub kind: &'static str,
}

/// Something a buyer chooses.
#[derive(Clone, Debug)]
pub struct OptionView {
    /// `Colour`.
    pub name: String,
    /// Its place among the options.
    pub index: usize,
    /// Its values are shown by pictures.
    pub pictured: bool,
    /// Its values.
    pub choices: Vec<ChoiceView>,
}

/// One value of an option.
#[derive(Clone, Debug)]
pub struct ChoiceView {
    /// `Teal`.
    pub value: String,
    /// The one the page begins with.
    pub checked: bool,
    /// Nothing of it is there.
    pub out: bool,
    /// What it looks like.
    pub picture: Option<Picture>,
    /// Its price, when the price hangs on this option alone.
    pub note: Option<String>,
}

/// A product's page.
#[derive(Template)]
#[template(path = "product.html")]
pub struct ProductPage {
    /// Frame.
    pub layout: Layout,
    /// Way from the home page.
    pub crumbs: Vec<Crumb>,
    /// Maker.
    pub brand: Option<String>,
    /// All products of the maker.
    pub brand_href: String,
    /// Name.
    pub title: String,
    /// Price of the variant the page begins with.
    pub price: Price,
    /// What the price includes.
    pub tax_note: &'static str,
    /// Stock of that variant.
    pub stock: Stock,
    /// Pictures; at least one.
    pub pictures: Vec<Exhibit>,
    /// What a buyer chooses by.
    pub options: Vec<OptionView>,
    /// SKU of the only variant.
    pub sku: Option<String>,
    /// Slug, sent with the choice where there is one.
    pub slug: String,
    /// Something of it can be bought.
    pub can_buy: bool,
    /// Most units.
    pub max_quantity: i64,
    /// Description.
    pub paragraphs: Vec<String>,
    /// The description as HTML, which the catalogue has made safe; else its paragraphs are shown.
    pub description_html: Option<String>,
    /// First properties: label and value.
    pub specs: Vec<(String, String)>,
    /// The others.
    pub more_specs: Vec<(String, String)>,
    /// Products of the same category.
    pub related: Vec<Card>,
    /// All of them.
    pub related_href: String,
    /// Variants for `product.mjs`.
    pub variants_json: Option<String>,
    /// Data for search engines.
    pub json_ld: String,
}

/// A variant with its price and stock.
struct Offer<'p> {
    variant: &'p Variant,
    price: Money,
    before: Option<Money>,
    available: i64,
    /// It can be bought, and has to come in first.
    backordered: bool,
}

impl Offer<'_> {
    fn stock(&self) -> Stock {
        if self.backordered {
            return Stock { text: "Available on backorder".into(), kind: "low" };
        }
        match self.available {
            ..=0 => Stock { text: "Sold out just now".into(), kind: "none" },
            1..=LOW_STOCK => Stock { text: format!("Only {} left", self.available), kind: "low" },
            _ => Stock { text: "In stock".into(), kind: "" },
        }
    }
}

/// What the page is made of.
pub struct Facts {
    /// The product.
    pub product: Arc<Product>,
    /// Prices of its SKUs.
    pub prices: Vec<PriceOf>,
    /// Stock of its SKUs.
    pub stock: Vec<Availability>,
    /// Other products of the same category.
    pub related: Vec<Hit>,
    /// Currency and tax.
    pub terms: ShopTerms,
}

/// The page of a product; none when it has no price, so that it cannot be sold.
pub fn product_page(mut layout: Layout, facts: Facts) -> Option<ProductPage> {
    let Facts { product: thing, prices, stock, related, terms } = facts;
    let offers = offers(&thing, &prices, &stock);
    let first = offers.iter().find(|offer| offer.available > 0).or(offers.first())?;
    let shots = shots(&thing);
    let node = thing.category_id.and_then(|id| layout.nav.tree.items.iter().find(|node| node.id == id).cloned());
    let path = node.map(|node| node.path).unwrap_or_default();
    layout.category.clone_from(&path);
    let mut crumbs = crumbs(&layout, &path);
    if let Some(last) = crumbs.last_mut() {
        last.href = Some(category(&path));
    }
    crumbs.push(Crumb { href: None, text: thing.title.clone() });
    layout.preview = shots.first().map(|shot| Preview {
        url: layout.absolute(&layout.cdn.url(&shot.address)),
        size: PreparedPicture::parse(&shot.address).map(|picture| (picture.width, picture.height)),
    });
    layout.description = summary(&thing);
    let mut specs = specs(&thing);
    let more_specs = specs.split_off(specs.len().min(FIRST_SPECS));
    let varies = offers.iter().any(|offer| offer.price != first.price);
    let by_brand = thing.brand.iter().cloned().collect();
    Some(ProductPage {
        brand_href: ListingQuery { brands: by_brand, ..ListingQuery::parse("") }.href("/search"),
        price: Price::new(first.price, first.before, varies && first.price == cheapest(&offers)),
        tax_note: if terms.prices_include_tax { "including VAT, plus shipping" } else { "plus tax and shipping" },
        stock: first.stock(),
        options: options(&layout.cdn, &thing, &offers, first, &shots),
        sku: (thing.variants.len() == 1).then(|| first.variant.sku.clone()),
        slug: thing.slug.clone(),
        can_buy: first.available > 0,
        max_quantity: offers.iter().map(|offer| offer.available).max().unwrap_or(1).clamp(1, MAX_UNITS),
        description_html: thing.description_html.clone(),
        paragraphs: thing
            .description
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect(),
        more_specs,
        specs,
        related: cards(&layout.cdn, related, &IN_ROW, false),
        related_href: if path.is_empty() { "/search".into() } else { category(&path) },
        variants_json: (thing.variants.len() > 1).then(|| variants_json(&offers, shots.len())),
        json_ld: json_ld(&layout, &thing, &offers, &shots),
        pictures: gallery(&layout.cdn, shots),
        brand: thing.brand.clone(),
        title: thing.title.clone(),
        crumbs,
        layout,
    })
}

fn offers<'p>(product: &'p Product, prices: &[PriceOf], stock: &[Availability]) -> Vec<Offer<'p>> {
    let prices: HashMap<&str, &PriceOf> = prices.iter().map(|price| (price.sku.as_str(), price)).collect();
    let stock: HashMap<&str, &Availability> = stock.iter().map(|entry| (entry.sku.as_str(), entry)).collect();
    let offer = |variant: &'p Variant| {
        let price = prices.get(variant.sku.as_str())?;
        let stock = stock.get(variant.sku.as_str());
        let (available, backordered) = stock.map_or((0, false), |stock| (stock.available, stock.is_backordered()));
        Some(Offer { variant, price: price.price, before: price.compare_at, available, backordered })
    };
    product.variants.iter().filter_map(offer).collect()
}

fn cheapest(offers: &[Offer]) -> Money {
    offers.iter().map(|offer| offer.price).min_by_key(|price| price.amount).unwrap_or(offers[0].price)
}

fn options(cdn: &Cdn, product: &Product, offers: &[Offer], first: &Offer, shots: &[Shot]) -> Vec<OptionView> {
    let varies = offers.iter().any(|offer| offer.price != offers[0].price);
    let view = |(index, option): (usize, &souk_catalog_api::ProductOption)| {
        let of = |value: &str| {
            offers
                .iter()
                .filter(move |offer| offer.variant.option_values.get(index).is_some_and(|v| v == value))
                .collect::<Vec<_>>()
        };
        let picture = |value: &str| {
            let mut media = of(value).into_iter().map(|offer| offer.variant.media);
            let one = media.next().flatten()?;
            media.all(|other| other == Some(one)).then_some(one)
        };
        // Pictures say more than words only where every value has one of its own.
        let shown: Vec<u32> = option.values.iter().filter_map(|value| picture(value)).collect();
        let distinct: std::collections::HashSet<_> = shown.iter().collect();
        let pictured = shown.len() == option.values.len() && distinct.len() == shown.len() && shown.len() > 1;
        let same = |value: &str| of(value).windows(2).all(|pair| pair[0].price == pair[1].price);
        let priced = varies && option.values.iter().all(|value| same(value));
        let choices = option.values.iter().map(|value| ChoiceView {
            checked: first.variant.option_values.get(index) == Some(value),
            out: of(value).iter().all(|offer| offer.available <= 0),
            picture: pictured
                .then(|| picture(value))
                .flatten()
                .and_then(|i| shots.get(i as usize))
                .map(|shot| swatch(cdn, shot, value)),
            note: priced.then(|| of(value).first().map(|offer| show(offer.price))).flatten(),
            value: value.clone(),
        });
        OptionView { name: option.name.clone(), index, pictured, choices: choices.collect() }
    };
    if product.variants.len() < 2 {
        return Vec::new();
    }
    product.options.iter().enumerate().map(view).collect()
}

fn specs(product: &Product) -> Vec<(String, String)> {
    // What one chooses above is no property of the whole.
    let chosen = |label: &str| product.variants.len() > 1 && product.options.iter().any(|option| option.name == label);
    let attributes = product.attributes.iter().filter(|attribute| !chosen(&attribute.label));
    let mut specs: Vec<_> = attributes.map(|a| (a.label.clone(), a.value.display())).collect();
    if let [only] = product.variants.as_slice() {
        specs.push(("Item number".into(), only.sku.clone()));
        specs.extend(only.barcode.clone().map(|code| ("EAN".to_owned(), code)));
    }
    specs
}

fn summary(product: &Product) -> String {
    let text = product.seo_description.as_deref().unwrap_or(&product.description);
    let line = text.lines().next().unwrap_or_default();
    // What search engines show of it (about 160 characters), cut at a word.
    match line.char_indices().nth(160) {
        Some((end, _)) => format!("{}…", line[..end].rsplit_once(' ').map_or(&line[..end], |(head, _)| head)),
        None if line.is_empty() => product.title.clone(),
        None => line.to_owned(),
    }
}

/// Short keys: it is in every page. o options, p price, c compared with, s saving, a buyable, t and k stock, m picture.
fn variants_json(offers: &[Offer], pictures: usize) -> String {
    let variant = |offer: &Offer| {
        let price = Price::new(offer.price, offer.before, false);
        let stock = offer.stock();
        let mut entry = json!({
            "o": offer.variant.option_values, "p": price.now, "a": offer.available > 0, "t": stock.text, "k": stock.kind,
        });
        for (key, value) in [
            ("c", price.before.map(Value::from)),
            ("s", price.save.map(Value::from)),
            ("m", offer.variant.media.filter(|at| (*at as usize) < pictures).map(Value::from)),
        ] {
            if let Some(value) = value {
                entry[key] = value;
            }
        }
        entry
    };
    embedded_json(&offers.iter().map(variant).collect())
}

/// schema.org Product with its offers.
fn json_ld(layout: &Layout, thing: &Product, offers: &[Offer], shots: &[Shot]) -> String {
    let url = format!("{}{}", layout.origin, product(&thing.slug));
    let stock = |offer: &Offer| match offer.available {
        _ if offer.backordered => "https://schema.org/BackOrder",
        ..=0 => "https://schema.org/OutOfStock",
        1..=LOW_STOCK => "https://schema.org/LimitedAvailability",
        _ => "https://schema.org/InStock",
    };
    let offer = |offer: &Offer| {
        json!({
            "@type": "Offer", "sku": offer.variant.sku, "gtin": offer.variant.barcode, "url": url,
            "price": offer.price.decimal(), "priceCurrency": offer.price.currency.code(), "availability": stock(offer),
        })
    };
    embedded_json(&json!({
        "@context": "https://schema.org", "@type": "Product", "name": thing.title, "url": url,
        "description": summary(thing), "brand": thing.brand.as_ref().map(|name| json!({"@type": "Brand", "name": name})),
        "image": shots.iter().map(|shot| layout.absolute(&layout.cdn.url(&shot.address))).collect::<Vec<_>>(),
        "offers": offers.iter().map(offer).collect::<Vec<_>>(),
    }))
}
