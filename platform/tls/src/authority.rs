//! A certificate authority for development and tests. In production certificates come from elsewhere, cert-manager for one;
//! this one keeps its key in a file beside what it signs.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;

use crate::{TlsError, TrustDomain, ca_file};

/// The authority's name. Certificates refer to it, so that a stored key signs for it again.
const NAME: &str = "Souk development authority";
/// A certificate is valid a little before it is made: clocks of machines differ.
const BACKDATED_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 86_400;

/// When a certificate holds, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first moment.
    pub not_before: i64,
    /// Its last moment.
    pub not_after: i64,
}

impl Validity {
    /// From an hour before `now` (seconds since 1970) for `days`.
    pub fn days(now: i64, days: u32) -> Self {
        Self { not_before: now - BACKDATED_SECONDS, not_after: now + i64::from(days) * DAY_SECONDS }
    }

    /// The same around the system's time, which is also what handshakes go by.
    pub fn around_now(days: u32) -> Self {
        Self::days(OffsetDateTime::now_utc().unix_timestamp(), days)
    }
}

/// A certificate authority with its key.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A new certificate and its key.
pub struct IssuedCertificate {
    /// PEM.
    pub certificate: String,
    /// PEM, PKCS#8.
    pub key: String,
}

impl IssuedCertificate {
    #[cfg(test)]
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }
}

impl Authority {
    /// A new one.
    pub fn new(validity: Validity) -> Result<Self, TlsError> {
        let key = KeyPair::generate()?;
        let params = params(validity)?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// The one that [`Authority::save`] put into `dir`.
    pub fn load(dir: &Path) -> Result<Self, TlsError> {
        let read = |file: PathBuf| {
            std::fs::read_to_string(&file).map_err(|source| TlsError::Unreadable { file: file.clone(), source })
        };
        let pem = read(ca_file(dir))?;
        let file = key_file(dir);
        let malformed = |reason: String| TlsError::Malformed { file: file.clone(), reason };
        let key = KeyPair::from_pem(&read(file.clone())?).map_err(|error| malformed(error.to_string()))?;
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| TlsError::Malformed { file: ca_file(dir), reason: error.to_string() })?;
        if !crate::certificate::has_key(&certificate, &key.subject_public_key_info()) {
            return Err(malformed(format!("is not the key of {}", ca_file(dir).display())));
        }
        // Only name and key go into what is signed; the dates are in the file that is there already.
        Ok(Self { issuer: Issuer::new(params(Validity { not_before: 0, not_after: 0 })?, key), pem })
    }

    /// Writes `ca.pem` and `ca.key` into `dir`, which must have neither.
    pub fn save(&self, dir: &Path) -> Result<(), TlsError> {
        write(&key_file(dir), &self.issuer.key().serialize_pem(), 0o600, false)?;
        write(&ca_file(dir), &self.pem, 0o644, false)
    }

    /// Its certificate as PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for `role`, for both ends of a connection.
    pub fn issue(&self, domain: &TrustDomain, role: &str, validity: Validity) -> Result<IssuedCertificate, TlsError> {
        self.issue_named(role, &[&domain.uri(role)], validity)
    }

    /// A certificate for a host (`localhost`, an address) that browsers connect to.
    pub fn issue_host(&self, host: &str, validity: Validity) -> Result<IssuedCertificate, TlsError> {
        self.issue_named(host, &[], validity)
    }

    /// A certificate with any names, wrong ones included: for tests.
    pub fn issue_named(&self, host: &str, uris: &[&str], validity: Validity) -> Result<IssuedCertificate, TlsError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![host.to_owned()])?;
        for uri in uris {
            params.subject_alt_names.push(SanType::URI((*uri).try_into()?));
        }
        params.distinguished_name = named(host);
        (params.not_before, params.not_after) = (moment(validity.not_before), moment(validity.not_after));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(IssuedCertificate { certificate, key: key.serialize_pem() })
    }
}

impl IssuedCertificate {
    /// Writes `<name>.pem` and `<name>.key` (for its owner only) into `dir`; over older ones when `replace`. The pair is for
    /// a moment half old and half new; a process that reads it then finds that key and certificate do not fit, and reads
    /// again.
    pub fn save(&self, dir: &Path, name: &str, replace: bool) -> Result<(), TlsError> {
        write(&dir.join(format!("{name}.key")), &self.key, 0o600, replace)?;
        write(&dir.join(format!("{name}.pem")), &self.certificate, 0o644, replace)
    }
}

fn params(validity: Validity) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = named(NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (moment(validity.not_before), moment(validity.not_after));
    Ok(params)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn moment(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn key_file(dir: &Path) -> PathBuf {
    dir.join("ca.key")
}

/// Whole or not at all: written beside and moved, so that no process reads half a file.
fn write(file: &Path, text: &str, mode: u32, replace: bool) -> Result<(), TlsError> {
    let unwritable = |source| TlsError::Unwritable { file: file.to_owned(), source };
    if !replace && file.exists() {
        return Err(unwritable(std::io::ErrorKind::AlreadyExists.into()));
    }
    let beside = file.with_extension("new");
    let _ = std::fs::remove_file(&beside);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    let mut open = options.open(&beside).map_err(unwritable)?;
    open.write_all(text.as_bytes()).map_err(unwritable)?;
    open.sync_all().map_err(unwritable)?;
    std::fs::rename(&beside, file).map_err(unwritable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Identity;

    #[test]
    fn a_stored_authority_signs_again_and_keys_are_for_their_owner_only() {
        let (dir, domain) = (tempfile::tempdir().unwrap(), TrustDomain::parse("souk").unwrap());
        Authority::new(Validity::around_now(1)).unwrap().save(dir.path()).unwrap();
        let again = Authority::load(dir.path()).unwrap();
        let issued = again.issue(&domain, "order", Validity::around_now(1)).unwrap();
        issued.save(dir.path(), "order", false).unwrap();
        Identity::load(dir.path(), &domain, "order").unwrap();
        for key in ["ca.key", "order.key"] {
            let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(dir.path().join(key)).unwrap());
            assert_eq!(mode & 0o777, 0o600, "{key}");
        }
        assert!(issued.save(dir.path(), "order", false).is_err(), "nothing is overwritten unasked");
        let other = Authority::new(Validity::around_now(1)).unwrap();
        assert!(other.save(dir.path()).is_err());
        std::fs::write(dir.path().join("ca.key"), other.issuer.key().serialize_pem()).unwrap();
        let error = Authority::load(dir.path()).err().unwrap().to_string();
        assert!(error.contains("ca.key") && error.contains("is not the key of"), "{error}");
    }
}
