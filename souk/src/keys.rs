//! The installation's secrets: one master key, made at the first start and kept in the data directory (or given as
//! `SOUK_MASTER_KEY`); every other key is derived from it, so that there is one thing to back up.
//!
//! Beside a database that has seen a key no other is ever made or taken: logins, guests' links and calls between roles would
//! break one by one. The database keeps a fingerprint (`installation.master_key`), which tells a lost key from a first start.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, bail};
use rand::Rng;
use souk_db::{Db, DbError, Migrations, RowExt};
use souk_kernel::Secret;
use souk_rpc::ActorKey;

const FILE: &str = "master.key";

/// Where the database keeps the fingerprint. A row without one: the shop is older than fingerprints.
pub const MIGRATIONS: Migrations = Migrations {
    schema: "installation",
    files: &[("0001_master_key", include_str!("../migrations/0001_master_key.sql"))],
};
/// What services may do with it.
pub const RIGHTS: (&str, &str, &str) = ("installation", "master_key", "SELECT, INSERT, UPDATE");
const SEEN: &str = "select fingerprint from installation.master_key";
const CLAIM: &str = "insert into installation.master_key (fingerprint) values ($1)
    on conflict (single) do update set fingerprint = excluded.fingerprint where master_key.fingerprint is null";

/// Keys derived from the master key.
#[derive(Clone)]
pub struct Keys(Secret<[u8; 32]>);

impl Keys {
    /// From `SOUK_MASTER_KEY` (64 hex digits) if set, else from `data_dir`; none when there is none.
    ///
    /// # Errors
    /// What is there is no key, or cannot be read.
    pub fn find(data_dir: &Path) -> anyhow::Result<Option<Self>> {
        if let Some(given) = std::env::var_os("SOUK_MASTER_KEY") {
            let given = given.into_string().ok().context("SOUK_MASTER_KEY is not text")?;
            return parse(&given).context("SOUK_MASTER_KEY").map(Some);
        }
        let file = data_dir.join(FILE);
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            read => read.with_context(|| format!("cannot read {}", file.display()))?,
        };
        parse(&text).with_context(|| file.display().to_string()).map(Some)
    }

    /// The same; made when missing, unless a database of its own lies in `data_dir`.
    ///
    /// # Errors
    /// As above; the key is lost.
    pub fn load(data_dir: &Path) -> anyhow::Result<Self> {
        if let Some(found) = Self::find(data_dir)? {
            return Ok(found);
        }
        anyhow::ensure!(!souk_postgres::Managed::exists(data_dir), lost(data_dir));
        Self::make(data_dir)
    }

    /// A new one in `data_dir`, or the one that another process has made there meanwhile.
    fn make(data_dir: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data_dir).with_context(|| format!("cannot make {}", data_dir.display()))?;
        let file = data_dir.join(FILE);
        write_new(&file).with_context(|| format!("cannot make {}", file.display()))?;
        Self::find(data_dir)?.with_context(|| format!("{} vanished", file.display()))
    }

    /// Compares a key with what the database has seen, and lets the database remember the first one. Without a key one is
    /// made, for a database that has seen none.
    ///
    /// # Errors
    /// The key is lost, or another installation's; the database's.
    pub async fn settled(found: Option<Self>, data_dir: &Path, db: &Db) -> anyhow::Result<Self> {
        let seen = db.primary().query(SEEN, &[]).await.map_err(before_fingerprints)?;
        let keys = match found {
            Some(keys) => keys,
            None if seen.is_empty() => Self::make(data_dir)?,
            None => bail!(lost(data_dir)),
        };
        let own = keys.fingerprint();
        let known: Option<String> = seen.first().map(|row| row.get_col("fingerprint")).transpose()?.flatten();
        let known = match known {
            Some(known) => known,
            None => {
                db.write_one(CLAIM, &[&own]).await?;
                db.primary().query_one(SEEN, &[]).await?.get_col("fingerprint")?
            }
        };
        anyhow::ensure!(known == own, wrong(data_dir, &own, &known));
        Ok(keys)
    }

    /// Tells keys apart without telling them.
    fn fingerprint(&self) -> String {
        let derived = self.derive("souk 2026 fingerprint of the master key");
        derived[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Proves actors between roles.
    pub fn actor(&self) -> ActorKey {
        ActorKey::new(self.derive("souk 2026 actor signatures between roles"))
    }

    /// Positions of their own writes that visitors carry.
    pub fn positions(&self) -> Secret<[u8; 32]> {
        Secret::new(self.derive("souk 2026 log positions carried by visitors"))
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

fn lost(data_dir: &Path) -> String {
    format!(
        "the master key is lost: there is a database, and no {}. Bring the key back from a backup (the file, or          SOUK_MASTER_KEY); with another key nobody stays logged in and links in mails end. To give the shop a new key in spite          of that see docs/operations.md",
        data_dir.join(FILE).display()
    )
}

fn wrong(data_dir: &Path, own: &str, known: &str) -> String {
    let from = match std::env::var_os("SOUK_MASTER_KEY") {
        Some(_) => "SOUK_MASTER_KEY".to_owned(),
        None => data_dir.join(FILE).display().to_string(),
    };
    format!(
        "the master key in {from} is not this database's: its fingerprint is {own}, and the database knows {known}. Give this          process the key that the others have, or another database; see docs/operations.md"
    )
}

/// The table comes with `souk migrate`; the old tables say nothing of keys.
fn before_fingerprints(error: DbError) -> anyhow::Error {
    anyhow::Error::from(error)
        .context("the database cannot be asked which master key it knows: run `souk migrate` first")
}

/// Whole or not at all: several processes may be at their first start.
fn write_new(file: &Path) -> std::io::Result<()> {
    let mut key = [0u8; 32];
    rand::rng().fill_bytes(&mut key);
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = std::path::PathBuf::from(name);
    let mut written =
        souk_runtime::private::open(std::fs::OpenOptions::new().write(true).create(true).truncate(true), &unfinished)?;
    writeln!(written, "{hex}")?;
    written.sync_all()?;
    // Unlike a renaming this does not replace a key that is there.
    let linked = match std::fs::hard_link(&unfinished, file) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    };
    std::fs::remove_file(&unfinished)?;
    linked
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
        assert_eq!(first.derive("one"), again.derive("one"));
        assert_ne!(first.derive("one"), first.derive("another"), "one key for each purpose");
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(dir.path().join(FILE)).unwrap());
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing unfinished is left");
        assert_eq!(first.fingerprint(), again.fingerprint());
        assert_eq!(first.fingerprint().len(), 16);
        std::fs::write(dir.path().join(FILE), "short").unwrap();
        assert!(Keys::load(dir.path()).is_err());
    }

    #[test]
    fn none_is_made_beside_a_database() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = dir.path().join("postgres").join("pgdata");
        std::fs::create_dir_all(&cluster).unwrap();
        std::fs::write(cluster.join("PG_VERSION"), "15\n").unwrap();
        let told = Keys::load(dir.path()).err().unwrap().to_string();
        assert!(told.contains("master key is lost") && told.contains("master.key"), "{told}");
        assert!(!dir.path().join(FILE).exists());
    }
}
