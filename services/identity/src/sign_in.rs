//! Sign-in with a password: login throttling with known devices. What is counted where, and why in this order:
//! docs/adr/0009-known-devices-and-links-by-mail.md.

use souk_identity_api::{CustomerId, SignIn, SignedIn};
use souk_kernel::Secret;
use souk_rpc::{Cx, subscriber};

use crate::domain::{Counters, Email, OWN, OpaqueToken, TELL_AFTER, own_password};
use crate::error::IdentityError;
use crate::hasher::{HashingSlot, Queue, Verdict};
use crate::service::IdentityService;
use crate::store::{Counted, Credentials, SignInWith};
use crate::token_pair::{TokenPair, secret_bytes};

impl IdentityService {
    /// The answer and its work are the same whether there is such an account or not.
    pub(crate) async fn log_in(&self, cx: &Cx, request: &SignIn) -> Result<SignedIn, IdentityError> {
        // What is no address has no account; refused like a wrong password, without an oracle to ask.
        let email = Email::parse(&request.email).map_err(|_| IdentityError::WrongCredentials)?;
        let keys = self.keys().current().await?;
        let brought = request.device_token.as_ref().and_then(OpaqueToken::parse);
        let device = brought.unwrap_or_else(|| OpaqueToken::new(secret_bytes()));
        let counters = Counters::new(&email, cx.client.map(subscriber), Some(&device.digest()));
        let looked = self.store().look(&email, &device.digest(), &counters).await?;
        if let Some(wait) = looked.wait {
            return Err(IdentityError::TooManyTries(wait));
        }
        // Before the try is counted: who is turned away for load has not tried.
        let slot = self.hasher().slot(Queue::Logins).await?;
        let counted = match looked.known {
            true => self.store().count(&counters.device, OWN).await?,
            false => self.store().count_unknown(&counters).await?,
        };
        if let Counted::Blocked(wait) = counted {
            return Err(IdentityError::TooManyTries(wait));
        }
        let customer = looked.credentials.as_ref().map(|found| found.customer);
        let Some(found) = self.check(slot, looked.credentials, &request.password).await? else {
            if !looked.known && looked.failures.saturating_add(1) >= TELL_AFTER {
                self.tell(customer);
            }
            return Err(IdentityError::WrongCredentials);
        };
        // A token that we did not make is not taken over: an attacker who planted it would be known here.
        let device = if looked.issued { device } else { OpaqueToken::new(secret_bytes()) };
        let forget = match looked.known {
            true => vec![counters.device],
            false => vec![counters.address, counters.fresh, counters.spent],
        };
        let pair = TokenPair::new(self.ids().v4());
        let sign_in = SignInWith {
            customer: found.customer,
            password_hash: &found.password_hash,
            forget: &forget,
            device: &device.digest(),
            session: &pair.stored(),
        };
        let (customer, now) = self.store().sign_in(&sign_in).await?.ok_or(IdentityError::WrongCredentials)?;
        Ok(pair.signed_in(&keys, customer, now, Some(device.text())))
    }

    /// Checks the password of a customer who is signed in already. Counted by itself: neither do tries to sign in keep a
    /// customer from changing the password, nor do guesses of who has stolen a session keep the customer out.
    pub(crate) async fn check_own_password(
        &self,
        customer: CustomerId,
        email: &Email,
        password: &Secret<String>,
    ) -> Result<Credentials, IdentityError> {
        let counters = Counters::new(email, None, None);
        let looked = self.store().look(email, &[0; 32], &counters).await?;
        let slot = self.hasher().slot(Queue::NewPasswords).await?;
        if let Counted::Blocked(wait) = self.store().count(&own_password(customer), OWN).await? {
            return Err(IdentityError::TooManyTries(wait));
        }
        let credentials = looked.credentials.filter(|found| found.customer == customer);
        self.check(slot, credentials, password).await?.ok_or(IdentityError::WrongPassword)
    }

    /// Compares, and replaces a weak hash.
    async fn check(
        &self,
        mut slot: HashingSlot<'_>,
        credentials: Option<Credentials>,
        password: &Secret<String>,
    ) -> Result<Option<Credentials>, IdentityError> {
        let hash = credentials.as_ref().map(|found| found.password_hash.as_str());
        let verdict = slot.verify(password, hash).await?;
        drop(slot);
        match (credentials, verdict) {
            (None, _) | (_, Verdict::Wrong) => Ok(None),
            (found, Verdict::Right) => Ok(found),
            (Some(found), Verdict::RightButWeak(stronger)) => {
                let changed = self.store().upgrade_hash(found.customer, &found.password_hash, &stronger).await?;
                let password_hash = if changed > 0 { stronger } else { found.password_hash };
                Ok(Some(Credentials { customer: found.customer, password_hash }))
            }
        }
    }

    /// Behind the answer's back, which must not take longer when there is a customer to tell.
    fn tell(&self, customer: Option<CustomerId>) {
        let Some(customer) = customer else { return };
        let store = self.store().clone();
        let tell = async move {
            match store.tell(customer).await {
                Ok(true) => {
                    tracing::info!(%customer, "many wrong passwords from unknown devices, the customer is told")
                }
                Ok(false) => {}
                Err(error) => tracing::warn!(%customer, %error, "could not tell a customer of wrong passwords"),
            }
        };
        self.tasks().spawn("identity.tell", souk_trace::scope(souk_trace::current(), tell));
    }
}
