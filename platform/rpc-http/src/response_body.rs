//! Response body of a call to another role. When it was read to its end, the connection it came over serves the next call.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::endpoint::{Sender, UnderWay};

/// An answer's body, as it arrives.
pub struct ResponseBody {
    incoming: Incoming,
    lease: Option<Lease>,
}

/// What the body holds on to until it ends: the connection, and the place among the calls under way.
struct Lease {
    sender: Sender,
    call: UnderWay,
}

impl ResponseBody {
    pub(crate) fn new(incoming: Incoming, sender: Sender, call: UnderWay) -> Self {
        let mut body = Self { incoming, lease: Some(Lease { sender, call }) };
        if body.incoming.is_end_stream() {
            body.give_back();
        }
        body
    }

    /// Half an answer is none; the balancer hears of it with the next failure.
    fn give_up(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.call.endpoint().failed();
        }
    }

    fn give_back(&mut self) {
        if let Some(Lease { sender, call }) = self.lease.take() {
            call.endpoint().keep(sender, Instant::now());
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let polled = Pin::new(&mut self.incoming).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Err(_))) => self.give_up(),
            Poll::Ready(None) => self.give_back(),
            Poll::Ready(Some(Ok(_))) if self.incoming.is_end_stream() => self.give_back(),
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
