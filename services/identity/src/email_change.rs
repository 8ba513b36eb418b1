//! Change of an account's e-mail address: the password proves the customer, a link of one use the new mailbox, and the old one is
//! told. The link is good only for who is signed in as the customer that asked: sent to a stranger by a typing error, it opens
//! nothing. Why so: docs/adr/0009-known-devices-and-links-by-mail.md.

use souk_identity_api::{ConfirmEmailChange, Customer, CustomerId, RequestEmailChange};
use souk_kernel::Problem;
use souk_rpc::Cx;

use crate::domain::{Checks, Email, OpaqueToken};
use crate::error::IdentityError;
use crate::service::{IdentityService, kept};
use crate::store::NewEmailChange;
use crate::token_pair::secret_bytes;

impl IdentityService {
    /// Has a link sent to the new address, unless enough were.
    pub(crate) async fn ask_for_email_change(
        &self,
        cx: &Cx,
        request: &RequestEmailChange,
    ) -> Result<(), IdentityError> {
        let customer = CustomerId(cx.actor.require_customer()?);
        let me = self.customer(souk_db::WalPosition::PRIMARY, customer).await?;
        let own = Email::parse(&me.email).unwrap_or_else(|_| Email::stored(me.email.clone()));
        let mut checks = Checks::default();
        let email = checks.email("/email", &request.email);
        if email.as_ref() == Some(&own) {
            checks.wrong("/email", "is the address that your account has");
        }
        checks.done()?;
        let email = email.ok_or_else(|| Problem::internal("a wrong address passed its check"))?;
        self.check_own_password(customer, &own, &request.current_password).await?;
        self.store().forget_own_tries(customer).await?;
        let token = OpaqueToken::new(secret_bytes());
        let id = self.ids().v7(self.clock().now());
        let sent =
            self.store().add_email_change(&NewEmailChange { id, customer, email: &email, token: &token }).await?;
        let outcome = if sent { "sent" } else { "enough" };
        metrics::counter!("souk_identity_email_changes_total", "outcome" => outcome).increment(1);
        Ok(())
    }

    /// Uses the link.
    pub(crate) async fn use_email_change(
        &self,
        cx: &Cx,
        request: &ConfirmEmailChange,
    ) -> Result<Customer, IdentityError> {
        let customer = CustomerId(cx.actor.require_customer()?);
        let token = OpaqueToken::parse(&request.token).ok_or(IdentityError::LinkInvalid)?.digest();
        let kept = kept(request.session_token.as_ref(), request.refresh_token.as_ref());
        let changed = match self.store().change_email(customer, &token, &kept).await {
            // Somebody registered with the address meanwhile.
            Err(error) if error.is_unique("customer_email") => None,
            changed => changed?,
        };
        let changed = changed.ok_or(IdentityError::LinkInvalid)?;
        tracing::info!(%customer, "e-mail address changed, other sessions ended");
        Ok(changed)
    }
}
