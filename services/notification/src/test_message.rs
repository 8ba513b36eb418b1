//! Test message, `souk mail test`: one mail by the way that all mails take, and each step of it told.

use souk_kernel::{Ids, Problem};

use crate::carrier::Carrier;
use crate::compose::Shop;
use crate::content::{AccountMail, AccountMatter, message_id};
use crate::settings::{MailTransport, ShopConfig};
use crate::smtp::{Listener, NotSent};

/// Sends a test message to `address`, and tells `listener` of each step and what came of it.
///
/// # Errors
/// In words: what is wrong with the settings or the address, or the step that did not go well and what the server said.
pub async fn send_test_message(
    shop: ShopConfig,
    transport: &MailTransport,
    address: &str,
    now: jiff::Timestamp,
    listener: Listener<'_>,
) -> Result<(), String> {
    let refused = |problem: Problem| problem.detail;
    let shop = Shop::new(shop).map_err(refused)?;
    let carrier = Carrier::new(transport, &shop.host).map_err(refused)?;
    let id = message_id("test", Ids::random().v4(), &shop.host);
    let mail = AccountMail { email: address.to_owned(), about: AccountMatter::Test, at: Some(now) };
    let mail = shop.compose_account(&id, now, &mail).map_err(|reason| format!("{address}: {reason}"))?;
    let not_sent = |error: NotSent| error.to_string();
    match &carrier {
        Carrier::Smtp(smtp) => smtp.send_one(&mail, listener).await.map(drop).map_err(not_sent),
        Carrier::Folder(folder) => {
            let folder = folder.display().to_string();
            for sent in carrier.send(vec![mail]).await {
                sent.map_err(not_sent)?;
            }
            listener("mail", &format!("written to {folder}: no mail server is configured ([mail.smtp])"));
            Ok(())
        }
    }
}
