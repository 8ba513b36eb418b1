//! The content of a cart and the changes a buyer makes to it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use souk_cart_api::{CartField, CartId, MAX_LINES, MAX_QUANTITY, UpdateCart};
use souk_order_api::Order;
use souk_rpc::Actor;
use souk_shipping_api::Address;
use uuid::Uuid;

/// Why a change is refused; nothing is changed then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CartError {
    /// No more lines fit.
    #[error("the cart is full: at most {MAX_LINES} different products")]
    Full,
    /// More units than a line may have.
    #[error("at most {MAX_QUANTITY} of one product")]
    TooMany,
    /// No such line.
    #[error("no such line")]
    NoLine,
}

/// A line as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The line.
    pub id: Uuid,
    /// What.
    pub sku: String,
    /// Units.
    pub quantity: u32,
    /// What it was called when it was added: still to be named when it is no longer sold.
    pub title: String,
    /// Unit price in minor units that the buyer was last shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<i64>,
}

/// What is stored of a cart as a document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// In the order they were added.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Where the confirmation goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Where the goods go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Address>,
    /// Chosen method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_method: Option<String>,
    /// Entered coupons, in stored form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coupons: Vec<String>,
    /// The total in minor units that the buyer was last shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_total: Option<i64>,
    /// The order whose goods were taken out last; what is left can be bought once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bought: Option<Uuid>,
}

/// A cart as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The cart.
    pub id: CartId,
    /// Whose; none for a guest's.
    pub customer_id: Option<Uuid>,
    /// Rises with every change that a caller makes; noting what was shown is none.
    pub version: i64,
    /// Its content.
    pub body: Body,
    /// When it is forgotten.
    pub expires_at: Timestamp,
    /// Looked at after a day or more: time to keep it for another week.
    pub touch_due: bool,
}

impl Stored {
    /// A guest's cart is whose who knows its id; a customer's is theirs alone.
    pub fn is_open_to(&self, actor: &Actor) -> bool {
        match self.customer_id {
            None => true,
            Some(owner) => actor.customer() == Some(owner) || *actor == Actor::System,
        }
    }
}

