//! Content of a message as data: made from a fact when it happens, rendered when it is sent. Pure.

use serde::{Deserialize, Serialize};
use souk_identity_api::{LinkRequested, LoginAttempts};
use souk_kernel::Money;
use souk_order_api::Order;
use souk_shipping_api::{Address, Shipment};
use uuid::Uuid;

/// Characters of a title in a mail.
const MAX_TEXT: usize = 300;
/// Lines of an order that are listed.
const MAX_LINES: usize = 200;

/// What is said, and about what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// The sale is made.
    Confirmation(Confirmation),
    /// The order was taken back.
    Cancelled,
    /// A parcel left.
    Shipped {
        /// `DHL`.
        carrier: Option<String>,
        /// The carrier's number.
        tracking: Option<String>,
    },
    /// Something about an account.
    Account(AccountMail),
}

/// A mail about an account. It names its reader itself, and is forgotten with that once it is sent. No name: who asked for a
/// link may have made it up, and would have us send it to anybody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountMail {
    /// To whom.
    pub email: String,
    /// About what.
    pub about: AccountMatter,
}

/// What there is to say about an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountMatter {
    /// Choose a password, and there is an account.
    Confirm {
        /// Of the link.
        token: String,
    },
    /// There is one; sign in, or choose a new password.
    Known {
        /// Of the link.
        token: String,
    },
    /// Wrong passwords came from elsewhere.
    Attempts,
}

/// A confirmed order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// What was bought.
    pub lines: Vec<Line>,
    /// From the subtotal down to the total.
    pub sums: Vec<Sum>,
    /// Where it goes, line by line.
    pub address: Vec<String>,
}

/// One thing bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Units.
    pub quantity: u32,
    /// What.
    pub title: String,
    /// `Silver / Large`, or empty.
    pub options: String,
    /// For all units.
    pub total: Money,
}

/// One sum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// In words.
    pub label: String,
    /// How much.
    pub amount: Money,
}

/// Whom to write to about an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The order.
    pub order_id: Uuid,
    /// Address.
    pub email: String,
    /// Name.
    pub name: String,
    /// `S-1000042`.
    pub number: String,
    /// The right to see the order.
    pub token: String,
}

impl Contact {
    /// From a placed order.
    pub fn of(order: &Order, token: &str) -> Self {
        let (email, number) = (order.email.trim().to_owned(), one_line(&order.number));
        Self {
            order_id: order.id.0,
            email,
            name: one_line(&order.shipping_address.name),
            number,
            token: one_line(token),
        }
    }
}

impl Content {
    /// Of a placed order.
    pub fn confirmation(order: &Order) -> Self {
        let line = |line: &souk_order_api::OrderLine| Line {
            quantity: line.quantity,
            title: one_line(&line.title),
            options: one_line(&line.options),
            total: line.total,
        };
        let sum = |label: &str, amount: Money| Sum { label: label.to_owned(), amount };
        let mut sums = vec![sum("Subtotal", order.subtotal)];
        if order.discount.amount != 0 {
            let taken_off = order.discount.currency.of(order.discount.amount.saturating_abs().saturating_neg());
            sums.push(sum("Discount", taken_off));
        }
        let shipping = match one_line(&order.shipping_name) {
            name if name.is_empty() => "Shipping".to_owned(),
            name => format!("Shipping ({name})"),
        };
        sums.push(sum(&shipping, order.shipping));
        sums.push(sum("Total", order.total));
        sums.push(sum("Tax in it", order.tax));
        let lines = order.lines.iter().take(MAX_LINES).map(line).collect();
        Self::Confirmation(Confirmation { lines, sums, address: address_lines(&order.shipping_address) })
    }

    /// Of a parcel that left.
    pub fn shipped(shipment: &Shipment) -> Self {
        let label = |text: &Option<String>| text.as_deref().map(one_line);
        Self::Shipped { carrier: label(&shipment.carrier), tracking: label(&shipment.tracking_number) }
    }

    /// Of a link that was asked for.
    pub fn link(asked: &LinkRequested) -> Self {
        let token = one_line(asked.token.reveal());
        let about = match asked.has_account {
            true => AccountMatter::Known { token },
            false => AccountMatter::Confirm { token },
        };
        Self::Account(AccountMail { email: asked.email.reveal().trim().to_owned(), about })
    }

    /// Of wrong passwords.
    pub fn attempts(noticed: &LoginAttempts) -> Self {
        let email = noticed.email.reveal().trim().to_owned();
        Self::Account(AccountMail { email, about: AccountMatter::Attempts })
    }

    /// `order_confirmation`.
    pub fn template(&self) -> &'static str {
        match self {
            Content::Confirmation(_) => "order_confirmation",
            Content::Cancelled => "order_cancelled",
            Content::Shipped { .. } => "order_shipped",
            Content::Account(AccountMail { about, .. }) => match about {
                AccountMatter::Confirm { .. } => "account_confirm",
                AccountMatter::Known { .. } => "account_known",
                AccountMatter::Attempts => "account_attempts",
            },
        }
    }
}

/// The id of the one message with this `template` about `subject` (an order, a parcel, or an event of an account), without the brackets of
/// RFC 5322.
pub fn message_id(template: &str, subject: Uuid, host: &str) -> String {
    format!("{template}.{subject}@{host}")
}

fn address_lines(address: &Address) -> Vec<String> {
    let town = format!("{} {}", address.postal_code, address.city);
    let all = [
        Some(address.name.as_str()),
        Some(address.line1.as_str()),
        address.line2.as_deref(),
        Some(town.trim()),
        address.region.as_deref(),
        Some(address.country.as_str()),
    ];
    all.into_iter().flatten().map(one_line).filter(|line| !line.is_empty()).collect()
}

/// Text of others on one line of bounded length: nothing in a mail may start a header or a paragraph of its own.
pub fn one_line(text: &str) -> String {
    let flat: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect();
    flat.split_whitespace().collect::<Vec<_>>().join(" ")
}
