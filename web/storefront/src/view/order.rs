//! View models of an order's page, and of the list of orders.

use askama::Template;
use souk_catalog_api::Look;
use souk_kernel::ShopTime;
use souk_order_api::{Order, OrderPayment, OrderStatus};
use souk_shipping_api::Shipment;
use souk_web::Cdn;

use super::card::product;
use super::cart::{LineView, Summary, rows};
use super::layout::Layout;
use super::money::show;
use super::picture::SMALL_LINE;
use super::{Notice, count};

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

impl OrderRow {
    /// Of an order; its day is that of the shop.
    pub fn of(order: &Order, time: &ShopTime) -> Self {
        let (status, kind) = status(order.status);
        let units = order.lines.iter().map(|line| u64::from(line.quantity)).sum();
        Self {
            href: format!("/orders/{}", order.id),
            number: order.number.clone(),
            status,
            kind,
            placed: time.date(order.placed_at),
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
    pub payment: String,
    /// The buyer is awaited at the bank.
    pub confirm: bool,
    /// Parcels.
    pub shipments: Vec<String>,
    /// Where a cancellation is asked for, while there can be one.
    pub cancel_action: Option<String>,
}

/// Asks before an order is taken back.
#[derive(Template)]
#[template(path = "order_cancel.html")]
pub struct CancelPage {
    /// Frame.
    pub layout: Layout,
    /// Its number.
    pub number: String,
    /// `3 items`.
    pub items: String,
    /// What becomes of the money.
    pub money: String,
    /// The order's page.
    pub href: String,
}

/// The page that asks, for the order at `href`.
pub fn cancel_page(layout: Layout, order: &Order, href: String, time: &ShopTime) -> CancelPage {
    let row = OrderRow::of(order, time);
    let money = match (order.payment_status, order.total.amount) {
        (_, 0) | (OrderPayment::None, _) => "Nothing was charged for it.".to_owned(),
        (OrderPayment::Captured, _) => format!("The {} you paid go back to where they came from.", row.total),
        _ => format!("The {} reserved for it are released.", row.total),
    };
    CancelPage { layout, number: row.number, items: row.items, money, href }
}

/// The page of an order; `own` when its customer looks at it, `fresh` right after it was placed.
pub fn order_page(
    layout: Layout,
    order: &Order,
    own: bool,
    fresh: bool,
    notices: Vec<Notice>,
    prices_include_tax: bool,
    time: &ShopTime,
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
        placed: time.date(order.placed_at),
        status,
        status_kind,
        track,
        address: order.shipping_address.lines(),
        shipping_name: order.shipping_name.clone(),
        email: order.email.clone(),
        payment: payment(order),
        confirm: false,
        shipments: order.shipments.iter().map(|shipment| parcel(shipment, time)).collect(),
        cancel_action: may_cancel.then(|| format!("/orders/{}/cancel", order.id)),
    }
}

fn summary(cdn: &Cdn, order: &Order, prices_include_tax: bool) -> Summary {
    let line = |line: &souk_order_api::OrderLine| LineView {
        id: line.sku.clone(),
        href: product(&line.slug),
        picture: SMALL_LINE.picture(cdn, &line.image, Look::default()),
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

/// What is said about the money. A cancelled order is that at once, and its money follows some moments later.
fn payment(order: &Order) -> String {
    let total = show(order.total);
    if order.total.amount == 0 {
        return "There was nothing to pay.".to_owned();
    }
    match (order.status, order.payment_status) {
        (OrderStatus::Cancelled, OrderPayment::Authorised) => {
            format!("The {total} reserved for this order are being released; nothing is charged.")
        }
        (OrderStatus::Cancelled, OrderPayment::Captured) => {
            format!("{total} are on their way back to where they came from. Your bank may take some days to show it.")
        }
        (_, OrderPayment::None) => "Nothing has been charged.".to_owned(),
        (_, OrderPayment::Authorised) => "Your payment is authorised.".to_owned(),
        (_, OrderPayment::Captured) => "Paid.".to_owned(),
        (_, OrderPayment::Voided) => "The authorisation was given back; nothing was charged.".to_owned(),
        (_, OrderPayment::Refunded) => {
            format!("{total} were paid back to where they came from. Your bank may take some days to show it.")
        }
    }
}

fn parcel(shipment: &Shipment, time: &ShopTime) -> String {
    let carrier = shipment.carrier.as_deref().unwrap_or("Our carrier");
    let tracking =
        shipment.tracking_number.as_ref().map(|number| format!(", tracking number {number}")).unwrap_or_default();
    match shipment.delivered_at {
        Some(at) => format!("{carrier}{tracking}: delivered on {}.", time.date(at)),
        None => format!("{carrier}{tracking}: on its way since {}.", time.date(shipment.shipped_at)),
    }
}

#[cfg(test)]
mod tests {
    use souk_kernel::Currency;
    use souk_order_api::OrderId;

    use super::*;

    #[test]
    fn a_cancelled_order_is_never_called_paid() {
        let nothing = Currency::EUR.of(0);
        let mut order = Order {
            id: OrderId(uuid::Uuid::nil()),
            number: "S-1".into(),
            status: OrderStatus::Cancelled,
            payment_status: OrderPayment::Captured,
            customer_id: None,
            email: String::new(),
            shipping_address: Default::default(),
            shipping_name: String::new(),
            lines: Vec::new(),
            coupons: Vec::new(),
            subtotal: nothing,
            discount: nothing,
            shipping: nothing,
            tax: nothing,
            total: Currency::EUR.of(1240),
            failure: None,
            shipments: Vec::new(),
            version: 1,
            placed_at: jiff::Timestamp::UNIX_EPOCH,
            updated_at: jiff::Timestamp::UNIX_EPOCH,
        };
        assert!(payment(&order).contains("€12.40 are on their way back"));
        order.payment_status = OrderPayment::Authorised;
        assert!(payment(&order).contains("being released"));
        order.payment_status = OrderPayment::Refunded;
        assert!(payment(&order).contains("paid back"));
        order.total = nothing;
        assert_eq!(payment(&order), "There was nothing to pay.");
    }
}
