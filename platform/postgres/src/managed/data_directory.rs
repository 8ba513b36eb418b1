//! Data directory of a cluster, where it lives and as whom it runs: never as root, never below a directory that only root
//! may enter, with a socket path short enough for the kernel.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt, chown},
    path::{Path, PathBuf},
};

use nix::unistd::{User, geteuid};
use uuid::Uuid;

use super::ManagedError;

/// The unprivileged user a server runs as when we are root.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// `None` when we are an ordinary user, who then runs the server as themselves.
    pub(super) fn needed() -> Result<Option<Account>, ManagedError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        for name in ["postgres", "nobody"] {
            if let Ok(Some(user)) = User::from_name(name) {
                return Ok(Some(Account { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }));
            }
        }
        Err(ManagedError::NoAccount)
    }

    /// True when every directory down to `path` lets this account pass. Access lists beyond the mode are not looked at;
    /// at worst that means the fallback where it was not needed.
    fn can_enter(&self, path: &Path) -> bool {
        path.ancestors().filter_map(|dir| fs::metadata(dir).ok()).all(|dir| {
            let shift = match () {
                () if dir.uid() == self.uid => 6,
                () if dir.gid() == self.gid => 3,
                () => 0,
            };
            dir.mode() >> shift & 0o1 != 0
        })
    }
}

/// File in the data directory that remembers a cluster kept elsewhere.
const LOCATION_FILE: &str = "postgres.location";
/// `sun_path` has 108 bytes on Linux and 104 on macOS; some are left for the driver's own checks.
const MAX_SOCKET_PATH: usize = 100;
const SOCKET_FILE: &str = ".s.PGSQL.5432";

/// The directories of one cluster.
#[derive(Clone, Debug)]
pub(super) struct DataDirectory {
    /// Holds everything below; 0700 and the server's.
    pub(super) base: PathBuf,
    /// Set when `base` is not inside the data directory: the file to write once the cluster exists.
    remember_in: Option<PathBuf>,
}

