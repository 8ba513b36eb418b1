//! Identity: who somebody is, how they prove it, and where they live.
//!
//! Owns schema `identity`: customers, staff, credentials, sessions with their refresh tokens, addresses, signing keys.
//! Calls nobody. Emits `identity.customer_registered.v1`. Consumes nothing. Called by: gateway (REST, keys, sessions),
//! storefront (sessions), the command line (staff).
//!
//! The code follows in the next commits.
