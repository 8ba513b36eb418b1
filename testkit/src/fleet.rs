//! Which roles live together in the split fleet.

/// Roles by process, in the order they are started.
pub fn role_groups() -> [&'static [&'static str]; 6] {
    [
        &["pricing", "pricing-worker", "inventory", "inventory-worker"],
        &["payment", "payment-worker", "shipping", "shipping-worker"],
        &["catalog", "catalog-worker", "search", "search-worker"],
        &["cart", "cart-worker", "order", "order-worker"],
        &["identity", "identity-worker", "notification", "notification-worker"],
        &["storefront", "gateway"],
    ]
}
