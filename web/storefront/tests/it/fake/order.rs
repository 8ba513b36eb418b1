//! Fakes of carts and orders.

use jiff::Timestamp;
use souk_cart_api::*;
use souk_kernel::{Kind, Problem};
use souk_order_api::*;
use souk_pricing_api::{Quote, QuoteMessage, QuotedLine, ShippingMethod, ShippingMethods};
use souk_rpc::{Cx, UNKNOWN_METHOD};
use uuid::Uuid;

use super::{EUR, FakeShop, NOW, State};

/// Where the fake bank wants to see the buyer.
const BANK: &str = "http://127.0.0.1:1/challenge";
/// A coupon that leaves nothing to pay for goods.
pub const ALL_FREE: &str = "GIFT";
/// The other coupon of the fake: ten percent.
pub const COUPON: &str = "TEN";

const METHODS: [(&str, &str, i64); 3] =
    [("standard", "Standard", 490), ("express", "Express", 1_290), ("pickup", "Pick it up", 0)];

fn gone() -> Problem {
    Problem::not_found("cart")
}

impl FakeShop {
    fn new_cart(&self, state: &mut State) -> Cart {
        let cart = Cart {
            id: CartId(self.ids.v4()),
            version: 1,
            lines: Vec::new(),
            units: 0,
            email: None,
            shipping_address: None,
            shipping_method: None,
            coupons: Vec::new(),
            totals: quote(&[], None, &[]),
            messages: Vec::new(),
            expires_at: Timestamp::from_second(NOW + 604_800).unwrap(),
        };
        state.carts.insert(cart.id, cart.clone());
        cart
    }

    /// The cart with today's prices and stock.
    fn looked_at(&self, state: &mut State, id: CartId) -> Result<Cart, Problem> {
        let mut cart = state.carts.get(&id).cloned().ok_or_else(gone)?;
        cart.messages.clear();
        for line in &mut cart.lines {
            let price = EUR.of(self.price(state, &line.sku));
            let message =
                |code: &str, detail: String| CartMessage { code: code.into(), line_id: Some(line.id), detail };
            if price != line.unit_price {
                cart.messages.push(message("price_changed", format!("the price is now {price}")));
                line.unit_price = price;
            }
            line.total = price.checked_mul(i64::from(line.quantity)).unwrap();
            line.available = self.available(state, &line.sku);
            if line.available == 0 {
                cart.messages.push(message("out_of_stock", "this is sold out".into()));
            } else if line.available < i64::from(line.quantity) {
                cart.messages.push(message("less_in_stock", format!("only {} left", line.available)));
            }
        }
        cart.units = cart.lines.iter().map(|line| u64::from(line.quantity)).sum();
        cart.totals = quote(&cart.lines, cart.shipping_method.as_deref(), &cart.coupons);
        for message in &cart.totals.messages {
            cart.messages.push(CartMessage {
                code: message.code.clone(),
                line_id: None,
                detail: message.detail.clone(),
            });
        }
        state.carts.insert(id, Cart { messages: Vec::new(), ..cart.clone() });
        Ok(cart)
    }
}

fn quote(lines: &[CartLine], method: Option<&str>, coupons: &[String]) -> Quote {
    let subtotal: i64 = lines.iter().map(|line| line.total.amount).sum();
    let valid = coupons.iter().any(|code| code == COUPON);
    let free = coupons.iter().any(|code| code == ALL_FREE);
    let discount = if free {
        subtotal
    } else if valid {
        subtotal / 10
    } else {
        0
    };
    let method = METHODS.iter().find(|(id, ..)| Some(*id) == method);
    let total = subtotal - discount + method.map_or(0, |(.., price)| *price);
    let unknown = coupons.iter().filter(|code| ![COUPON, ALL_FREE].contains(&code.as_str())).map(|code| QuoteMessage {
        code: "coupon_unknown".into(),
        subject: code.clone(),
        detail: format!("there is no coupon {code}"),
    });
    Quote {
        lines: lines
            .iter()
            .map(|line| QuotedLine {
                sku: line.sku.clone(),
                quantity: line.quantity,
                unit_price: line.unit_price,
                total: line.total,
                discount: EUR.of(0),
                tax: EUR.of(line.total.amount * 19 / 119),
                tax_rate: 1_900,
            })
            .collect(),
        unpriced: Vec::new(),
        subtotal: EUR.of(subtotal),
        discount: EUR.of(discount),
        shipping: method.map(|(.., price)| EUR.of(*price)),
        shipping_name: method.map(|(_, name, _)| (*name).to_owned()),
        tax: EUR.of(total * 19 / 119),
        total: EUR.of(total),
        coupons: coupons.iter().filter(|code| [COUPON, ALL_FREE].contains(&code.as_str())).cloned().collect(),
        messages: unknown.collect(),
    }
}

