//! Fakes of the services a checkout calls, in memory: they keep books that tests look at, and misbehave on request. Each is
//! idempotent under its key as the real one is.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use souk_cart_api as cart;
use souk_inventory_api as inventory;
use souk_kernel::{Currency, Problem};
use souk_payment_api as payment;
use souk_pricing_api as pricing;
use souk_rpc::Cx;
use souk_shipping_api::Address;
use uuid::Uuid;

type Result<T> = std::result::Result<T, Problem>;

/// Everything beside the order service.
#[derive(Default)]
pub struct Neighbours {
    /// Units of the one SKU.
    pub stock: Mutex<i64>,
    pub held: Mutex<HashMap<Uuid, inventory::ReservationStatus>>,
    pub payments: Mutex<HashMap<Uuid, payment::Payment>>,
    pub charges: AtomicU32,
    /// A cart whose buyer has the address `bad@example.org`.
    pub bad_cart: Mutex<Option<Uuid>>,
    /// The cart is empty or unknown.
    pub no_cart: Mutex<bool>,
    /// How often the next calls of a method get no answer although they happened: `authorise`, `capture`, ...
    pub lost: Mutex<HashMap<&'static str, u32>>,
    /// Methods that are refused, for good.
    pub forbidden: Mutex<HashSet<&'static str>>,
    /// Carts come with a coupon, and what was redeemed under which key.
    pub with_coupon: Mutex<bool>,
    pub redeemed: Mutex<HashSet<String>>,
    /// What carts cost.
    pub total: Mutex<Option<i64>>,
    /// Methods that never return: the process dies there.
    pub stuck: Mutex<Option<&'static str>>,
}

impl Neighbours {
    fn allows(&self, method: &'static str) -> Result<()> {
        match self.forbidden.lock().unwrap().contains(method) {
            true => Err(Problem::conflict("forbidden", method)),
            false => Ok(()),
        }
    }

    async fn trouble(&self, method: &'static str) -> Result<()> {
        if *self.stuck.lock().unwrap() == Some(method) {
            std::future::pending::<()>().await;
        }
        let mut lost = self.lost.lock().unwrap();
        if let Some(left) = lost.get_mut(method).filter(|left| **left > 0) {
            *left -= 1;
            return Err(Problem::timeout(method));
        }
        Ok(())
    }

    /// The buyer completes all payments at the provider that wait for that.
    pub fn complete(&self) {
        for payment in self.payments.lock().unwrap().values_mut() {
            if payment.status == payment::PaymentStatus::RequiresAction {
                payment.status = payment::PaymentStatus::Authorised;
            }
        }
    }

    pub fn captured(&self) -> i64 {
        self.payments.lock().unwrap().values().map(|p| p.captured.amount - p.refunded.amount).sum()
    }

    pub fn statuses(&self) -> Vec<inventory::ReservationStatus> {
        self.held.lock().unwrap().values().copied().collect()
    }
}

fn eur(amount: i64) -> souk_kernel::Money {
    Currency::EUR.of(amount)
}

/// Carts.
impl Neighbours {
    pub async fn for_checkout(&self, cx: &Cx, req: cart::GetCart) -> Result<cart::CheckoutCart> {
        if *self.no_cart.lock().unwrap() {
            return Err(Problem::not_found("cart"));
        }
        let bad = *self.bad_cart.lock().unwrap() == Some(req.cart_id.0);
        let line = pricing::QuotedLine {
            sku: "MUG".into(),
            quantity: 2,
            unit_price: eur(1000),
            total: eur(2000),
            discount: eur(0),
            tax: eur(319),
            tax_rate: 1900,
        };
        Ok(cart::CheckoutCart {
            id: req.cart_id,
            version: 1,
            customer_id: cx.actor.customer(),
            purchase: None,
            lines: vec![cart::CheckoutLine {
                product_id: Uuid::from_u128(1),
                sku: "MUG".into(),
                title: "Mug".into(),
                options: String::new(),
                image: String::new(),
                slug: "mug".into(),
                quantity: 2,
            }],
            email: if bad { "bad@example.org" } else { "buyer@example.org" }.into(),
            shipping_address: Address {
                name: "Ada Lovelace".into(),
                line1: "Unter den Linden 1".into(),
                city: "Berlin".into(),
                postal_code: "10117".into(),
                country: "DE".into(),
                ..Address::default()
            },
            shipping_method: "standard".into(),
            quote: pricing::Quote {
                lines: vec![line],
                unpriced: vec![],
                subtotal: eur(2000),
                discount: eur(0),
                shipping: Some(eur(490)),
                shipping_name: Some("Standard".into()),
                tax: eur(319),
                total: eur(self.total.lock().unwrap().unwrap_or(2490)),
                coupons: if *self.with_coupon.lock().unwrap() { vec!["TEN".into()] } else { vec![] },
                messages: vec![],
            },
        })
    }
}

