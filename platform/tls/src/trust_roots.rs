//! Trust roots for servers that are not Souk's: databases, search, object storage. Each must show a certificate by an authority
//! that the system knows or that a file names.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::TlsError;
use crate::files::{certificates, read};

/// The trust anchors (RFC 5280, 6.1.1) that a server's certificate must lead to.
#[derive(Clone, Debug)]
pub struct TrustRoots(Arc<RootCertStore>);

impl TrustRoots {
    /// No anchors, for connections without TLS.
    pub fn none() -> Self {
        Self(RootCertStore::empty().into())
    }

    /// Those that the system knows (package ca-certificates, or what `SSL_CERT_FILE` names), read once.
    pub fn of_system() -> Self {
        static KNOWN: OnceLock<Arc<RootCertStore>> = OnceLock::new();
        let read = || {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        };
        Self(KNOWN.get_or_init(read).clone())
    }

    /// Those in a PEM file, and no others.
    ///
    /// # Errors
    /// [`TlsError`] with the file: it cannot be read, or something in it is no certificate.
    pub fn in_file(file: &Path) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&read(file)?, file)? {
            let unusable =
                |error: rustls::Error| TlsError::Unusable { file: file.to_owned(), reason: error.to_string() };
            roots.add(certificate).map_err(unusable)?;
        }
        Ok(Self(Arc::new(roots)))
    }

    /// Those in a file, if there is one, beside those that the system knows.
    ///
    /// # Errors
    /// As [`TrustRoots::in_file`].
    pub fn with_file(file: Option<&Path>) -> Result<Self, TlsError> {
        let Some(file) = file else { return Ok(Self::of_system()) };
        let mut roots = RootCertStore::clone(&Self::of_system().0);
        roots.extend(Self::in_file(file)?.0.roots.iter().cloned());
        Ok(Self(Arc::new(roots)))
    }

    /// Themselves, if there are any: else no server could prove who it is.
    ///
    /// # Errors
    /// [`TlsError::NoTrustRoots`].
    pub fn required(self) -> Result<Self, TlsError> {
        if self.0.is_empty() { Err(TlsError::NoTrustRoots) } else { Ok(self) }
    }

    /// The client's side of connections to whom they vouch for.
    pub fn client(&self) -> ClientConfig {
        ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .expect("ring knows the versions")
            .with_root_certificates(self.0.clone())
            .with_no_client_auth()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Authority, Validity};

    #[test]
    fn files_name_trust_roots_or_are_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        let refused = || TrustRoots::in_file(&file).unwrap_err().to_string();
        assert!(refused().contains("ca.pem"));
        std::fs::write(&file, "nothing").unwrap();
        assert!(refused().contains("holds no certificate"), "{}", refused());
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert!(refused().contains("ca.pem"));
        std::fs::write(&file, Authority::new(Validity::around_now(1)).unwrap().pem()).unwrap();
        let one = TrustRoots::in_file(&file).unwrap();
        assert_eq!(one.0.len(), 1);
        let both = TrustRoots::with_file(Some(&file)).unwrap();
        assert_eq!(both.0.len(), TrustRoots::of_system().0.len() + 1);
        assert!(one.required().is_ok());
        assert!(matches!(TrustRoots::none().required(), Err(TlsError::NoTrustRoots)));
    }
}
