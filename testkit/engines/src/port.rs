//! Free ports of the loopback interface.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Ports are taken from below those that the system gives to outgoing connections: no process takes one between our look and
/// the process that binds it, nor while a killed server waits for its restart.
const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A loopback port without a listener.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    let span = LAST - FIRST;
    // Test processes that run side by side begin at different places.
    let start = u16::try_from(std::process::id() * 131 % u32::from(span)).unwrap_or_default();
    for _ in 0..span {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (start.wrapping_add(step) % span);
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {FIRST} and {LAST}")
}
