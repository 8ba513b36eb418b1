//! Implementation of the contract; signing in with a password is in `sign_in`, registration and recovery by mail in `links`, another
//! address in `email_change`.
//! Every token pair comes from [`TokenPair`].

use std::future::Future;
use std::sync::Arc;

use async_trait::async_trait;
use souk_db::WalPosition;
use souk_identity_api::{
    AddressId, Confirm, ConfirmEmailChange, CreateStaff, Customer, CustomerId, IdentityApi, Jwks, JwksRequest, Login,
    Logout, MeRequest, PutAddress, RefreshTokens, Register, RemoveAddress, RequestEmailChange, RequestLink, Session,
    SessionRequest, SignIn, SignedIn, Staff, StaffId, UpdateMe,
};
use souk_kernel::{Clock, Ids, Problem, Secret};
use souk_redis::Leases;
use souk_rpc::{Cx, Permission};
use souk_runtime::Tasks;
use souk_shipping_api::Address;

use crate::IdentityDeps;
use crate::domain::{Checks, Email, RefreshToken, SessionToken, check_account};
use crate::error::IdentityError;
use crate::hasher::{Hasher, Queue};
use crate::keys::Keys;
use crate::store::{AccountChange, Kept, SessionCache, Store, Stored};
use crate::token_pair::TokenPair;

/// Layout of sessions in Redis: [`Session`] as JSON. To be raised with it.
const SESSION_LAYOUT: u32 = 1;

/// Accounts, credentials, sessions.
pub struct IdentityService {
    store: Store,
    keys: Keys,
    hasher: Hasher,
    tasks: Tasks,
    clock: Clock,
    ids: Ids,
}

impl IdentityService {
    /// The service. Its signing keys are read at the first need, or by [`IdentityService::prepare`].
    pub fn new(deps: IdentityDeps) -> Arc<Self> {
        let leases = deps.redis.map(|redis| Leases::new(redis, deps.tasks.clone(), "sessions", SESSION_LAYOUT));
        let session_cache = SessionCache(leases.map(|leases| (leases, deps.tasks.clone())));
        let store = Store::new(deps.db).with(session_cache);
        let keys = Keys::new(store.clone(), deps.key_encryption_key);
        let (tasks, clock, ids) = (deps.tasks, deps.clock, deps.ids);
        Arc::new(Self { store, keys, hasher: Hasher::new(), tasks, clock, ids })
    }

    /// Reads the signing keys now, and makes the first one of an installation: so that a wrong key-encryption key stops
    /// the start and not the first login.
    ///
    /// # Errors
    /// 500 when the keys were sealed with another key-encryption key; 503 without database.
    pub async fn prepare(&self) -> Result<(), Problem> {
        self.keys.load().await.map(drop)
    }

    /// Password hashes computed so far: how a test sees that unknown accounts cost as much as known ones.
    #[doc(hidden)]
    pub fn hashes(&self) -> u64 {
        self.hasher.done()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.ids
    }

    pub(crate) async fn customer(&self, at_least: WalPosition, id: CustomerId) -> Result<Customer, IdentityError> {
        // A token outlives what it was given for only after a restore to an earlier moment.
        self.store.customer(at_least, id).await?.ok_or(IdentityError::SessionEnded)
    }

    /// Their later reads see what was written just now.
    async fn wrote(&self, cx: &Cx) {
        cx.wrote(self.store.db().position().await.raw());
    }

    /// Stores an address and says which it is.
    pub(crate) async fn store_address(
        &self,
        cx: &Cx,
        id: Option<AddressId>,
        address: &Address,
        make_default: bool,
    ) -> Result<(AddressId, Customer), IdentityError> {
        let customer = CustomerId(cx.actor.require_customer()?);
        let (id, stored) = match id {
            Some(id) => (id, self.store.change_address(customer, id, address, make_default).await?),
            None => {
                let id = AddressId(self.ids.v7(self.clock.now()));
                (id, self.store.add_address(customer, id, address, make_default).await?)
            }
        };
        self.wrote(cx).await;
        match stored {
            Stored::Done(customer) => Ok((id, customer)),
            Stored::NotFound => Err(IdentityError::NoSuchAddress),
            Stored::Full => Err(IdentityError::TooManyAddresses),
        }
    }

