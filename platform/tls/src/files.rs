//! Certificate files, where they lie and how they are read: PEM files in a folder of our own making, or mounted as
//! cert-manager writes them.

use std::io::Read;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::TlsError;

/// Bytes of one file: a chain of certificates has some thousands, all authorities that a system knows a quarter of a million;
/// a device or a log put here by mistake has no end.
const MAX_FILE: u64 = 1024 * 1024;

/// A certificate (its chain after it), its key, and the authority that others are judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// PEM, the own certificate first.
    pub certificate: PathBuf,
    /// PEM, PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
    /// PEM, one authority or, while they change, several. None for what is shown to the public.
    pub authority: Option<PathBuf>,
}

impl Files {
    /// Those of `role` below `dir`: `<role>/tls.crt`, `tls.key` and `ca.crt` when there is such a folder (a mounted secret
    /// of cert-manager), else `<role>.pem`, `<role>.key` and `ca.pem` (`souk pki init`).
    pub fn of_role(dir: &Path, role: &str) -> Self {
        let folder = dir.join(role);
        match folder.is_dir() {
            true => Self {
                certificate: folder.join("tls.crt"),
                key: folder.join("tls.key"),
                authority: Some(folder.join("ca.crt")),
            },
            false => Self {
                certificate: dir.join(format!("{role}.pem")),
                key: dir.join(format!("{role}.key")),
                authority: Some(ca_file(dir)),
            },
        }
    }

    pub(crate) fn read(&self) -> Result<Pem, TlsError> {
        let authority = self.authority.as_deref().map(read).transpose()?;
        Ok(Pem {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            authority: authority.unwrap_or_default(),
        })
    }
}

/// The authority that `souk pki init` puts into `dir`.
pub fn ca_file(dir: &Path) -> PathBuf {
    dir.join("ca.pem")
}

/// Files as they were at one moment.
pub(crate) struct Pem {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authority: Vec<u8>,
}

impl Pem {
    /// Changes when any of the files does. Contents are compared, not times: a mounted secret is a link that is moved.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        for part in [&self.certificate, &self.key, &self.authority] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        *hasher.finalize().as_bytes()
    }

    pub(crate) fn chain(&self, files: &Files) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        certificates(&self.certificate, &files.certificate)
    }

    pub(crate) fn authorities(&self, files: &Files) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        match &files.authority {
            Some(file) => certificates(&self.authority, file),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn private_key(&self, files: &Files) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| malformed(&files.key, format!("no private key: {error}")))
    }
}

pub(crate) fn certificates(pem: &[u8], file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let parsed: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let parsed = parsed.map_err(|error| malformed(file, format!("no certificate: {error}")))?;
    match parsed.is_empty() {
        true => Err(malformed(file, "holds no certificate".into())),
        false => Ok(parsed),
    }
}

fn malformed(file: &Path, reason: String) -> TlsError {
    TlsError::Malformed { file: file.to_owned(), reason }
}

pub(crate) fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    let unreadable = |source| TlsError::Unreadable { file: file.to_owned(), source };
    let mut bytes = Vec::new();
    let opened = std::fs::File::open(file).map_err(unreadable)?;
    opened.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(malformed(file, format!("larger than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}
