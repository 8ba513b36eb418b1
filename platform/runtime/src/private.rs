//! File permissions (POSIX modes) of what holds personal data or secrets: for the process's own user, whatever the umask says.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Read and written by its owner.
const FILE: u32 = 0o600;
/// Entered by its owner.
const DIRECTORY: u32 = 0o700;

/// Makes `path` a directory that only its owner may enter. One that is there already, of an older release, is closed to
/// others; directories above it are made as usual.
///
/// # Errors
/// The file system's.
pub fn directory(path: &Path) -> io::Result<()> {
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        fs::create_dir_all(above)?;
    }
    match DirBuilder::new().mode(DIRECTORY).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => close(path, DIRECTORY),
        made => made,
    }
}

/// Opens a file as `options` say; when it is made it is made for its owner only, and one that is there is closed to others.
///
/// # Errors
/// The file system's.
pub fn open(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.mode(FILE).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(FILE))?;
    }
    Ok(file)
}

fn close(path: &Path, mode: u32) -> io::Result<()> {
    match fs::metadata(path)?.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => fs::set_permissions(path, Permissions::from_mode(mode)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_new_and_what_was_open_is_for_its_owner() {
        let dir = std::env::temp_dir().join(format!("souk-private-{}", std::process::id()));
        let (mail, file) = (dir.join("mail"), dir.join("mail").join("a.eml"));
        directory(&mail).unwrap();
        drop(open(OpenOptions::new().create(true).append(true), &file).unwrap());
        assert_eq!((mode(&mail), mode(&file)), (0o700, 0o600));
        fs::set_permissions(&mail, Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        directory(&mail).unwrap();
        drop(open(OpenOptions::new().create(true).append(true), &file).unwrap());
        assert_eq!((mode(&mail), mode(&file)), (0o700, 0o600));
        assert!(directory(&file).is_err(), "a file is no directory");
        fs::remove_dir_all(&dir).unwrap();
    }
}
