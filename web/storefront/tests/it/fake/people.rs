//! Fake of accounts. Sessions are resolved by the gateway in a real shop; [`FakeShop::actor`] does it here.

use jiff::Timestamp;
use souk_cart_api::{AddLine, ClaimCart, UpdateCart};
use souk_identity_api::*;
use souk_import::ProductDraft;
use souk_kernel::{Kind, MailAddress, MailAddressError, Problem, Secret};
use souk_order_api::{Checkout, PaymentMeans};
use souk_rpc::{Actor, Cx};
use souk_shipping_api::Address;

use super::{FakeShop, NOW, State};

impl FakeShop {
    /// Whom a session cookie belongs to.
    pub fn actor(&self, session: Option<&str>) -> Actor {
        let state = self.state();
        session.and_then(|token| state.sessions.get(token)).map_or(Actor::Anonymous, |id| Actor::Customer(*id))
    }

    fn sign_in_as(&self, state: &mut State, customer: Customer) -> SignedIn {
        let token = self.ids.v4().simple().to_string();
        state.sessions.insert(token.clone(), customer.id.0);
        SignedIn {
            customer,
            access_token: Secret::new("jwt".into()),
            expires_in: 600,
            refresh_token: Secret::new("refresh".into()),
            session_token: Secret::new(token),
            device_token: Some(Secret::new("device".into())),
        }
    }

    /// What is newer than the previous release.
    fn unless_previous(&self) -> Result<(), Problem> {
        match self.state().previous_identity {
            true => Err(Problem::unavailable("unknown_method", "an identity of the previous release")),
            false => Ok(()),
        }
    }

    fn with_me<R>(
        &self,
        cx: &Cx,
        act: impl FnOnce(&mut (Customer, String)) -> Result<R, Problem>,
    ) -> Result<R, Problem> {
        let id = cx.actor.require_customer()?;
        let mut state = self.state();
        let me = state.customers.iter_mut().find(|(customer, _)| customer.id.0 == id);
        act(me.ok_or_else(|| Problem::internal("a session without its customer"))?)
    }
}

impl FakeShop {
    /// A customer with an address, an order and a cart with a surprise in it: session and cart.
    #[allow(dead_code)] // for the gallery example
    pub async fn fill(&self) -> Result<(String, String), Problem> {
        let cx = Cx::new("fill", Actor::Anonymous);
        let number = self.state().customers.len();
        let register = Register {
            email: format!("ana{number}@example.com"),
            password: Secret::new("correct horse".into()),
            name: "Ana Example".into(),
        };
        let signed_in = self.register(&cx, register).await?;
        let cx = Cx::new("fill", Actor::Customer(signed_in.customer.id.0));
        let address = Address {
            name: "Ana Example".into(),
            line1: "Marktplatz 1".into(),
            city: "Leipzig".into(),
            postal_code: "04109".into(),
            country: "DE".into(),
            ..Address::default()
        };
        self.put_address(&cx, PutAddress { id: None, address: address.clone(), make_default: true }).await?;
        let cart = self.claim(&cx, ClaimCart { guest_cart_id: None }).await?;
        let some = |skip: usize| {
            let all = self.drafts.iter().flat_map(ProductDraft::offered).filter(|(_, offer)| offer.initial_stock() > 9);
            all.skip(skip * 97).map(|(variant, _)| variant.sku.clone()).next().unwrap()
        };
        let add = |sku: String, quantity| AddLine { cart_id: cart.id, sku, quantity, if_version: None };
        self.add_line(&cx, add(some(number + 1), 1)).await?;
        self.add_line(&cx, add(some(number + 2), 2)).await?;
        let email = Some("ana@example.com".into());
        let update = UpdateCart {
            cart_id: cart.id,
            email,
            shipping_address: Some(address),
            shipping_method: Some("standard".into()),
            coupons: None,
            if_version: None,
            clear: Vec::new(),
        };
        self.update(&cx, update).await?;
        let payment = PaymentMeans { provider: "sandbox".into(), token: "tok_ok".into() };
        let checkout = Checkout { cart_id: cart.id, payment, cart_version: None, expected_total: None };
        self.checkout(&cx.clone().with_key(format!("fill-{number}")), checkout).await?;
        let cart = self.claim(&cx, ClaimCart { guest_cart_id: None }).await?;
        let add = |sku: String, quantity| AddLine { cart_id: cart.id, sku, quantity, if_version: None };
        for (i, quantity) in [(3, 1), (4, 3), (5, 1)] {
            self.add_line(&cx, add(some(number + i), quantity)).await?;
        }
        let mut state = self.state();
        state.prices.insert(some(number + 3), 4_200);
        state.stock.insert(some(number + 4), 2);
        Ok((signed_in.session_token.into_inner(), cart.id.to_string()))
    }
}

fn check_password(pointer: &str, password: &Secret<String>) -> Result<(), Problem> {
    if PASSWORD_CHARS.contains(&password.reveal().chars().count()) {
        return Ok(());
    }
    Err(Problem::invalid_field(pointer, "a password has 8 to 128 characters"))
}

impl FakeShop {
    pub async fn register(&self, _: &Cx, req: Register) -> Result<SignedIn, Problem> {
        check_password("/password", &req.password)?;
        let mut state = self.state();
        if state.customers.iter().any(|(customer, _)| customer.email == req.email) {
            return Err(Problem::conflict("email_taken", "this address has an account"));
        }
        let (id, created_at) = (CustomerId(self.ids.v4()), Timestamp::from_second(NOW).unwrap());
        let customer = Customer { id, email: req.email, name: req.name, addresses: Vec::new(), created_at };
        state.customers.push((customer.clone(), req.password.into_inner()));
        Ok(self.sign_in_as(&mut state, customer))
    }

