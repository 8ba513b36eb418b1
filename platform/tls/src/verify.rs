//! Verifier of server certificates: it expects not a host, whose address may be anybody's tomorrow, but a role.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use crate::TrustDomain;

/// Accepts a certificate that rustls accepts for the role as a DNS name, and whose URI says the same in our trust domain.
#[derive(Debug)]
pub(crate) struct RoleVerifier {
    pub(crate) inner: Arc<WebPkiServerVerifier>,
    pub(crate) domain: TrustDomain,
}

impl ServerCertVerifier for RoleVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified = self.inner.verify_server_cert(certificate, intermediates, server_name, ocsp_response, now)?;
        let wrong = || Error::InvalidCertificate(CertificateError::NotValidForName);
        let role = self.domain.role_of(certificate).ok_or_else(wrong)?;
        if *server_name.to_str() != *role { Err(wrong()) } else { Ok(verified) }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
