//! Actor of a call, on whose behalf it is made, and the signature that lets one role believe another about it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use souk_kernel::{Kind, Problem};
use uuid::Uuid;

/// What a member of staff may do. The sets that roles of staff consist of are identity's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Products, categories, prices, imports.
    Catalog,
    /// Orders, shipments, cancellations, refunds.
    Orders,
    /// Warehouses, stock, movements.
    Inventory,
    /// Coupons, taxes, shipping rates.
    Pricing,
    /// Accounts of customers and staff.
    Accounts,
}

/// The principal behind a call. Only the gateway, the storefront, the admin portal and the order saga may set it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// No user in particular: what a guest may do.
    #[default]
    Anonymous,
    /// A signed-in customer.
    Customer(Uuid),
    /// A signed-in member of staff.
    Staff {
        /// Staff account.
        id: Uuid,
        /// What the account may do, resolved when the request entered.
        permissions: Arc<[Permission]>,
    },
    /// A role acting for itself: sagas, consumers, schedules, the command line.
    System,
}

impl Actor {
    /// The customer's id, when a customer is signed in.
    pub fn customer(&self) -> Option<Uuid> {
        match self {
            Actor::Customer(id) => Some(*id),
            _ => None,
        }
    }

    /// The customer's id, or 401.
    pub fn require_customer(&self) -> Result<Uuid, Problem> {
        self.customer().ok_or_else(|| Problem::new(Kind::Unauthenticated, "not_signed_in", "please sign in"))
    }

    /// Staff with `permission`, or the system itself; else 401 for an anonymous caller and 403 for all others.
    pub fn require(&self, permission: Permission) -> Result<(), Problem> {
        match self {
            Actor::System => Ok(()),
            Actor::Staff { permissions, .. } if permissions.contains(&permission) => Ok(()),
            Actor::Anonymous => Err(Problem::new(Kind::Unauthenticated, "not_signed_in", "please sign in")),
            _ => Err(Problem::new(Kind::Forbidden, "forbidden", "your account may not do this")),
        }
    }

    /// A short stable text for the scope of idempotency keys and throttles: `customer:<id>`, `anonymous`.
    pub fn scope(&self) -> String {
        match self {
            Actor::Anonymous => "anonymous".into(),
            Actor::Customer(id) => format!("customer:{id}"),
            Actor::Staff { id, .. } => format!("staff:{id}"),
            Actor::System => "system".into(),
        }
    }
}

/// Shared secret of one installation; roles sign the actor with it so that nothing else on the network can claim one.
#[derive(Clone)]
pub struct ActorKey(Arc<[u8; 32]>);

impl ActorKey {
    /// A key from 32 bytes of configuration.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Arc::new(bytes))
    }

    /// `<payload>.<mac>`, both base64url.
    pub fn sign(&self, actor: &Actor) -> String {
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(actor).expect("an actor always encodes"));
        let mac = URL_SAFE_NO_PAD.encode(self.mac(payload.as_bytes()).finalize().into_bytes());
        format!("{payload}.{mac}")
    }

    /// The actor of a header made by [`ActorKey::sign`], or 403.
    pub fn verify(&self, header: &str) -> Result<Actor, Problem> {
        let forged = || Problem::new(Kind::Forbidden, "actor_not_proven", "the caller may not speak for users");
        let (payload, mac) = header.split_once('.').ok_or_else(forged)?;
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| forged())?;
        self.mac(payload.as_bytes()).verify_slice(&mac).map_err(|_| forged())?;
        let payload = URL_SAFE_NO_PAD.decode(payload).map_err(|_| forged())?;
        serde_json::from_slice(&payload).map_err(|_| forged())
    }

    fn mac(&self, payload: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).expect("HMAC takes keys of any length");
        mac.update(payload);
        mac
    }
}

impl std::fmt::Debug for ActorKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ActorKey(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signed_actor_is_believed_and_a_forged_one_is_not() {
        let key = ActorKey::new([7; 32]);
        let actor = Actor::Staff { id: Uuid::from_u128(5), permissions: [Permission::Orders].into() };
        let header = key.sign(&actor);
        assert_eq!(key.verify(&header).unwrap(), actor);
        assert!(ActorKey::new([8; 32]).verify(&header).is_err(), "another installation's key");
        let (_, mac) = header.split_once('.').unwrap();
        let claim = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&Actor::System).unwrap());
        assert!(key.verify(&format!("{claim}.{mac}")).is_err(), "another payload under the same signature");
        assert!(key.verify(&claim).is_err());
    }
}
