//! Something else before a server: a socket that speaks TLS, say, where the server speaks plainly.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Passes on to `target` (`host:port`) what `accept` makes of each connection; one that it refuses is dropped. Where it
/// listens, and what serves until it is dropped.
///
/// # Errors
/// No port is to be had.
pub async fn relay<S, F>(
    target: impl Into<String>,
    accept: impl Fn(TcpStream) -> F + Clone + Send + 'static,
) -> io::Result<(SocketAddr, JoinSet<()>)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
    F: Future<Output = io::Result<S>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let (address, target) = (listener.local_addr()?, target.into());
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            let (accept, target) = (accept.clone(), target.clone());
            connections.spawn(async move {
                let Ok(mut client) = accept(socket).await else { return };
                let Ok(mut server) = TcpStream::connect(target).await else { return };
                // Whichever side ends it, it is over.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    Ok((address, serving))
}