impl Body {
    /// Units of all lines.
    pub fn units(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity)).sum()
    }

    /// Units of `sku`, over all lines.
    pub fn units_of(&self, sku: &str) -> u32 {
        self.lines.iter().filter(|line| line.sku == sku).map(|line| line.quantity).sum()
    }

    /// Adds units; a SKU already there gets more. `id` is the line's if it is a new one.
    pub fn add(&mut self, id: Uuid, sku: &str, title: &str, quantity: u32) -> Result<(), CartError> {
        if let Some(line) = self.lines.iter_mut().find(|line| line.sku == sku) {
            let sum = line.quantity.saturating_add(quantity);
            if sum > MAX_QUANTITY {
                return Err(CartError::TooMany);
            }
            line.quantity = sum;
            return Ok(());
        }
        if quantity > MAX_QUANTITY {
            return Err(CartError::TooMany);
        }
        if self.lines.len() >= MAX_LINES {
            return Err(CartError::Full);
        }
        self.lines.push(Line { id, sku: sku.to_owned(), quantity, title: title.to_owned(), seen: None });
        Ok(())
    }

    /// Sets the units of a line; 0 removes it. The SKU, when it is to be had in larger number than before.
    pub fn set_quantity(&mut self, id: Uuid, quantity: u32) -> Result<Option<String>, CartError> {
        if quantity == 0 {
            return self.remove(id).map(|()| None);
        }
        if quantity > MAX_QUANTITY {
            return Err(CartError::TooMany);
        }
        let line = self.lines.iter_mut().find(|line| line.id == id).ok_or(CartError::NoLine)?;
        let more = quantity > line.quantity;
        line.quantity = quantity;
        Ok(more.then(|| line.sku.clone()))
    }

    /// Removes a line.
    pub fn remove(&mut self, id: Uuid) -> Result<(), CartError> {
        let before = self.lines.len();
        self.lines.retain(|line| line.id != id);
        if self.lines.len() == before { Err(CartError::NoLine) } else { Ok(()) }
    }

    /// Sets what is given (and was checked).
    pub fn update(&mut self, update: UpdateCart) {
        let UpdateCart { cart_id: _, if_version: _, email, shipping_address, shipping_method, coupons, clear } = update;
        for field in clear {
            match field {
                CartField::Email => self.email = None,
                CartField::ShippingAddress => self.shipping_address = None,
                CartField::ShippingMethod => self.shipping_method = None,
                CartField::Coupons => self.coupons.clear(),
            }
        }
        self.email = email.or(self.email.take());
        self.shipping_address = shipping_address.or(self.shipping_address.take());
        self.shipping_method = shipping_method.or(self.shipping_method.take());
        if let Some(coupons) = coupons {
            self.coupons = coupons;
        }
    }

    /// Takes out what an order bought of it: what was added, or added to, while the payment ran stays.
    /// False when that was done before.
    pub fn take_bought(&mut self, order: &Order) -> bool {
        if self.bought == Some(order.id.0) {
            return false;
        }
        for bought in &order.lines {
            let mut left = bought.quantity;
            for line in self.lines.iter_mut().filter(|line| line.sku == bought.sku) {
                let taken = line.quantity.min(left);
                (line.quantity, left) = (line.quantity - taken, left - taken);
            }
        }
        self.lines.retain(|line| line.quantity > 0);
        self.coupons.retain(|code| !order.coupons.contains(code));
        // The buyer has not seen the sum of the rest yet.
        self.seen_total = None;
        self.bought = Some(order.id.0);
        true
    }

    /// Takes over a guest's cart at login: lines are added as far as they fit, and what this one lacks is filled in.
    pub fn absorb(&mut self, guest: Body) {
        for line in guest.lines {
            let full = self.lines.len() >= MAX_LINES;
            match self.lines.iter_mut().find(|own| own.sku == line.sku) {
                Some(own) => own.quantity = own.quantity.saturating_add(line.quantity).min(MAX_QUANTITY),
                None if full => {}
                None => self.lines.push(line),
            }
        }
        self.email = self.email.take().or(guest.email);
        self.shipping_address = self.shipping_address.take().or(guest.shipping_address);
        self.shipping_method = self.shipping_method.take().or(guest.shipping_method);
        for code in guest.coupons {
            if !self.coupons.contains(&code) && self.coupons.len() < souk_pricing_api::MAX_COUPONS {
                self.coupons.push(code);
            }
        }
        // The buyer has not seen this sum yet.
        self.seen_total = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    #[test]
    fn one_line_per_sku_within_limits() {
        let mut body = Body::default();
        body.add(id(1), "a", "A", 2).unwrap();
        body.add(id(2), "a", "A", 3).unwrap();
        assert_eq!((body.lines.len(), body.lines[0].id, body.units_of("a")), (1, id(1), 5));
        let before = body.clone();
        assert_eq!(body.add(id(3), "a", "A", MAX_QUANTITY), Err(CartError::TooMany));
        assert_eq!(body.add(id(3), "b", "B", MAX_QUANTITY + 1), Err(CartError::TooMany));
        assert_eq!(body.add(id(3), "a", "A", u32::MAX), Err(CartError::TooMany));
        assert_eq!(body.set_quantity(id(9), 1), Err(CartError::NoLine));
        assert_eq!(body.set_quantity(id(9), 0), Err(CartError::NoLine));
        assert_eq!(body.remove(id(9)), Err(CartError::NoLine));
        assert_eq!(body, before, "a refused change changes nothing");
        assert_eq!(body.set_quantity(id(1), 6), Ok(Some("a".into())));
        assert_eq!(body.set_quantity(id(1), 2), Ok(None));
        assert_eq!(body.set_quantity(id(1), 0), Ok(None));
        assert!(body.lines.is_empty());
    }

    #[test]
    fn a_full_cart_takes_more_of_the_same_only() {
        let mut body = Body::default();
        for n in 0..MAX_LINES {
            body.add(id(n as u128), &n.to_string(), "", 1).unwrap();
        }
        assert_eq!(body.add(id(1_000), "one more", "", 1), Err(CartError::Full));
        assert_eq!(body.add(id(1_000), "7", "", 1), Ok(()));
    }

    #[test]
    fn a_customers_cart_is_theirs_alone() {
        let mut cart = Stored {
            id: id(1).into(),
            customer_id: None,
            version: 1,
            body: Body::default(),
            expires_at: Timestamp::UNIX_EPOCH,
            touch_due: false,
        };
        assert!(cart.is_open_to(&Actor::Anonymous) && cart.is_open_to(&Actor::Customer(id(7))));
        cart.customer_id = Some(id(7));
        assert!(cart.is_open_to(&Actor::Customer(id(7))) && cart.is_open_to(&Actor::System));
        assert!(!cart.is_open_to(&Actor::Anonymous) && !cart.is_open_to(&Actor::Customer(id(8))));
    }

    #[test]
    fn what_is_absent_stays() {
        let mut body = Body { email: Some("a@b.c".into()), coupons: vec!["X".into()], ..Body::default() };
        let nothing = UpdateCart::of(id(1).into());
        body.update(UpdateCart { shipping_method: Some("standard".into()), ..nothing.clone() });
        assert_eq!((body.email.as_deref(), body.coupons.len()), (Some("a@b.c"), 1));
        body.update(UpdateCart { coupons: Some(vec![]), ..nothing.clone() });
        assert_eq!((body.shipping_method.as_deref(), body.coupons.len()), (Some("standard"), 0));
        body.update(UpdateCart { clear: vec![CartField::ShippingMethod], ..nothing });
        assert_eq!((body.shipping_method.as_deref(), body.email.as_deref()), (None, Some("a@b.c")));
    }

    fn any_body() -> impl Strategy<Value = Body> {
        prop::collection::vec((0..150u32, 1..MAX_QUANTITY), 0..150).prop_map(|lines| {
            let mut body = Body::default();
            for (n, (sku, quantity)) in lines.into_iter().enumerate() {
                let _full_or_too_many = body.add(id(n as u128), &sku.to_string(), "", quantity);
            }
            body
        })
    }

    proptest! {
        #[test]
        fn absorbing_keeps_the_limits_and_loses_nothing_that_fits(own in any_body(), guest in any_body()) {
            let mut merged = own.clone();
            merged.absorb(guest.clone());
            prop_assert!(merged.lines.len() <= MAX_LINES);
            for line in &own.lines {
                let sum = line.quantity + guest.units_of(&line.sku);
                prop_assert_eq!(merged.units_of(&line.sku), sum.min(MAX_QUANTITY));
            }
            let fits = own.lines.len() + guest.lines.len() <= MAX_LINES;
            prop_assert!(!fits || guest.lines.iter().all(|line| merged.units_of(&line.sku) >= line.quantity));
        }
    }
}
