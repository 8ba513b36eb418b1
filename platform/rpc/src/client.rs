//! Client trait: what the clients of all contracts have in common, so that a process makes each of them in the same way.

use std::sync::Arc;

use crate::{Channel, Contract};

/// A client that `service!` made: of a service in this process, or behind a channel.
pub trait Client: Clone + Send + Sync + From<Channel> + From<Arc<Self::Api>> + 'static {
    /// The role that answers.
    const ROLE: &'static str;
    /// The trait that the service implements.
    type Api: ?Sized + Send + Sync + 'static;

    /// The service as its listener calls it.
    fn contract(api: Arc<Self::Api>) -> Contract;
}

/// The role in a contract's prefix: `inventory` of `/rpc/inventory/v1`.
pub const fn role_of(prefix: &'static str) -> &'static str {
    let (root, rest) = prefix.split_at(START.len());
    assert!(matches!(root.as_bytes(), b"/rpc/"), "a contract's prefix is /rpc/<role>/v<number>");
    let mut end = 0;
    while rest.as_bytes()[end] != b'/' {
        end += 1;
    }
    rest.split_at(end).0
}

const START: &str = "/rpc/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_is_in_the_prefix() {
        const ROLE: &str = role_of("/rpc/inventory/v1");
        assert_eq!(ROLE, "inventory");
    }
}
