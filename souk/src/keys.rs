//! The installation's secrets: one master key, made at the first start and kept in the data directory (or given as
//! `SOUK_MASTER_KEY`); every other key is derived from it, so that there is one thing to back up.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use rand::Rng;
use souk_kernel::Secret;
use souk_rpc::ActorKey;

const FILE: &str = "master.key";

/// Keys derived from the master key.
#[derive(Clone)]
pub struct Keys(Secret<[u8; 32]>);

impl Keys {
    /// From `SOUK_MASTER_KEY` (64 hex digits) if set, else from `data_dir`, where it is made when missing.
    pub fn load(data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(given) = std::env::var_os("SOUK_MASTER_KEY") {
            let given = given.into_string().ok().context("SOUK_MASTER_KEY is not text")?;
            return parse(&given).context("SOUK_MASTER_KEY");
        }
        let file = data_dir.join(FILE);
        if !file.exists() {
            write_new(&file).with_context(|| format!("cannot make {}", file.display()))?;
        }
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        parse(&text).with_context(|| file.display().to_string())
    }

    /// Proves actors between roles.
    pub fn actor(&self) -> ActorKey {
        ActorKey::new(self.derive("souk 2026 actor signatures between roles"))
    }

    /// Guests' order tokens.
    pub fn order_tokens(&self) -> Secret<[u8; 32]> {
        Secret::new(self.derive("souk 2026 order tokens of guests"))
    }

    /// Encrypts payment tokens while their checkouts run.
    pub fn payment_tokens(&self) -> Secret<[u8; 32]> {
        Secret::new(self.derive("souk 2026 payment tokens of running checkouts"))
    }

    /// Positions of their own writes that visitors carry.
    pub fn positions(&self) -> Secret<[u8; 32]> {
        Secret::new(self.derive("souk 2026 log positions carried by visitors"))
    }

    /// Seals what the storefront leaves with browsers for the next page.
    pub fn storefront_cookies(&self) -> Secret<[u8; 32]> {
        Secret::new(self.derive("souk 2026 sealed cookies of the storefront"))
    }

    /// Encrypts identity's signing keys at rest.
    pub fn identity(&self) -> Secret<[u8; 32]> {
        Secret::new(self.derive("souk 2026 key encryption of identity"))
    }

    /// Hashes addresses and sessions for the rates that gateways share.
    pub fn shared_rates(&self) -> [u8; 32] {
        self.derive("souk 2026 subjects of shared rates")
    }

    /// A key for `purpose`, a text that no other key is derived from.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(purpose, self.0.reveal())
    }
}

fn write_new(file: &Path) -> std::io::Result<()> {
    let mut key = [0u8; 32];
    rand::rng().fill_bytes(&mut key);
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(file)?;
    writeln!(file, "{hex}")?;
    file.sync_all()
}

fn parse(text: &str) -> anyhow::Result<Keys> {
    let text = text.trim();
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        bail!("not a key: expected 64 hexadecimal digits");
    }
    let mut key = [0u8; 32];
    for (i, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16)?;
    }
    Ok(Keys(Secret::new(key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_made_once_and_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let first = Keys::load(dir.path()).unwrap();
        let again = Keys::load(dir.path()).unwrap();
        assert_eq!(first.order_tokens(), again.order_tokens());
        assert_ne!(first.order_tokens(), first.identity(), "one key for each purpose");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(dir.path().join(FILE)).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(dir.path().join(FILE), "short").unwrap();
        assert!(Keys::load(dir.path()).is_err());
    }
}