/// Stock.
impl Neighbours {
    pub async fn reserve(&self, _: &Cx, req: inventory::Reserve) -> Result<inventory::Reservation> {
        let status = {
            let (mut held, mut stock) = (self.held.lock().unwrap(), self.stock.lock().unwrap());
            match held.get(&req.key) {
                Some(status) => *status,
                None if *stock < 2 => return Err(Problem::conflict("out_of_stock", "sold out")),
                None => {
                    *stock -= 2;
                    held.insert(req.key, inventory::ReservationStatus::Held);
                    inventory::ReservationStatus::Held
                }
            }
        };
        self.trouble("reserve").await?;
        Ok(inventory::Reservation { key: req.key, status })
    }
    pub async fn allocate(&self, _: &Cx, req: inventory::ByKey) -> Result<inventory::Reservation> {
        self.allows("allocate")?;
        {
            let mut held = self.held.lock().unwrap();
            if held.get(&req.key) == Some(&inventory::ReservationStatus::Released) {
                return Err(Problem::conflict("reservation_gone", "expired"));
            }
            held.insert(req.key, inventory::ReservationStatus::Allocated);
        }
        self.trouble("allocate").await?;
        Ok(inventory::Reservation { key: req.key, status: inventory::ReservationStatus::Allocated })
    }
    pub async fn release(&self, _: &Cx, req: inventory::ByKey) -> Result<inventory::Reservation> {
        self.allows("release")?;
        let before = self.held.lock().unwrap().insert(req.key, inventory::ReservationStatus::Released);
        if matches!(before, Some(inventory::ReservationStatus::Held | inventory::ReservationStatus::Allocated)) {
            *self.stock.lock().unwrap() += 2;
        }
        self.trouble("release").await?;
        Ok(inventory::Reservation { key: req.key, status: inventory::ReservationStatus::Released })
    }
}

/// Money.
impl Neighbours {
    pub async fn authorise(&self, _: &Cx, req: payment::Authorise) -> Result<payment::Payment> {
        let made = {
            let mut payments = self.payments.lock().unwrap();
            let fresh = !payments.contains_key(&req.payment_id.0);
            if fresh {
                self.charges.fetch_add(1, Ordering::SeqCst);
            }
            let declined = req.token == "tok_declined";
            let asks = req.token == "tok_requires_action";
            let status = match (declined, asks) {
                (true, _) => payment::PaymentStatus::Declined,
                (_, true) => payment::PaymentStatus::RequiresAction,
                _ => payment::PaymentStatus::Authorised,
            };
            let new = payment::Payment {
                id: req.payment_id,
                order_id: req.order_id,
                provider: req.provider,
                provider_ref: None,
                status,
                authorised: if declined { eur(0) } else { req.amount },
                captured: eur(0),
                refunded: eur(0),
                decline_code: declined.then(|| "declined".into()),
                action_url: asks.then(|| "https://bank.example/3ds".into()),
                created_at: jiff::Timestamp::UNIX_EPOCH,
            };
            payments.entry(req.payment_id.0).or_insert(new).clone()
        };
        self.trouble("authorise").await?;
        Ok(made)
    }
    pub async fn capture(&self, _: &Cx, req: payment::ByPayment) -> Result<payment::Payment> {
        self.allows("capture")?;
        let taken = {
            let mut payments = self.payments.lock().unwrap();
            let found = payments.get_mut(&req.payment_id.0).ok_or_else(|| Problem::not_found("payment"))?;
            if found.status == payment::PaymentStatus::Voided {
                return Err(Problem::conflict("payment_voided", "given back"));
            }
            found.captured = found.authorised;
            found.status = payment::PaymentStatus::Captured;
            found.clone()
        };
        self.trouble("capture").await?;
        Ok(taken)
    }
    pub async fn void(&self, _: &Cx, req: payment::VoidPayment) -> Result<payment::Payment> {
        self.allows("void")?;
        let mut payments = self.payments.lock().unwrap();
        let found = payments.get_mut(&req.payment_id.0).ok_or_else(|| Problem::not_found("payment"))?;
        if matches!(found.status, payment::PaymentStatus::Authorised | payment::PaymentStatus::RequiresAction) {
            found.status = payment::PaymentStatus::Voided;
        }
        Ok(found.clone())
    }
    pub async fn refund(&self, _: &Cx, req: payment::Refund) -> Result<payment::Payment> {
        self.allows("refund")?;
        let mut payments = self.payments.lock().unwrap();
        let found = payments.get_mut(&req.payment_id.0).ok_or_else(|| Problem::not_found("payment"))?;
        found.refunded = found.captured;
        found.status = payment::PaymentStatus::Refunded;
        Ok(found.clone())
    }
    pub async fn by_order(&self, _: &Cx, req: payment::ByOrder) -> Result<payment::Payments> {
        let payments = self.payments.lock().unwrap();
        Ok(payment::Payments { items: payments.values().filter(|p| p.order_id == req.order_id).cloned().collect() })
    }
}

/// Coupons.
impl Neighbours {
    pub async fn redeem(&self, _: &Cx, req: pricing::Redeem) -> Result<pricing::Redeemed> {
        self.redeemed.lock().unwrap().insert(req.key);
        Ok(pricing::Redeemed { coupons: req.coupons })
    }
    pub async fn unredeem(&self, _: &Cx, req: pricing::Unredeem) -> Result<pricing::Redeemed> {
        self.allows("unredeem")?;
        self.redeemed.lock().unwrap().remove(&req.key);
        Ok(pricing::Redeemed { coupons: vec![] })
    }
}