impl FakeShop {
    pub async fn create(&self, cx: &Cx, _: CreateCart) -> Result<Cart, Problem> {
        self.up("cart")?;
        let mut state = self.state();
        let cart = self.new_cart(&mut state);
        if let Some(customer) = cx.actor.customer() {
            state.cart_of.insert(customer, cart.id);
        }
        Ok(cart)
    }
    pub async fn cart(&self, _: &Cx, req: GetCart) -> Result<Cart, Problem> {
        self.up("cart")?;
        self.looked_at(&mut self.state(), req.cart_id)
    }
    pub async fn units(&self, _: &Cx, req: GetCart) -> Result<CartUnits, Problem> {
        self.up("cart")?;
        Ok(CartUnits { units: self.looked_at(&mut self.state(), req.cart_id)?.units })
    }
    pub async fn add_line(&self, _: &Cx, req: AddLine) -> Result<Cart, Problem> {
        self.up("cart")?;
        let mut state = self.state();
        let (product, variant) = self.variant(&req.sku).ok_or_else(|| Problem::not_found("product"))?;
        let (price, available) = (EUR.of(self.price(&state, &req.sku)), self.available(&state, &req.sku));
        if available < i64::from(req.quantity) {
            return Err(Problem::conflict("out_of_stock", "there is not enough of it"));
        }
        let id = self.ids.v4();
        let cart = state.carts.get_mut(&req.cart_id).ok_or_else(gone)?;
        cart.version += 1;
        match cart.lines.iter_mut().find(|line| line.sku == req.sku) {
            Some(line) => line.quantity += req.quantity,
            None => cart.lines.push(CartLine {
                id,
                title: product.title.clone(),
                options: variant.option_values.join(" / "),
                slug: product.slug.clone(),
                image: product.media[0].url.clone().unwrap(),
                quantity: req.quantity,
                unit_price: price,
                total: price,
                available,
                sku: req.sku,
            }),
        }
        self.looked_at(&mut state, req.cart_id)
    }
    pub async fn set_quantity(&self, _: &Cx, req: SetQuantity) -> Result<Cart, Problem> {
        let mut state = self.state();
        let cart = state.carts.get_mut(&req.cart_id).ok_or_else(gone)?;
        let line =
            cart.lines.iter_mut().find(|line| line.id == req.line_id).ok_or_else(|| Problem::not_found("line"))?;
        if i64::from(req.quantity) > line.available {
            return Err(Problem::conflict("out_of_stock", "there is not enough of it"));
        }
        line.quantity = req.quantity;
        cart.version += 1;
        self.looked_at(&mut state, req.cart_id)
    }
    pub async fn remove_line(&self, _: &Cx, req: RemoveLine) -> Result<Cart, Problem> {
        let mut state = self.state();
        let cart = state.carts.get_mut(&req.cart_id).ok_or_else(gone)?;
        let before = cart.lines.len();
        cart.lines.retain(|line| line.id != req.line_id);
        if cart.lines.len() == before {
            return Err(Problem::not_found("line"));
        }
        cart.version += 1;
        self.looked_at(&mut state, req.cart_id)
    }
    pub async fn update(&self, _: &Cx, req: UpdateCart) -> Result<Cart, Problem> {
        let mut state = self.state();
        let cart = state.carts.get_mut(&req.cart_id).ok_or_else(gone)?;
        if let Some(method) = &req.shipping_method
            && !METHODS.iter().any(|(id, ..)| id == method)
        {
            return Err(Problem::invalid_field("/shipping_method", "there is no such shipping method"));
        }
        let entered = req
            .coupons
            .iter()
            .flatten()
            .find(|code| ![COUPON, ALL_FREE].contains(&code.as_str()) && !cart.coupons.contains(code));
        if let Some(code) = entered {
            let detail = format!("there is no coupon {code}");
            return Err(Problem::invalid_fields("coupon_unknown", detail, Vec::new()));
        }
        cart.version += 1;
        cart.email = req.email.or(cart.email.take());
        cart.shipping_address = req.shipping_address.or(cart.shipping_address.take());
        cart.shipping_method = req.shipping_method.or(cart.shipping_method.take());
        cart.coupons = req.coupons.unwrap_or(std::mem::take(&mut cart.coupons));
        self.looked_at(&mut state, req.cart_id)
    }
    pub async fn shipping_methods(&self, _: &Cx, _: GetCart) -> Result<ShippingMethods, Problem> {
        let method = |(id, name, price): (&str, &str, i64)| ShippingMethod {
            id: id.into(),
            name: name.into(),
            price: EUR.of(price),
        };
        Ok(ShippingMethods { items: METHODS.into_iter().map(method).collect() })
    }
    pub async fn claim(&self, cx: &Cx, req: ClaimCart) -> Result<Cart, Problem> {
        let customer = cx.actor.require_customer()?;
        let mut state = self.state();
        let guest = req.guest_cart_id.and_then(|id| state.carts.remove(&id));
        let own = match state.cart_of.get(&customer).copied() {
            Some(id) => id,
            None => self.new_cart(&mut state).id,
        };
        state.cart_of.insert(customer, own);
        let lines = guest.map(|cart| cart.lines).unwrap_or_default();
        state.carts.get_mut(&own).unwrap().lines.extend(lines);
        self.looked_at(&mut state, own)
    }
}

