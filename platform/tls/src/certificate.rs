//! Certificate parser, for the two things that we read in one ourselves; everything that decides about trust is rustls'
//! business.

use rustls::pki_types::CertificateDer;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// URIs among the subject's alternative names.
pub(crate) fn uris(certificate: &CertificateDer<'_>) -> Result<Vec<String>, String> {
    let parsed = parse(certificate)?;
    let names = parsed.subject_alternative_name().map_err(|error| error.to_string())?;
    let names = names.map(|names| names.value.general_names.as_slice()).unwrap_or_default();
    let uri = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    };
    Ok(names.iter().filter_map(uri).collect())
}

/// The last moment it is valid, in seconds since 1970.
pub(crate) fn not_after(certificate: &CertificateDer<'_>) -> Result<i64, String> {
    Ok(parse(certificate)?.validity().not_after.timestamp())
}

fn parse<'c>(certificate: &'c CertificateDer<'_>) -> Result<X509Certificate<'c>, String> {
    let (_, parsed) = X509Certificate::from_der(certificate).map_err(|error| error.to_string())?;
    Ok(parsed)
}

/// Whether it is about the key with this `SubjectPublicKeyInfo` (DER).
pub(crate) fn has_key(certificate: &CertificateDer<'_>, spki: &[u8]) -> bool {
    parse(certificate).is_ok_and(|parsed| parsed.public_key().raw == spki)
}
