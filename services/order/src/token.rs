//! Order tokens, by which guests see their orders, and keyed hashes of client addresses. Both are derived, not stored: a
//! replay gives the same, and a leaked table gives none.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use souk_kernel::Secret;
use souk_order_api::OrderId;
use souk_rpc::subscriber;
use subtle::ConstantTimeEq;

/// Bytes of a guest's order token, of the 32 that HMAC-SHA256 gives: 192 bits are not guessed.
const TOKEN_BYTES: usize = 24;
/// Bytes of a client address's keyed hash: enough that no two addresses share one.
const CLIENT_BYTES: usize = 16;

/// Makes and checks them under one key.
#[derive(Clone)]
pub struct Tokens(Secret<[u8; 32]>);

impl Tokens {
    /// Under `key`; the same for all instances.
    pub fn new(key: Secret<[u8; 32]>) -> Self {
        Self(key)
    }

    /// The token of an order.
    pub fn token(&self, id: OrderId) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.reveal()).expect("HMAC takes keys of any length");
        mac.update(b"order token ");
        mac.update(id.0.as_bytes());
        URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..TOKEN_BYTES])
    }

    /// A client's address as it is counted: of IPv6 the network that one subscriber has.
    pub fn client(&self, address: IpAddr) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.reveal()).expect("HMAC takes keys of any length");
        mac.update(b"client address ");
        mac.update(subscriber(address).to_string().as_bytes());
        mac.finalize().into_bytes()[..CLIENT_BYTES].to_vec()
    }

    /// True when `token` is the order's.
    pub fn opens(&self, id: OrderId, token: &str) -> bool {
        self.token(id).as_bytes().ct_eq(token.as_bytes()).into()
    }
}
