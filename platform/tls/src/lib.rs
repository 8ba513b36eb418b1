//! Certificates: who a role is to other roles ([`Identity`]), what buyers see ([`PublicTls`]), the trust roots for servers outside
//! ([`TrustRoots`]), and an authority for development ([`Authority`]). Files of the first two are read again while the
//! process runs ([`watch`]); a holder of a handle uses the newest for the next handshake. The cryptography is `ring`'s;
//! docs/adr/0003-identity-between-roles.md says why.

mod authority;
mod certificate;
mod error;
mod files;
mod identity;
mod name;
mod public;
mod trust_roots;
mod verify;
mod watch;

pub use authority::{Authority, IssuedCertificate, Validity};
pub use error::{TlsError, refused};
pub use files::{Files, ca_file};
pub use identity::Identity;
pub use name::TrustDomain;
pub use public::{ALPN_HTTP1, ALPN_HTTP2, PublicTls};
pub use tokio_rustls::{client, server};
pub use trust_roots::TrustRoots;
pub use watch::{Reload, watch};
