//! Request body reader: each body within its limit and its time, and all of them together within a budget, since a request gets its
//! load-shedding permit only when its body is there. What has come counts, not what was announced, so that a client that sends
//! nothing takes nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body::Body;
use http_body_util::BodyExt;
use souk_kernel::{Kind, Problem};
use souk_web::ApiError;

/// When a client that was refused may try again: by then slow bodies have ended, or are cut.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// Bytes of all bodies under way.
pub(crate) struct Bodies {
    budget: usize,
    held: AtomicUsize,
}

/// What one body holds of the budget, until it is dropped.
struct Share<'b> {
    of: &'b Bodies,
    bytes: usize,
}

impl Bodies {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, held: AtomicUsize::new(0) }
    }

    /// Reads a request's body: at most `limit` bytes, at most `patience`.
    pub(crate) async fn read<B>(&self, body: B, limit: usize, patience: Duration) -> Result<Bytes, ApiError>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let read = tokio::time::timeout(patience, self.collect(body, limit)).await;
        let slow =
            || ApiError::transport(StatusCode::REQUEST_TIMEOUT, "body_too_slow", "the body did not arrive in time");
        read.map_err(|_| slow())?
    }

    async fn collect<B: Body<Data = Bytes> + Unpin>(&self, mut body: B, limit: usize) -> Result<Bytes, ApiError> {
        let mut share = Share { of: self, bytes: 0 };
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let unreadable =
                |_| ApiError::transport(StatusCode::BAD_REQUEST, "body_unreadable", "the body could not be read");
            // Trailers say nothing that we ask for.
            let Ok(data) = frame.map_err(unreadable)?.into_data() else { continue };
            if read.len() + data.len() > limit {
                return Err(too_large());
            }
            share.grow(data.len())?;
            // Most bodies come in one piece, which is not copied.
            if read.is_empty() && body.is_end_stream() {
                return Ok(data);
            }
            read.extend_from_slice(&data);
        }
        Ok(read.freeze())
    }
}

impl Share<'_> {
    fn grow(&mut self, by: usize) -> Result<(), ApiError> {
        self.bytes += by;
        if self.of.held.fetch_add(by, Ordering::Relaxed) + by <= self.of.budget {
            return Ok(());
        }
        let problem = Problem::new(Kind::Unavailable, "overloaded", "too busy right now, please try again");
        Err(problem.with_retry_after(RETRY_AFTER).into())
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.of.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

fn too_large() -> ApiError {
    Problem::new(Kind::TooLarge, "body_too_large", "the body is larger than this call allows").into()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::{Full, StreamBody};

    use super::*;

    const LONG: Duration = Duration::from_secs(5);

    fn pieces(count: usize) -> impl Body<Data = Bytes, Error = std::convert::Infallible> + Unpin {
        StreamBody::new(stream::iter((0..count).map(|_| Ok(Frame::data(Bytes::from_static(b"0123456789"))))))
    }

    #[tokio::test]
    async fn all_bodies_together_have_a_budget_and_give_it_back() {
        let bodies = Bodies::new(35);
        assert_eq!(bodies.read(pieces(3), 100, LONG).await.unwrap().len(), 30);
        assert_eq!(bodies.read(Full::new(Bytes::from_static(b"one")), 100, LONG).await.unwrap(), "one");
        // Another client has sent three pieces and goes on later.
        let slow = async {
            let mut share = Share { of: &bodies, bytes: 0 };
            share.grow(30).unwrap();
            let refused = bodies.read(pieces(1), 100, LONG).await.unwrap_err();
            assert_eq!((refused.problem().code.as_ref(), refused.problem().status()), ("overloaded", 503));
        };
        slow.await;
        assert_eq!(bodies.read(pieces(3), 100, LONG).await.unwrap().len(), 30, "given back");
        let large = bodies.read(pieces(3), 25, LONG).await.unwrap_err();
        assert_eq!(large.problem().code, "body_too_large");
        assert_eq!(bodies.held.load(Ordering::Relaxed), 0);
    }
}