impl FakeShop {
    pub async fn checkout(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, Problem> {
        assert!(req.expected_total.is_none(), "an order of before knows no such field");
        self.checkout_of(cx, req)
    }
    pub async fn buy(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, Problem> {
        if self.state().old_orders {
            return Err(Problem::new(Kind::Internal, UNKNOWN_METHOD, "an order of the release before"));
        }
        self.checkout_of(cx, req)
    }
    pub async fn order(&self, cx: &Cx, req: GetOrder) -> Result<Order, Problem> {
        let state = self.state();
        let found = state.orders.iter().find(|(order, _)| order.id == req.id);
        let visible = found.filter(|(order, token)| {
            Some(token) == req.token.as_ref() || order.customer_id.is_some() && order.customer_id == cx.actor.customer()
        });
        visible.map(|(order, _)| order.clone()).ok_or_else(|| Problem::not_found("order"))
    }
    pub async fn mine(&self, cx: &Cx, _: ListOrders) -> Result<OrderPage, Problem> {
        let customer = cx.actor.require_customer()?;
        let state = self.state();
        let mine = state.orders.iter().rev().filter(|(order, _)| order.customer_id == Some(customer));
        Ok(OrderPage { items: mine.map(|(order, _)| order.clone()).collect(), next_cursor: None })
    }
    pub async fn cancel(&self, cx: &Cx, req: CancelOrder) -> Result<Order, Problem> {
        let mut state = self.state();
        let own = |order: &Order| order.customer_id.is_some() && order.customer_id == cx.actor.customer();
        let found = state
            .orders
            .iter_mut()
            .enumerate()
            .find(|(_, (order, token))| order.id == req.id && (own(order) || req.token.as_ref() == Some(token)));
        let (at, (order, _)) = found.ok_or_else(|| Problem::not_found("order"))?;
        if order.status == OrderStatus::Pending {
            order.status = OrderStatus::Failed;
            let order = order.clone();
            state.taken.retain(|_, taken| *taken != at);
            return Ok(order);
        }
        if order.status != OrderStatus::Confirmed {
            return Err(Problem::conflict("order_not_cancellable", "this order is on its way"));
        }
        (order.status, order.payment_status) = (OrderStatus::Cancelled, OrderPayment::Refunded);
        Ok(order.clone())
    }
}

impl FakeShop {
    fn checkout_of(&self, cx: &Cx, req: Checkout) -> Result<CheckoutReply, Problem> {
        let key = cx.idempotency_key.clone().expect("the storefront sends a key").to_string();
        let mut state = self.state();
        if let Some(outcome) = state.replies.get(&key) {
            let (order, token) = state.orders[outcome.clone()?].clone();
            return Ok(CheckoutReply { order, token, action_url: None });
        }
        let outcome = self.place(cx, &mut state, &req);
        state.replies.insert(key, outcome.clone());
        let (order, token) = state.orders[outcome?].clone();
        let action = req.payment.token == "tok_requires_action";
        Ok(CheckoutReply { order, token, action_url: action.then(|| BANK.into()) })
    }

    fn place(&self, cx: &Cx, state: &mut State, req: &Checkout) -> Result<usize, Problem> {
        if let Some(at) = state.taken.get(&req.cart_id).filter(|_| !state.old_orders) {
            let (order, token) = &state.orders[*at];
            let pending = order.status == OrderStatus::Pending;
            let code = if pending { "checkout_in_progress" } else { "cart_bought" };
            let action_url = pending.then(|| BANK.into());
            let told = CartOrder { order_id: order.id, token: token.clone(), action_url };
            return Err(Problem::conflict(code, "this cart is being bought").with_data(told));
        }
        let cart = self.looked_at(state, req.cart_id)?;
        let expected = CartState { version: req.cart_version, total: req.expected_total };
        let actual = CartState { version: Some(cart.version), total: Some(cart.totals.total) };
        if req.expected_total.is_some() && expected != actual {
            let changed = CartChanged { expected, actual, messages: Vec::new() };
            return Err(Problem::conflict("cart_changed", "the cart was changed").with_data(changed));
        }
        let incomplete = || Problem::conflict("cart_incomplete", "something is missing in this cart");
        if cart.lines.is_empty() {
            return Err(incomplete());
        }
        if cart.messages.iter().any(|message| message.code.ends_with("_stock")) {
            return Err(Problem::conflict("out_of_stock", "something was sold in the meantime"));
        }
        let declined = |detail: &str| Err(Problem::new(Kind::Declined, "payment_declined", detail));
        match req.payment.token.as_str() {
            "tok_declined" => return declined("the bank declined the payment"),
            "tok_insufficient_funds" => return declined("the card has not enough funds"),
            "tok_down" => return Err(Problem::unavailable("provider_down", "the sandbox is down")),
            _ => {}
        }
        let pending = matches!(req.payment.token.as_str(), "tok_slow" | "tok_requires_action");
        let at = Timestamp::from_second(NOW).unwrap();
        let line = |line: &CartLine| OrderLine {
            product_id: Uuid::nil(),
            sku: line.sku.clone(),
            title: line.title.clone(),
            options: line.options.clone(),
            image: line.image.clone(),
            slug: line.slug.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total,
            discount: EUR.of(0),
            tax: EUR.of(0),
            tax_rate: 1_900,
        };
        let order = Order {
            id: OrderId(self.ids.v7(at)),
            number: format!("S-{}", 1_000_001 + state.orders.len()),
            status: if pending { OrderStatus::Pending } else { OrderStatus::Confirmed },
            payment_status: if pending { OrderPayment::None } else { OrderPayment::Captured },
            customer_id: cx.actor.customer(),
            email: cart.email.clone().ok_or_else(incomplete)?,
            shipping_address: cart.shipping_address.clone().ok_or_else(incomplete)?,
            shipping_name: cart.totals.shipping_name.clone().ok_or_else(incomplete)?,
            lines: cart.lines.iter().map(line).collect(),
            coupons: cart.coupons.clone(),
            subtotal: cart.totals.subtotal,
            discount: cart.totals.discount,
            shipping: cart.totals.shipping.ok_or_else(incomplete)?,
            tax: cart.totals.tax,
            total: cart.totals.total,
            failure: None,
            shipments: Vec::new(),
            version: 1,
            placed_at: at,
            updated_at: at,
        };
        state.orders.push((order, self.ids.v4().simple().to_string()));
        let at = state.orders.len() - 1;
        state.taken.insert(req.cart_id, at);
        if !pending {
            state.carts.remove(&req.cart_id);
            state.cart_of.retain(|_, cart| *cart != req.cart_id);
        }
        Ok(at)
    }
}