    async fn register_account(&self, request: &Register) -> Result<SignedIn, IdentityError> {
        let (email, name) = check_account(&request.email, request.password.reveal(), &request.name)?;
        let keys = self.keys.current().await?;
        let hash = self.hasher.slot(Queue::NewPasswords).await?.hash(&request.password).await?;
        let id = CustomerId(self.ids.v7(self.clock.now()));
        let pair = TokenPair::new(self.ids.v4());
        let made = self.store.register(id, &email, &name, &hash, &pair.stored()).await;
        let (customer, now) = made.map_err(taken("customer_email"))?;
        tracing::info!(customer = %customer.id, "customer registered");
        Ok(pair.signed_in(&keys, customer, now, None))
    }

    async fn renew(&self, request: &RefreshTokens) -> Result<SignedIn, IdentityError> {
        let spent = RefreshToken::parse(&request.refresh_token).ok_or(IdentityError::RefreshInvalid)?;
        let keys = self.keys.current().await?;
        let pair = TokenPair::new(spent.session);
        let (store, digest, new) = (self.store.clone(), spent.digest(), pair.stored());
        // One task: who brings a spent token and leaves before the answer has still shown that two have it.
        let renewed = self.whole("identity.refresh", async move {
            if let Some(renewed) = store.renew(&digest, &new).await? {
                return Ok(Some(renewed));
            }
            // Two have had this token, and it cannot be told which of them is the customer (RFC 9700, 4.14.2). No grace for
            // races: it would be one for thieves, too.
            if let Some(customer) = store.end(spent.session).await? {
                metrics::counter!("souk_identity_refresh_reused_total").increment(1);
                tracing::warn!(%customer, "a spent or expired refresh token came back, its session was ended");
            }
            Ok(None)
        });
        let (customer, now) = renewed.await?.ok_or(IdentityError::RefreshInvalid)?;
        Ok(pair.signed_in(&keys, customer, now, None))
    }

    async fn log_out(&self, cx: &Cx, request: &Logout) -> Result<(), IdentityError> {
        let mut whose = Vec::from_iter(cx.actor.customer().map(CustomerId));
        let refresh = request.refresh_token.as_ref().and_then(RefreshToken::parse);
        let session = request.session_token.as_ref().and_then(SessionToken::parse);
        let (store, everywhere) = (self.store.clone(), request.everywhere);
        // One task: once its own session is ended, the same request can no longer tell whose others are to end.
        self.whole("identity.logout", async move {
            if let Some(token) = refresh {
                whose.extend(store.end(token.session).await?);
            }
            if let Some(token) = session {
                whose.extend(store.end_by_token(&token.digest()).await?);
            }
            if everywhere {
                whose.sort_unstable();
                whose.dedup();
                for customer in whose {
                    store.end_everywhere(customer).await?;
                }
            }
            Ok(())
        })
        .await
    }

