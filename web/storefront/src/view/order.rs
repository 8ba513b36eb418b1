//! An order's page, and how orders are listed.

use askama::Template;
use souk_order_api::{Order, OrderPayment, OrderStatus};
use souk_shipping_api::Shipment;
use souk_web::Cdn;

use super::card::{image, product};
use super::cart::{LineView, Summary, rows};
use super::form::address_lines;
use super::layout::Layout;
use super::money::show;
use super::{Notice, count, date};

/// Status for people, with the class of its tag.
pub fn status(status: OrderStatus) -> (&'static str, &'static str) {
    match status {
        OrderStatus::Pending => ("In progress", "wait"),
        OrderStatus::Confirmed => ("Confirmed", "good"),
        OrderStatus::Shipped => ("On its way", "good"),
        OrderStatus::Delivered => ("Delivered", "good"),
        OrderStatus::Cancelled => ("Cancelled", "bad"),
        OrderStatus::Failed => ("Did not go through", "bad"),
    }
}

/// An order in a list.
#[derive(Clone, Debug)]
pub struct OrderRow {
    /// Its page.
    pub href: String,
    /// Its number.
    pub number: String,
    /// Status for people.
    pub status: &'static str,
    /// Class of its tag.
    pub kind: &'static str,
    /// Day it was placed.
    pub placed: String,
    /// `3 items`.
    pub items: String,
    /// What was paid.
    pub total: String,
}

impl From<&Order> for OrderRow {
    fn from(order: &Order) -> Self {
        let (status, kind) = status(order.status);
        let units = order.lines.iter().map(|line| u64::from(line.quantity)).sum();
        Self {
            href: format!("/orders/{}", order.id),
            number: order.number.clone(),
            status,
            kind,
            placed: date(order.placed_at),
            items: count(units, "item", "items"),
            total: show(order.total),
        }
    }
}

/// An order's page.
#[derive(Template)]
#[template(path = "order.html")]
pub struct OrderPage {
    /// Frame.
    pub layout: Layout,
    /// Messages.
    pub notices: Vec<Notice>,
    /// It was placed a moment ago.
    pub fresh: bool,
    /// What is said then.
    pub fresh_text: &'static str,
    /// Its number.
    pub number: String,
    /// Day it was placed.
    pub placed: String,
    /// Status for people.
    pub status: &'static str,
    /// Class of its tag.
    pub status_kind: &'static str,
    /// How far it is: name of the step, and whether it is done.
    pub track: Vec<(&'static str, bool)>,
    /// What was bought.
    pub summary: Summary,
    /// Where it goes.
    pub address: Vec<String>,
    /// How it travels.
    pub shipping_name: String,
    /// Where mails go.
    pub email: String,
    /// How far the payment is.
    pub payment: &'static str,
    /// Parcels.
    pub shipments: Vec<String>,
    /// Where a cancellation is sent, while there can be one.
    pub cancel_action: Option<String>,
}

/// The page of an order; `own` when its customer looks at it, `fresh` right after it was placed.
pub fn order_page(
    layout: Layout,
    order: &Order,
    own: bool,
    fresh: bool,
    notices: Vec<Notice>,
    prices_include_tax: bool,
) -> OrderPage {
    let (status, status_kind) = status(order.status);
    let done = |from: &[OrderStatus]| from.contains(&order.status);
    let track = match order.status {
        OrderStatus::Cancelled | OrderStatus::Failed => Vec::new(),
        _ => vec![
            ("Placed", true),
            ("Confirmed", !done(&[OrderStatus::Pending])),
            ("On its way", done(&[OrderStatus::Shipped, OrderStatus::Delivered])),
            ("Delivered", done(&[OrderStatus::Delivered])),
        ],
    };
    let may_cancel = own && order.status == OrderStatus::Confirmed;
    OrderPage {
        summary: summary(&layout.cdn, order, prices_include_tax),
        layout,
        notices,
        fresh,
        fresh_text: if order.status == OrderStatus::Pending { "Thank you, we are on it" } else { "Thank you" },
        number: order.number.clone(),
        placed: date(order.placed_at),
        status,
        status_kind,
        track,
        address: address_lines(&order.shipping_address),
        shipping_name: order.shipping_name.clone(),
        email: order.email.clone(),
        payment: payment(order.payment_status),
        shipments: order.shipments.iter().map(parcel).collect(),
        cancel_action: may_cancel.then(|| format!("/orders/{}/cancel", order.id)),
    }
}

fn summary(cdn: &Cdn, order: &Order, prices_include_tax: bool) -> Summary {
    let line = |line: &souk_order_api::OrderLine| LineView {
        id: line.sku.clone(),
        href: product(&line.slug),
        image: image(cdn, &line.image),
        title: line.title.clone(),
        options: line.options.clone(),
        unit: show(line.unit_price),
        total: show(line.total),
        quantity: line.quantity,
        max: 0,
        notes: Vec::new(),
    };
    let shipping = Some((order.shipping, Some(order.shipping_name.clone())));
    let totals = rows(order.subtotal, order.discount, shipping, order.tax, order.total, prices_include_tax);
    Summary { lines: order.lines.iter().map(line).collect(), totals }
}

fn payment(status: OrderPayment) -> &'static str {
    match status {
        OrderPayment::None => "Nothing has been charged.",
        OrderPayment::Authorised => "Your payment is authorised.",
        OrderPayment::Captured => "Paid.",
        OrderPayment::Voided => "The authorisation was given back; nothing was charged.",
        OrderPayment::Refunded => "The money was paid back.",
    }
}

fn parcel(shipment: &Shipment) -> String {
    let carrier = shipment.carrier.as_deref().unwrap_or("Our carrier");
    let tracking =
        shipment.tracking_number.as_ref().map(|number| format!(", tracking number {number}")).unwrap_or_default();
    match shipment.delivered_at {
        Some(at) => format!("{carrier}{tracking}: delivered on {}.", date(at)),
        None => format!("{carrier}{tracking}: on its way since {}.", date(shipment.shipped_at)),
    }
}
