//! THE table: every role of Souk, what it needs, calls, emits and consumes. Start order, addresses, the rights to read
//! another service's outbox, and the answer of `souk roles` all come from here.

use souk_cart_api as _;
use souk_catalog_api::{CategoryChanged, ProductChanged};
use souk_identity_api::{CustomerRegistered, LinkRequested, LoginAttempts};
use souk_inventory_api::AvailabilityChanged;
use souk_kernel::Event;
use souk_order_api::{OrderChanged, OrderPlaced};
use souk_payment_api::PaymentChanged;
use souk_pricing_api::PriceChanged;
use souk_rpc_http::{Caller, Callers};
use souk_runtime::Role;
use souk_shipping_api::{ShipmentDelivered, ShipmentShipped};

/// Every service that owns a schema: its worker is `<name>-worker`.
pub const SERVICES: &[&str] =
    &["identity", "catalog", "search", "pricing", "cart", "order", "payment", "inventory", "shipping", "notification"];

const fn role(name: &'static str, about: &'static str, port: u16) -> Role {
    Role {
        name,
        about,
        port,
        needs: &[],
        calls: &[],
        emits: &[],
        consumes: &[],
        speaks_for_users: false,
        acts_for_itself: false,
    }
}

/// The roles. Ports are those of the internal listener when a role runs in a process of its own.
pub const ROLES: &[Role] = &[
    Role {
        calls: &["storefront", "identity", "catalog", "search", "cart", "order", "payment", "inventory", "shipping"],
        consumes: &[ProductChanged::TYPE, CategoryChanged::TYPE, PriceChanged::TYPE, AvailabilityChanged::TYPE],
        needs: &["postgres"],
        speaks_for_users: true,
        ..role("gateway", "the only public listener: routing, limits, page cache", 7100)
    },
    Role {
        calls: &["identity", "catalog", "search", "pricing", "cart", "order", "inventory"],
        speaks_for_users: true,
        ..role("storefront", "HTML for buyers", 7101)
    },
    Role {
        needs: &["postgres"],
        emits: &[CustomerRegistered::TYPE, LinkRequested::TYPE, LoginAttempts::TYPE],
        ..role("identity", "customers, staff, credentials, sessions, addresses", 7110)
    },
    Role { needs: &["postgres"], ..role("identity-worker", "forgets what ran out", 7130) },
    Role {
        needs: &["postgres", "disk"],
        calls: &["pricing", "inventory"],
        emits: &[ProductChanged::TYPE, CategoryChanged::TYPE],
        ..role("catalog", "products, categories, media", 7111)
    },
    Role {
        needs: &["postgres"],
        calls: &["pricing", "inventory"],
        consumes: &[PriceChanged::TYPE],
        ..role("catalog-worker", "keeps the lowest price beside each product", 7131)
    },
    Role {
        needs: &["postgres", "disk"],
        calls: &["catalog", "pricing", "inventory"],
        consumes: &[ProductChanged::TYPE, CategoryChanged::TYPE, PriceChanged::TYPE, AvailabilityChanged::TYPE],
        // Reads the whole catalogue for its index, also what is not shown.
        acts_for_itself: true,
        ..role("search", "finds products; an embedded index is its own, with its place in the log", 7112)
    },
    Role {
        needs: &["postgres"],
        calls: &["catalog", "pricing", "inventory"],
        consumes: &[ProductChanged::TYPE, CategoryChanged::TYPE, PriceChanged::TYPE, AvailabilityChanged::TYPE],
        // As search does.
        acts_for_itself: true,
        ..role("search-worker", "keeps the index in OpenSearch, if that is where it is", 7132)
    },
    Role {
        needs: &["postgres"],
        emits: &[PriceChanged::TYPE],
        ..role("pricing", "prices, coupons, taxes, shipping rates", 7113)
    },
    Role { needs: &["postgres"], ..role("pricing-worker", "housekeeping of pricing", 7133) },
    Role { needs: &["postgres"], calls: &["catalog", "pricing", "inventory"], ..role("cart", "carts", 7114) },
    Role {
        needs: &["postgres"],
        calls: &["catalog", "pricing", "inventory"],
        consumes: &[OrderPlaced::TYPE],
        ..role("cart-worker", "forgets carts that were bought or left", 7134)
    },
    Role {
        needs: &["postgres"],
        calls: &["cart", "pricing", "inventory", "payment"],
        emits: &[OrderPlaced::TYPE, OrderChanged::TYPE],
        // Reads the cart as who checks out; its sagas go on when nobody waits any more.
        speaks_for_users: true,
        acts_for_itself: true,
        ..role("order", "checkout and orders", 7115)
    },
    Role {
        needs: &["postgres"],
        calls: &["cart", "pricing", "inventory", "payment"],
        emits: &[OrderChanged::TYPE],
        consumes: &[ShipmentShipped::TYPE, ShipmentDelivered::TYPE, PaymentChanged::TYPE],
        acts_for_itself: true,
        ..role("order-worker", "takes over checkouts of dead processes; follows parcels and payments", 7135)
    },
    Role {
        needs: &["postgres", "psp"],
        emits: &[PaymentChanged::TYPE],
        ..role("payment", "payments, books, webhooks of providers", 7116)
    },
    Role {
        needs: &["postgres", "psp"],
        emits: &[PaymentChanged::TYPE],
        ..role("payment-worker", "asks providers about payments whose outcome is unknown", 7136)
    },
    Role {
        needs: &["postgres"],
        emits: &[AvailabilityChanged::TYPE],
        ..role("inventory", "stock, reservations, movements", 7117)
    },
    Role {
        needs: &["postgres"],
        emits: &[AvailabilityChanged::TYPE],
        consumes: &[ShipmentShipped::TYPE],
        ..role("inventory-worker", "reclaims expired holds; takes shipped units out", 7137)
    },
    Role {
        needs: &["postgres"],
        emits: &[ShipmentShipped::TYPE, ShipmentDelivered::TYPE],
        ..role("shipping", "parcels and their tracking", 7118)
    },
    Role { needs: &["postgres"], ..role("shipping-worker", "housekeeping of shipping", 7138) },
    Role { needs: &["postgres"], ..role("notification", "says what was sent", 7119) },
    Role {
        needs: &["postgres", "smtp"],
        consumes: &[
            OrderPlaced::TYPE,
            OrderChanged::TYPE,
            ShipmentShipped::TYPE,
            LinkRequested::TYPE,
            LoginAttempts::TYPE,
        ],
        ..role("notification-worker", "sends mails", 7139)
    },
];

