//! The public listener: a socket that the service manager passed on, one that several processes share, or one of our own.
//!
//! Why three (docs/gateway.md says which to choose): a listener that is closed resets clients that connected and were not
//! accepted yet. A socket that is passed on is never closed, so no client is in between. With `SO_REUSEPORT` each process
//! has a queue of its own; what is left in it when it closes moves to the others only if the kernel is told so.

use std::net::SocketAddr;

use anyhow::Context;
use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket};

use crate::config::Config;

/// Connections that wait to be accepted, per socket; the kernel takes the smaller of this and `net.core.somaxconn`.
const BACKLOG: u32 = 4096;
/// Whether connections move to another listener of the same port when theirs closes (Linux 5.14 and newer).
const MIGRATION: &str = "/proc/sys/net/ipv4/tcp_migrate_req";

/// Listens as `config.public` says, at the address that was passed on if one was.
pub async fn public(config: &Config) -> anyhow::Result<TcpListener> {
    // Only what is meant for this process counts: LISTEN_PID says whom.
    let mut passed = match std::env::var_os("LISTEN_PID") {
        Some(_) => ListenFd::from_env(),
        None => ListenFd::empty(),
    };
    if let Some(socket) = passed.take_tcp_listener(0).context("the socket that was passed on (LISTEN_FDS)")? {
        socket.set_nonblocking(true).context("the socket that was passed on")?;
        let listener = TcpListener::from_std(socket)?;
        tracing::info!(address = %listener.local_addr()?, "listening on a socket that was passed on");
        return Ok(listener);
    }
    let (address, shared) = (config.public.listen, config.public.reuse_port);
    let listener = open(address, shared).with_context(|| format!("the public listener cannot listen on {address}"))?;
    if shared && std::fs::read_to_string(MIGRATION).is_ok_and(|text| text.trim() == "0") {
        tracing::warn!(
            setting = "net.ipv4.tcp_migrate_req",
            "connections that nobody accepted yet are reset when a process that shares the port ends: set it to 1"
        );
    }
    Ok(listener)
}

fn open(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted process takes its port back at once; two at a time need the other option.
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(shared)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_is_shared_only_by_those_who_both_say_so() {
        let first = open("127.0.0.1:0".parse().unwrap(), true).unwrap();
        let address = first.local_addr().unwrap();
        assert_eq!(open(address, false).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
        let second = open(address, true).unwrap();
        assert_eq!(second.local_addr().unwrap(), address);
        drop((first, second));
        let alone = open(address, false).unwrap();
        assert_eq!(open(address, true).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
        drop(alone);
    }
}
