//! Registration and password recovery by a link of one use in a mail: nothing tells who has an account but the mailbox of
//! the one it is about. Why so: docs/adr/0009-known-devices-and-links-by-mail.md.

use souk_identity_api::{Confirm, CustomerId, RequestLink, SignedIn};
use souk_kernel::Problem;

use crate::domain::{Checks, Email, OpaqueToken};
use crate::error::IdentityError;
use crate::hasher::Queue;
use crate::service::IdentityService;
use crate::store::{Confirmed, NewLink};
use crate::token_pair::{TokenPair, secret_bytes};

impl IdentityService {
    /// Has a link sent, unless the address was sent enough of them. No password is hashed: who asks need not own the mailbox.
    pub(crate) async fn send_link(&self, request: &RequestLink) -> Result<(), IdentityError> {
        let mut checks = Checks::default();
        let email = checks.email("/email", &request.email);
        if let Some(password) = &request.password {
            checks.password("/password", password.reveal(), email.as_ref());
        }
        let name = checks.name("/name", &request.name);
        checks.done()?;
        let email = email.ok_or_else(|| Problem::internal("a wrong address passed its check"))?;
        let token = OpaqueToken::new(secret_bytes());
        let link = NewLink { id: self.ids().v7(self.clock().now()), email: &email, name: &name, token: &token };
        let outcome = if self.store().add_link(&link).await? { "sent" } else { "enough" };
        metrics::counter!("souk_identity_links_total", "outcome" => outcome).increment(1);
        Ok(())
    }

    /// Uses a link. A password that may not be chosen leaves it good.
    pub(crate) async fn use_link(&self, request: &Confirm) -> Result<SignedIn, IdentityError> {
        let token = OpaqueToken::parse(&request.token).ok_or(IdentityError::LinkInvalid)?.digest();
        let (email, name) = self.store().link(&token).await?.ok_or(IdentityError::LinkInvalid)?;
        let email = Email::stored(email);
        let mut checks = Checks::default();
        checks.password("/password", request.password.reveal(), Some(&email));
        checks.done()?;
        let keys = self.keys().current().await?;
        let hash = self.hasher().slot(Queue::NewPasswords).await?.hash(&request.password).await?;
        let (pair, device) = (TokenPair::new(self.ids().v4()), OpaqueToken::new(secret_bytes()));
        let confirmed = Confirmed {
            token: &token,
            email: &email,
            name: &name,
            id: CustomerId(self.ids().v7(self.clock().now())),
            password_hash: &hash,
            device: &device.digest(),
            session: &pair.stored(),
        };
        let (customer, now) = self.store().confirm(&confirmed).await?.ok_or(IdentityError::LinkInvalid)?;
        tracing::info!(customer = %customer.id, "password chosen with a link");
        Ok(pair.signed_in(&keys, customer, now, Some(device.text())))
    }
}