impl DataDirectory {
    /// Decides where the cluster of `data_dir` (absolute, existing) is or will be.
    pub(super) fn of(data_dir: &Path, account: Option<&Account>) -> Result<DataDirectory, ManagedError> {
        let inside = DataDirectory { base: data_dir.join("postgres"), remember_in: None };
        let remembered = data_dir.join(LOCATION_FILE);
        match fs::read_to_string(&remembered) {
            Ok(text) => {
                let directory = DataDirectory { base: PathBuf::from(text.trim()), remember_in: None };
                return match directory.exists() {
                    true => Ok(directory),
                    false => Err(ManagedError::Gone { base: directory.base, remembered }),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ManagedError::io("read", &remembered, error)),
        }
        let Some(account) = account else { return Ok(inside) };
        if account.can_enter(data_dir) {
            return Ok(inside);
        }
        if inside.exists() {
            return Err(ManagedError::Unreachable { base: inside.base, account: account.name.clone() });
        }
        let name = format!("souk-{}", &stable_id(data_dir)[..16]);
        let parents = [PathBuf::from("/var/lib"), std::env::temp_dir(), PathBuf::from("/tmp")];
        for parent in parents {
            if parent.is_dir() && account.can_enter(&parent) {
                return Ok(DataDirectory { base: parent.join(&name), remember_in: Some(remembered) });
            }
        }
        Err(ManagedError::Unreachable { base: data_dir.to_owned(), account: account.name.clone() })
    }

    /// In `base` itself, which the caller remembers.
    pub(super) fn at(base: PathBuf) -> DataDirectory {
        DataDirectory { base, remember_in: None }
    }

    /// Where the cluster of `data_dir` is, when there is one.
    pub(super) fn existing(data_dir: &Path) -> Option<DataDirectory> {
        let base = match fs::read_to_string(data_dir.join(LOCATION_FILE)) {
            Ok(text) => PathBuf::from(text.trim()),
            Err(_) => data_dir.join("postgres"),
        };
        Some(DataDirectory { base, remember_in: None }).filter(DataDirectory::exists)
    }

    /// True when `data_dir` has a cluster, or remembers one that should be elsewhere.
    pub(super) fn is_known(data_dir: &Path) -> bool {
        data_dir.join(LOCATION_FILE).exists() || DataDirectory::existing(data_dir).is_some()
    }

    /// True for a fallback location that no data directory remembers (any more).
    pub(super) fn is_orphan(&self) -> bool {
        self.remember_in.is_some() && self.exists()
    }

    /// Writes down where the cluster is, now that it is there.
    pub(super) fn remember(&self) -> Result<(), ManagedError> {
        let Some(file) = &self.remember_in else { return Ok(()) };
        fs::write(file, format!("{}\n", self.base.display())).map_err(|error| ManagedError::io("write", file, error))
    }

    pub(super) fn exists(&self) -> bool {
        self.pgdata().join("PG_VERSION").is_file()
    }

    /// Major version of the cluster, when there is one.
    pub(super) fn major(&self) -> Option<u32> {
        fs::read_to_string(self.pgdata().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    pub(super) fn pgdata(&self) -> PathBuf {
        self.base.join("pgdata")
    }

    pub(super) fn log_file(&self) -> PathBuf {
        self.base.join("postgres.log")
    }

    /// Directory of the socket: inside when the path is short enough, else one in the temporary directory with a name
    /// derived from the path.
    pub(super) fn socket_dir(&self) -> PathBuf {
        let inside = self.base.join("run");
        if inside.join(SOCKET_FILE).as_os_str().len() < MAX_SOCKET_PATH {
            return inside;
        }
        Path::new("/tmp").join(format!("souk-{}", &stable_id(&self.base)[..16]))
    }
}

/// Same path, same text, on every machine and in every version of ours.
fn stable_id(path: &Path) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, path.as_os_str().as_encoded_bytes()).simple().to_string()
}

/// Makes (or checks) a directory that only the server's user may enter. What another user put there, in a shared
/// temporary directory for instance, is refused.
pub(super) fn private_dir(path: &Path, account: Option<&Account>) -> Result<(), ManagedError> {
    let failed = |error| ManagedError::io("create", path, error);
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let found = fs::symlink_metadata(path).map_err(failed)?;
    let owner = account.map_or(geteuid().as_raw(), |account| account.uid);
    let ours = found.uid() == owner || found.uid() == geteuid().as_raw();
    if !found.is_dir() || !ours || found.mode() & 0o077 != 0 {
        return Err(ManagedError::Foreign { path: path.to_owned() });
    }
    give(path, account)
}

/// Makes `path` the server's.
pub(super) fn give(path: &Path, account: Option<&Account>) -> Result<(), ManagedError> {
    let Some(account) = account else { return Ok(()) };
    chown(path, Some(account.uid), Some(account.gid)).map_err(|error| ManagedError::io("chown", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn long_paths_get_a_short_socket() {
        let short = DataDirectory { base: "/srv/shop/postgres".into(), remember_in: None };
        assert_eq!(short.socket_dir(), Path::new("/srv/shop/postgres/run"));
        let long = DataDirectory { base: format!("/srv/{}", "x".repeat(120)).into(), remember_in: None };
        let dir = long.socket_dir();
        assert!(dir.join(SOCKET_FILE).as_os_str().len() < MAX_SOCKET_PATH, "{dir:?}");
        assert_eq!(dir, long.socket_dir(), "derived, not drawn");
    }

    #[test]
    fn passing_is_judged_for_owner_group_and_others() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let (uid, gid) = {
            let meta = fs::metadata(&inner).unwrap();
            (meta.uid(), meta.gid())
        };
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let account = |uid, gid| Account { name: "x".into(), uid, gid };
        for (mode, owner, group, other) in
            [(0o700, true, false, false), (0o750, true, true, false), (0o701, true, false, true)]
        {
            fs::set_permissions(&inner, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(account(uid, gid + 1).can_enter(&inner), owner, "{mode:o}");
            assert_eq!(account(uid + 1, gid).can_enter(&inner), group, "{mode:o}");
            assert_eq!(account(uid + 1, gid + 1).can_enter(&inner), other, "{mode:o}");
        }
    }

    #[test]
    fn a_directory_open_to_others_or_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(private_dir(&open, None), Err(ManagedError::Foreign { .. })));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert!(matches!(private_dir(&link, None), Err(ManagedError::Foreign { .. })));
        private_dir(&dir.path().join("fresh"), None).unwrap();
        private_dir(&dir.path().join("fresh"), None).unwrap();
    }
}