/// The role called `name`.
pub fn by_name(name: &str) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.name == name)
}

/// Who may call `callee`, and on whose behalf. The command line is not among them: it works on the database itself.
pub fn callers_of(callee: &'static str) -> Callers {
    let callers = ROLES.iter().filter(|role| role.calls.contains(&callee));
    let caller = |role: &Role| Caller {
        role: role.name,
        speaks_for_users: role.speaks_for_users,
        acts_for_itself: role.acts_for_itself,
    };
    Callers { callee, allowed: callers.map(caller).collect() }
}

/// The schema of the service that publishes events of `event_type`: the part before its first dot.
pub fn owner_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or(event_type)
}

/// The schema a role works in, if it has one: a worker works in its service's.
pub fn schema_of(role: &str) -> Option<&'static str> {
    let service = role.strip_suffix("-worker").unwrap_or(role);
    SERVICES.iter().find(|name| **name == service).copied().or((role == "gateway").then_some("gateway"))
}

/// True when a role of these has a place in the database.
pub fn keeps_data(roles: &[&str]) -> bool {
    roles.iter().any(|role| schema_of(role).is_some())
}

/// True when a role of these can do nothing without the database. A gateway can: it shows the pages it has, and what it
/// forwards may be answered.
pub fn needs_database(roles: &[&str]) -> bool {
    roles.iter().any(|role| *role != "gateway" && schema_of(role).is_some())
}

/// Which schema may read which other's outbox, from `consumes`: (owner, reader).
pub fn outbox_grants() -> Vec<(&'static str, &'static str)> {
    let mut grants = Vec::new();
    for role in ROLES {
        let Some(reader) = schema_of(role.name) else { continue };
        for event_type in role.consumes {
            let owner: &'static str = owner_of(event_type);
            if !grants.contains(&(owner, reader)) && owner != reader {
                grants.push((owner, reader));
            }
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_consistent() {
        let names: Vec<_> = ROLES.iter().map(|role| role.name).collect();
        let mut ports: Vec<_> = ROLES.iter().map(|role| role.port).collect();
        ports.sort();
        ports.dedup();
        assert_eq!(ports.len(), ROLES.len(), "every role has a port of its own");
        souk_runtime::start_order(ROLES, &names).expect("no circles, no unknown names");
        for role in ROLES {
            for event_type in role.consumes {
                let emitted = ROLES.iter().any(|other| other.emits.contains(event_type));
                assert!(emitted, "{} consumes {event_type}, which nobody emits", role.name);
            }
            for event_type in role.emits {
                assert_eq!(Some(owner_of(event_type)), schema_of(role.name), "{} emits {event_type}", role.name);
            }
        }
    }

    #[test]
    fn callers_follow_from_the_calls() {
        let of = |callee| callers_of(callee).allowed.into_iter().map(|caller| caller.role).collect::<Vec<_>>();
        assert_eq!(of("payment"), ["gateway", "order", "order-worker"]);
        assert_eq!(of("notification"), Vec::<&str>::new());
        let faces_the_public = |role: &&Role| ["gateway", "storefront"].contains(&role.name);
        for role in ROLES.iter().filter(faces_the_public) {
            assert!(!role.acts_for_itself, "{}: what takes requests from outside never acts as the system", role.name);
        }
        let speak: Vec<_> = ROLES.iter().filter(|role| role.speaks_for_users).map(|role| role.name).collect();
        assert_eq!(speak, ["gateway", "storefront", "order"]);
    }

    #[test]
    fn who_needs_the_database() {
        assert!(!keeps_data(&["storefront"]) && !needs_database(&["storefront"]));
        assert!(keeps_data(&["gateway", "storefront"]) && !needs_database(&["gateway", "storefront"]));
        assert!(keeps_data(&["cart-worker"]) && needs_database(&["gateway", "cart"]));
    }

    #[test]
    fn grants_follow_from_the_events() {
        let grants = outbox_grants();
        assert!(grants.contains(&("order", "notification")));
        assert!(grants.contains(&("catalog", "search")));
        let of_identity: Vec<_> = grants.iter().filter(|(owner, _)| *owner == "identity").collect();
        assert_eq!(of_identity, [&("identity", "notification")], "links in mails are for nobody else");
    }
}
