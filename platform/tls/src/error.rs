//! Certificate errors, always with the file they are about.

use std::path::PathBuf;

/// Why certificates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Missing, or not ours to read.
    #[error("cannot read {}: {source}", file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not PEM, or without the part that belongs there.
    #[error("{}: {reason}", file.display())]
    Malformed {
        /// Which.
        file: PathBuf,
        /// What is missing or broken.
        reason: String,
    },
    /// Well-formed, but no peer could accept it: expired, another authority's, another role's, or the key does not fit.
    #[error("{}: {reason}", file.display())]
    Unusable {
        /// Which.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// Without a trust root no server can prove who it is.
    #[error("the system knows no certificate authorities (package ca-certificates), and no others are named")]
    NoTrustRoots,
    /// A trust domain is part of a URI (SPIFFE ID, 2.1).
    #[error("{0:?} is no trust domain: 1 to 255 of a-z, 0-9, '.', '-' and '_'")]
    TrustDomain(String),
    /// The generator refused.
    #[error("cannot make a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// Not writable, or already there.
    #[error("cannot write {}: {source}", file.display())]
    Unwritable {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// True when `error`, or what caused it, says that the other side did not accept our certificate, or that we had none.
pub fn refused(error: &(dyn std::error::Error + 'static)) -> bool {
    use rustls::AlertDescription as Alert;
    let mut next = Some(error);
    while let Some(cause) = next {
        // What `io::Error` wraps is not among its sources.
        let wrapped = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let tls = cause.downcast_ref().or_else(|| wrapped.and_then(|inner| inner.downcast_ref()));
        if let Some(rustls::Error::AlertReceived(alert)) = tls {
            return matches!(
                alert,
                Alert::CertificateRequired
                    | Alert::BadCertificate
                    | Alert::UnsupportedCertificate
                    | Alert::CertificateRevoked
                    | Alert::CertificateExpired
                    | Alert::CertificateUnknown
                    | Alert::UnknownCA
                    | Alert::AccessDenied
            );
        }
        next = cause.source();
    }
    false
}
