//! Content of a message as data: made from a fact when it happens, rendered when it is sent. Pure.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use souk_identity_api::{EmailChangeRequested, EmailChanged, LinkRequested, LoginAttempts};
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
        /// When it left.
        #[serde(default)]
        at: Option<Timestamp>,
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
    /// When it was; of a link, until when it is good.
    #[serde(default)]
    pub at: Option<Timestamp>,
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
    /// The address becomes an account's with the link.
    NewEmail {
        /// Of the link.
        token: String,
    },
    /// Somebody wants the address for another account than the one that has it.
    EmailTaken,
    /// To the address that an account had.
    EmailChanged,
    /// From who runs the shop, to see that mails arrive.
    Test,
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
    /// When it was ordered.
    #[serde(default)]
    pub placed_at: Option<Timestamp>,
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
        let (address, placed_at) = (address_lines(&order.shipping_address), Some(order.placed_at));
        Self::Confirmation(Confirmation { lines, sums, address, placed_at })
    }

    /// Of a parcel that left.
    pub fn shipped(shipment: &Shipment) -> Self {
        let label = |text: &Option<String>| text.as_deref().map(one_line);
        let (carrier, tracking) = (label(&shipment.carrier), label(&shipment.tracking_number));
        Self::Shipped { carrier, tracking, at: Some(shipment.shipped_at) }
    }

    /// Of a link that was asked for.
    pub fn link(asked: &LinkRequested) -> Self {
        let token = one_line(asked.token.reveal());
        let about = match asked.has_account {
            true => AccountMatter::Known { token },
            false => AccountMatter::Confirm { token },
        };
        Self::Account(AccountMail { email: asked.email.reveal().clone(), about, at: asked.expires_at })
    }

    /// To the address that an account is to have.
    pub fn email_change(asked: &EmailChangeRequested) -> Self {
        let about = match asked.taken {
            true => AccountMatter::EmailTaken,
            false => AccountMatter::NewEmail { token: one_line(asked.token.reveal()) },
        };
        Self::Account(AccountMail { email: asked.email.reveal().clone(), about, at: Some(asked.expires_at) })
    }

    /// To the address that an account had.
    pub fn email_changed(changed: &EmailChanged) -> Self {
        let email = changed.old_email.reveal().clone();
        Self::Account(AccountMail { email, about: AccountMatter::EmailChanged, at: Some(changed.at) })
    }

    /// Of wrong passwords.
    pub fn attempts(noticed: &LoginAttempts) -> Self {
        let email = noticed.email.reveal().clone();
        Self::Account(AccountMail { email, about: AccountMatter::Attempts, at: Some(noticed.at) })
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
                AccountMatter::NewEmail { .. } => "account_new_email",
                AccountMatter::EmailTaken => "account_email_taken",
                AccountMatter::EmailChanged => "account_email_changed",
                AccountMatter::Test => "account_test",
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
    // A direction that is turned and not turned back would turn what stands after it: our own words, and the address.
    let turns = |c: &char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let letters = text.chars().filter(|c| !turns(c)).map(|c| if c.is_control() { ' ' } else { c });
    let flat: String = letters.take(MAX_TEXT).collect();
    flat.split_whitespace().collect::<Vec<_>>().join(" ")
}