    /// Runs `task` to its end, also when the caller has left.
    async fn whole<T: Send + 'static>(
        &self,
        name: &'static str,
        task: impl Future<Output = Result<T, IdentityError>> + Send + 'static,
    ) -> Result<T, IdentityError> {
        let done = self.tasks.run(name, task).await;
        done.unwrap_or_else(|_| Err(Problem::internal("work on sessions panicked").into()))
    }

    async fn live_session(&self, request: &SessionRequest) -> Result<Session, IdentityError> {
        let token = SessionToken::parse(&request.session_token).ok_or(IdentityError::SessionEnded)?;
        let live = self.store.live_session(&token.digest()).await?.ok_or(IdentityError::SessionEnded)?;
        if let Some(id) = live.unnoted {
            // Noted behind the request's back: a page view does not wait for a commit.
            let store = self.store.clone();
            self.tasks.spawn("identity.prolong", async move {
                if let Err(error) = store.prolong(id).await {
                    tracing::warn!(%error, "could not note that a session is in use");
                }
            });
        }
        Ok(live.session)
    }

    async fn change_account(&self, cx: &Cx, request: &UpdateMe) -> Result<Customer, IdentityError> {
        let id = CustomerId(cx.actor.require_customer()?);
        let me = self.customer(WalPosition::PRIMARY, id).await?;
        let email = Email::parse(&me.email).unwrap_or_else(|_| Email::stored(me.email.clone()));
        let mut checks = Checks::default();
        let name = request.name.as_ref().map(|name| checks.name("/name", name));
        if let Some(new) = &request.new_password {
            checks.password("/new_password", new.reveal(), Some(&email));
            if request.current_password.is_none() {
                checks.wrong("/current_password", "is required for a new password");
            }
        } else if request.current_password.is_some() {
            checks.wrong("/new_password", "is missing");
        }
        checks.done()?;
        let mut hashes = None;
        if let (Some(new), Some(current)) = (&request.new_password, &request.current_password) {
            let old = self.check_own_password(id, &email, current).await?.password_hash;
            hashes = Some((old, self.hasher.slot(Queue::NewPasswords).await?.hash(new).await?));
        }
        let kept = || kept(request.session_token.as_ref(), request.refresh_token.as_ref());
        let password = hashes.as_ref().map(|(old, new)| (old.as_str(), new.as_str(), kept()));
        let change = AccountChange { customer: id, name: name.as_deref(), password };
        let changed = self.store.change(&change).await?.ok_or(IdentityError::ChangedMeanwhile)?;
        self.wrote(cx).await;
        if hashes.is_some() {
            tracing::info!(customer = %id, "password changed, other sessions ended");
        }
        Ok(changed)
    }

    async fn make_staff(&self, cx: &Cx, request: CreateStaff) -> Result<Staff, IdentityError> {
        cx.actor.require(Permission::Accounts)?;
        let (email, name) = check_account(&request.email, request.password.reveal(), &request.name)?;
        if request.permissions.is_empty() {
            return Err(Problem::invalid_field("/permissions", "name at least one").into());
        }
        let mut permissions = Vec::new();
        for permission in request.permissions {
            if !permissions.contains(&permission) {
                permissions.push(permission);
            }
        }
        let names = permissions.iter().map(permission_name).collect::<Result<Vec<_>, _>>()?;
        let hash = self.hasher.slot(Queue::NewPasswords).await?.hash(&request.password).await?;
        let id = StaffId(self.ids.v7(self.clock.now()));
        let staff = Staff { id, email: email.as_str().to_owned(), name, permissions };
        self.store.create_staff(&staff, &hash, &names).await.map_err(taken("staff_email"))?;
        tracing::info!(staff = %id, permissions = ?staff.permissions, by = cx.actor.scope(), "staff account made");
        Ok(staff)
    }
}

#[async_trait]
impl IdentityApi for IdentityService {
    async fn register(&self, cx: &Cx, request: Register) -> Result<SignedIn, Problem> {
        let signed_in = self.register_account(&request).await?;
        self.wrote(cx).await;
        Ok(signed_in)
    }

    async fn request_link(&self, cx: &Cx, request: RequestLink) -> Result<(), Problem> {
        self.send_link(&request).await?;
        self.wrote(cx).await;
        Ok(())
    }

    async fn confirm(&self, cx: &Cx, request: Confirm) -> Result<SignedIn, Problem> {
        let signed_in = self.use_link(&request).await?;
        self.wrote(cx).await;
        Ok(signed_in)
    }

    async fn login(&self, cx: &Cx, request: Login) -> Result<SignedIn, Problem> {
        let Login { email, password } = request;
        self.sign_in(cx, SignIn { email, password, device_token: None }).await
    }