    pub async fn request_link(&self, _: &Cx, req: RequestLink) -> Result<(), Problem> {
        self.unless_previous()?;
        if !req.email.contains('@') {
            return Err(Problem::invalid_field("/email", "must be an e-mail address"));
        }
        self.state().links.push((req.email, req.name));
        Ok(())
    }

    pub async fn confirm(&self, cx: &Cx, req: Confirm) -> Result<SignedIn, Problem> {
        self.unless_previous()?;
        check_password("/password", &req.password)?;
        let number: Option<usize> = req.token.reveal().strip_prefix("link-").and_then(|n| n.parse().ok());
        let link = number.and_then(|number| self.state().links.get_mut(number).map(std::mem::take));
        let invalid = || Problem::new(Kind::NotFound, "link_invalid", "used or too old");
        let (email, name) = link.filter(|(email, _)| !email.is_empty()).ok_or_else(invalid)?;
        let known = {
            let mut state = self.state();
            let known = state.customers.iter_mut().find(|(customer, _)| customer.email == email);
            known.map(|(customer, password)| {
                *password = req.password.reveal().clone();
                customer.clone()
            })
        };
        match known {
            Some(customer) => Ok(self.sign_in_as(&mut self.state(), customer)),
            None => self.register(cx, Register { email, password: req.password, name }).await,
        }
    }

    pub async fn sign_in(&self, cx: &Cx, req: SignIn) -> Result<SignedIn, Problem> {
        self.unless_previous()?;
        if let Some(device) = req.device_token {
            self.state().devices.push(device.into_inner());
        }
        self.login(cx, Login { email: req.email, password: req.password }).await
    }

    pub async fn login(&self, _: &Cx, req: Login) -> Result<SignedIn, Problem> {
        let mut state = self.state();
        let known =
            state.customers.iter().find(|(c, password)| c.email == req.email && password == req.password.reveal());
        let customer = known.map(|(customer, _)| customer.clone());
        let wrong = || Problem::new(Kind::Unauthenticated, "wrong_credentials", "address or password is wrong");
        let customer = customer.ok_or_else(wrong)?;
        Ok(self.sign_in_as(&mut state, customer))
    }

    pub async fn logout(&self, _: &Cx, req: Logout) -> Result<(), Problem> {
        if let Some(token) = req.session_token {
            self.state().sessions.remove(token.reveal());
        }
        Ok(())
    }

    pub async fn me(&self, cx: &Cx, _: MeRequest) -> Result<Customer, Problem> {
        self.with_me(cx, |(customer, _)| Ok(customer.clone()))
    }

    pub async fn update_me(&self, cx: &Cx, req: UpdateMe) -> Result<Customer, Problem> {
        self.with_me(cx, |(customer, password)| {
            if let Some(new) = req.new_password {
                if req.current_password.is_none_or(|old| old.reveal() != password) {
                    return Err(Problem::invalid_field("/current_password", "this is not your password"));
                }
                check_password("/new_password", &new)?;
                *password = new.into_inner();
            }
            if let Some(name) = req.name {
                customer.name = name;
            }
            Ok(customer.clone())
        })
    }

    pub async fn request_email_change(&self, cx: &Cx, req: RequestEmailChange) -> Result<(), Problem> {
        let wrong = |error: MailAddressError| Problem::invalid_field("/email", error.to_string());
        let email = MailAddress::parse(&req.email).map_err(wrong)?.to_string();
        let id = self.with_me(cx, |(customer, password)| match req.current_password.reveal() == password {
            true => Ok(customer.id.0),
            false => Err(Problem::invalid_field("/current_password", "this is not your password")),
        })?;
        self.state().changes.push((id, email));
        Ok(())
    }

    pub async fn confirm_email_change(&self, cx: &Cx, req: ConfirmEmailChange) -> Result<Customer, Problem> {
        let id = cx.actor.require_customer()?;
        let number: Option<usize> = req.token.reveal().strip_prefix("change-").and_then(|n| n.parse().ok());
        let mut state = self.state();
        let change =
            number.and_then(|n| state.changes.get_mut(n)).filter(|(asker, _)| *asker == id).map(std::mem::take);
        let (_, email) = change.ok_or_else(|| Problem::new(Kind::NotFound, "link_invalid", "used or too old"))?;
        let kept = req.session_token.map(Secret::into_inner);
        state.sessions.retain(|token, whose| *whose != id || Some(token) == kept.as_ref());
        drop(state);
        self.with_me(cx, |(customer, _)| {
            customer.email = email;
            Ok(customer.clone())
        })
    }

    pub async fn put_address(&self, cx: &Cx, req: PutAddress) -> Result<Customer, Problem> {
        let id = req.id.unwrap_or_else(|| AddressId(self.ids.v4()));
        self.with_me(cx, |(customer, _)| {
            let others = std::mem::take(&mut customer.addresses).into_iter().filter(|stored| stored.id != id);
            let stored = StoredAddress { id, is_default: req.make_default, address: req.address };
            customer.addresses = others.chain([stored]).collect();
            Ok(customer.clone())
        })
    }

    pub async fn remove_address(&self, cx: &Cx, req: RemoveAddress) -> Result<Customer, Problem> {
        self.with_me(cx, |(customer, _)| {
            customer.addresses.retain(|stored| stored.id != req.id);
            Ok(customer.clone())
        })
    }
}
