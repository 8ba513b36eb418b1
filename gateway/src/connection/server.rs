//! Accept loop: takes connections off the listener within their limit, serves each in a task of its own, and drains them at the end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use souk_rpc_http::accept_backlog;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::http1::Http1;
use super::idle_timeout::IdleTimeouts;
use super::service::ConnectionService;
use super::tls::Tls;
use super::write_timeout::WriteTimeout;
use crate::state::GatewayState;

/// Pause after an accept failed: usually the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves `listener` until the tasks are told to stop; its connections are tasks, and end by themselves.
pub(crate) async fn serve(gateway: Arc<GatewayState>, listener: TcpListener) {
    let limits = &gateway.config.limits;
    let permits = Arc::new(Semaphore::new(limits.connections));
    let timeouts = Arc::new(IdleTimeouts::new(limits, permits.clone()));
    let http1 = Http1::new(limits);
    let tls = gateway.tls.clone().map(|tls| Arc::new(Tls::new(tls, limits, http1.clone())));
    let stop = gateway.tasks.token().clone();
    let begin = |(socket, peer, permit): Accepted| {
        let socket = WriteTimeout::new(socket, Duration::from_millis(limits.stall_ms));
        let service = ConnectionService::new(&gateway, &timeouts, peer);
        let connections = gateway.metrics.connections.clone();
        connections.increment(1);
        let (tasks, tls, http1) = (gateway.tasks.clone(), tls.clone(), http1.clone());
        gateway.tasks.spawn("gateway.connection", async move {
            let ended = match &tls {
                Some(tls) => tls.serve(socket, service, &tasks).await,
                None => http1.serve(socket, service, &tasks).await,
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "connection ended");
            }
            connections.decrement(1);
            drop(permit);
        });
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok(accepted) => begin(accepted),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // What connected before we closed is not turned away.
    for (socket, peer) in accept_backlog(listener) {
        let Ok(permit) = permits.clone().try_acquire_owned() else { break };
        begin((socket, peer, permit));
    }
}

type Accepted = (TcpStream, SocketAddr, OwnedSemaphorePermit);

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let permit = permits.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (socket, peer) = listener.accept().await?;
    socket.set_nodelay(true)?;
    Ok((socket, peer, permit))
}