    async fn sign_in(&self, cx: &Cx, request: SignIn) -> Result<SignedIn, Problem> {
        let result = self.log_in(cx, &request).await;
        let outcome = match &result {
            Ok(_) => "ok",
            Err(IdentityError::WrongCredentials) => "wrong",
            Err(IdentityError::TooManyTries(_)) => "throttled",
            Err(IdentityError::Overloaded) => "overloaded",
            Err(_) => "fault",
        };
        metrics::counter!("souk_identity_logins_total", "outcome" => outcome).increment(1);
        Ok(result?)
    }

    async fn refresh(&self, _cx: &Cx, request: RefreshTokens) -> Result<SignedIn, Problem> {
        Ok(self.renew(&request).await?)
    }

    async fn logout(&self, cx: &Cx, request: Logout) -> Result<(), Problem> {
        Ok(self.log_out(cx, &request).await?)
    }

    async fn session(&self, _cx: &Cx, request: SessionRequest) -> Result<Session, Problem> {
        Ok(self.live_session(&request).await?)
    }

    async fn jwks(&self, _cx: &Cx, _request: JwksRequest) -> Result<Jwks, Problem> {
        Ok(self.keys.current().await?.jwks().clone())
    }

    async fn me(&self, cx: &Cx, _request: MeRequest) -> Result<Customer, Problem> {
        let id = CustomerId(cx.actor.require_customer()?);
        Ok(self.customer(WalPosition::from_raw(cx.min_lsn()), id).await?)
    }

    async fn update_me(&self, cx: &Cx, request: UpdateMe) -> Result<Customer, Problem> {
        Ok(self.change_account(cx, &request).await?)
    }

    async fn request_email_change(&self, cx: &Cx, request: RequestEmailChange) -> Result<(), Problem> {
        self.ask_for_email_change(cx, &request).await?;
        self.wrote(cx).await;
        Ok(())
    }

    async fn confirm_email_change(&self, cx: &Cx, request: ConfirmEmailChange) -> Result<Customer, Problem> {
        let changed = self.use_email_change(cx, &request).await?;
        self.wrote(cx).await;
        Ok(changed)
    }

    async fn put_address(&self, cx: &Cx, request: PutAddress) -> Result<Customer, Problem> {
        request.address.check("/address")?;
        let (_, customer) = self.store_address(cx, request.id, &request.address, request.make_default).await?;
        Ok(customer)
    }

    async fn remove_address(&self, cx: &Cx, request: RemoveAddress) -> Result<Customer, Problem> {
        let customer = CustomerId(cx.actor.require_customer()?);
        let removed = self.store.remove_address(customer, request.id).await?;
        self.wrote(cx).await;
        match removed {
            Stored::Done(customer) => Ok(customer),
            Stored::NotFound | Stored::Full => Err(IdentityError::NoSuchAddress.into()),
        }
    }

    async fn create_staff(&self, cx: &Cx, request: CreateStaff) -> Result<Staff, Problem> {
        Ok(self.make_staff(cx, request).await?)
    }
}

/// The session that a caller names as its own, by either of its tokens.
pub(crate) fn kept(session: Option<&Secret<String>>, refresh: Option<&Secret<String>>) -> Kept {
    Kept {
        session: session.and_then(SessionToken::parse).map(|token| token.digest()),
        refresh: refresh.and_then(RefreshToken::parse).map(|token| (token.session, token.digest())),
    }
}

/// A unique constraint on addresses becomes what it means.
fn taken(constraint: &'static str) -> impl Fn(souk_db::DbError) -> IdentityError {
    move |error| match error.is_unique(constraint) {
        true => IdentityError::EmailTaken,
        false => IdentityError::Db(error),
    }
}

/// The name a permission has on the wire, for the table.
fn permission_name(permission: &Permission) -> Result<String, Problem> {
    match serde_json::to_value(permission).map_err(Problem::internal)? {
        serde_json::Value::String(name) => Ok(name),
        other => Err(Problem::internal(format!("a permission is written as {other}"))),
    }
}
