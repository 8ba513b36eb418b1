//! Write timeout and lingering close: a socket that gives up on a client which takes no byte for too long, and which at its end reads on
//! for a while from a client that is still sending. An operating system that closes a socket with unread data throws away the response
//! that is under way.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// A client that has sent nothing for so long after our last byte has read it, or never will.
const QUIET: Duration = Duration::from_millis(100);
/// Bytes read at most: several times the largest body we take. A client that sends more gets a reset.
const MAX_LINGER_BYTES: usize = 16 * 1024 * 1024;
/// Time for it at most.
const MAX_LINGER: Duration = Duration::from_secs(5);

/// Costs nothing while the client reads: the timer is set only when the socket is full.
pub(crate) struct WriteTimeout {
    socket: TcpStream,
    patience: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    linger: Option<LingeringClose>,
}

/// Everything is written; the rest of what the client sends is read and dropped.
struct LingeringClose {
    quiet: Pin<Box<Sleep>>,
    end: Instant,
    bytes: usize,
}

impl WriteTimeout {
    pub(crate) fn new(socket: TcpStream, patience: Duration) -> Self {
        Self { socket, patience, timer: None, linger: None }
    }

    /// Ready when the client has closed, is quiet, or has gone on for too long.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| LingeringClose {
            quiet: Box::pin(tokio::time::sleep(QUIET)),
            end: Instant::now() + MAX_LINGER,
            bytes: 0,
        });
        let mut space = [0; 8 * 1024];
        while linger.bytes < MAX_LINGER_BYTES && Instant::now() < linger.end {
            let mut read = ReadBuf::new(&mut space);
            match Pin::new(&mut self.socket).poll_read(cx, &mut read) {
                Poll::Ready(Ok(())) if !read.filled().is_empty() => {
                    linger.bytes += read.filled().len();
                    linger.quiet.as_mut().reset(Instant::now() + QUIET);
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return linger.quiet.as_mut().poll(cx),
            }
        }
        Poll::Ready(())
    }

    /// Sets the timer when a write has to wait, and fails the write when it is over.
    fn poll_deadline<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.timer = None;
            return written;
        }
        let patience = self.patience;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no data"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for WriteTimeout {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for WriteTimeout {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write(cx, buf);
        this.poll_deadline(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.socket).poll_write_vectored(cx, bufs);
        this.poll_deadline(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.socket).poll_shutdown(cx))?;
        }
        this.poll_linger(cx).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A client that sends a megabyte while it is answered and the socket closed; what it gets.
    async fn answered_in_the_middle(close: impl AsyncFnOnce(TcpStream)) -> io::Result<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let client = async {
            // Twice: what arrives after the close is what the system answers with a reset.
            for _ in 0..2 {
                client.write_all(&vec![b'x'; 512 * 1024]).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.map(|_| answer)
        };
        let server = async {
            server.write_all(b"too large").await.unwrap();
            close(server).await;
        };
        tokio::join!(client, server).0
    }

    #[tokio::test]
    async fn a_client_that_is_still_sending_gets_its_answer() {
        let answer = answered_in_the_middle(async |server| {
            WriteTimeout::new(server, Duration::from_secs(5)).shutdown().await.unwrap();
        });
        assert_eq!(answer.await.unwrap(), b"too large");
        let cut = answered_in_the_middle(async |server| drop(server)).await;
        assert!(cut.is_err(), "the control: a socket closed at once loses the answer");
    }
}
