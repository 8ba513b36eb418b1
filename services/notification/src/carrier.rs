//! Mail transport, by which mails leave: into a folder, or to a mail server.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport, Tokio1Executor};

use crate::compose::Mail;
use crate::{MailTransport, SmtpConfig};

/// Mails under way at once to one server; relays limit connections per client.
const CONCURRENT: usize = 8;
/// Longest wait for each answer of the server.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a mail did not leave.
#[derive(Debug)]
pub enum NotSent {
    /// Trying again may help.
    Later(String),
    /// The server will never take it: no such mailbox, or the like.
    Never(String),
}

/// A configured transport.
pub enum Carrier {
    /// See [`MailTransport::Folder`].
    Folder(PathBuf),
    /// See [`MailTransport::Smtp`].
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
}

impl Carrier {
    /// Connects to no server yet.
    pub fn new(transport: MailTransport) -> Self {
        match transport {
            MailTransport::Folder(folder) => Carrier::Folder(folder),
            MailTransport::Smtp(SmtpConfig { host, port }) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host);
                Carrier::Smtp(builder.port(port).timeout(Some(TIMEOUT)).build())
            }
        }
    }

    /// Sends all; one result for each, in order.
    pub async fn send(&self, mails: Vec<Mail>) -> Vec<Result<(), NotSent>> {
        match self {
            Carrier::Folder(folder) => {
                let (folder, count) = (folder.clone(), mails.len());
                let written = tokio::task::spawn_blocking(move || write_all(&folder, &mails));
                written
                    .await
                    .unwrap_or_else(|error| (0..count).map(|_| Err(NotSent::Later(error.to_string()))).collect())
            }
            Carrier::Smtp(smtp) => {
                let send = |mail: Mail| async move { deliver(smtp, &mail).await };
                stream::iter(mails.into_iter().map(send)).buffered(CONCURRENT).collect().await
            }
        }
    }
}

async fn deliver(smtp: &AsyncSmtpTransport<Tokio1Executor>, mail: &Mail) -> Result<(), NotSent> {
    match smtp.send_raw(&mail.envelope, &mail.bytes).await {
        Ok(_) => Ok(()),
        Err(error) if error.is_permanent() => Err(NotSent::Never(error.to_string())),
        Err(error) => Err(NotSent::Later(error.to_string())),
    }
}

fn write_all(folder: &Path, mails: &[Mail]) -> Vec<Result<(), NotSent>> {
    let made = souk_runtime::private::directory(folder).map_err(|error| error.to_string());
    let write = |mail: &Mail| match &made {
        Ok(()) => write(folder, mail).map_err(|error| NotSent::Later(error.to_string())),
        Err(error) => Err(NotSent::Later(error.clone())),
    };
    mails.iter().map(write).collect()
}

/// The name is made of what never changes about the message, so a repetition replaces the file; renaming makes it appear
/// whole or not at all.
fn write(folder: &Path, mail: &Mail) -> std::io::Result<()> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@') { c } else { '_' };
    let id: String = mail.message_id.chars().map(plain).collect();
    let name = format!("{}-{id}.eml", mail.date.strftime("%Y%m%dT%H%M%SZ"));
    let unfinished = folder.join(format!(".{name}.tmp"));
    // Mails hold names, addresses and links that log people in.
    let mut file =
        souk_runtime::private::open(OpenOptions::new().write(true).create(true).truncate(true), &unfinished)?;
    file.write_all(&mail.bytes)?;
    drop(file);
    std::fs::rename(&unfinished, folder.join(name))
}
