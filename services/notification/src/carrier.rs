//! Mail transport, by which mails leave: into a folder, or to a mail server.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use souk_kernel::Problem;

use crate::compose::Mail;
use crate::settings::MailTransport;
use crate::smtp::{NotSent, Smtp};

/// Connections at once to one server; relays limit them per client.
const CONNECTIONS: usize = 8;

/// A configured transport.
pub enum Carrier {
    /// See [`MailTransport::Folder`].
    Folder(PathBuf),
    /// See [`MailTransport::Smtp`].
    Smtp(Box<Smtp>),
}

impl Carrier {
    /// Connects to no server yet. `shop_host` is the host of the shop's public address.
    ///
    /// # Errors
    /// 422 with what is wrong with the settings.
    pub fn new(transport: &MailTransport, shop_host: &str) -> Result<Self, Problem> {
        Ok(match transport {
            MailTransport::Folder(folder) => Carrier::Folder(folder.clone()),
            MailTransport::Smtp(config) => Carrier::Smtp(Box::new(Smtp::new(config, shop_host)?)),
        })
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
                let each = mails.len().div_ceil(CONNECTIONS).max(1);
                join_all(mails.chunks(each).map(|lane| smtp.send_all(lane))).await.concat()
            }
        }
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
