//! Which roles live together in the split fleet, and on which ports.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports are taken from below those that the system gives to outgoing connections, so that nobody takes one between our
/// look and the process that binds it.
const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback port that nobody listens on.
pub fn free_port() -> u16 {
    let span = LAST - FIRST;
    // Test processes that run side by side begin at different places.
    let start = u16::try_from(std::process::id() * 131 % u32::from(span)).unwrap();
    for _ in 0..span {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start.wrapping_add(step) % span);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {LAST}")
}

/// Roles by process, in the order they are started.
pub fn role_groups() -> [&'static [&'static str]; 6] {
    [
        &["pricing", "pricing-worker", "inventory", "inventory-worker"],
        &["payment", "payment-worker", "shipping", "shipping-worker"],
        &["catalog", "catalog-worker", "search"],
        &["cart", "cart-worker", "order", "order-worker"],
        &["identity", "identity-worker", "notification", "notification-worker"],
        &["storefront", "gateway"],
    ]
}
