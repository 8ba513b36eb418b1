//! The hyper service of one connection: starts the pipeline of each request, and notes until when its response is being written.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::Service;
use souk_rpc_http::FirstRequest;
use souk_trace::scope;

use super::idle_timeout::{Guard, IdleTimeouts, ResponseInProgress};
use crate::pipeline::cached::{self, Admission};
use crate::pipeline::uncached;
use crate::request::context::Peer;
use crate::response::body::ResponseBody;
use crate::state::GatewayState;

/// What one connection calls.
pub(super) struct ConnectionService {
    gateway: Arc<GatewayState>,
    peer: Arc<Peer>,
    pub(super) timeouts: Arc<IdleTimeouts>,
    pub(super) first: Arc<FirstRequest>,
    pub(super) responding: Arc<ResponseInProgress>,
}

impl ConnectionService {
    pub(super) fn new(gateway: &Arc<GatewayState>, timeouts: &Arc<IdleTimeouts>, peer: SocketAddr) -> Self {
        let peer = Arc::new(Peer::new(peer.ip().to_canonical(), &gateway.proxies, &gateway.limiter));
        let (gateway, timeouts) = (gateway.clone(), timeouts.clone());
        Self { gateway, peer, timeouts, first: Arc::default(), responding: Arc::default() }
    }
}

impl Service<Request<Incoming>> for ConnectionService {
    type Response = Response<TrackedBody>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn call(&self, request: Request<Incoming>) -> ResponseFuture {
        self.first.note();
        let guard = Some(self.responding.begin());
        let progress = match cached::answer(&self.gateway, &self.peer, &request) {
            Admission::Answered(response) => Progress::Ready(Some(response)),
            Admission::Uncached(context) => {
                let place = context.span.trace();
                Progress::Pending(Box::pin(scope(place, uncached::answer(self.gateway.clone(), request, context))))
            }
        };
        ResponseFuture { progress, guard }
    }
}

/// A response under way. Only one that is not ready at once is boxed.
pub(super) struct ResponseFuture {
    progress: Progress,
    guard: Option<Guard>,
}

enum Progress {
    Ready(Option<Response<ResponseBody>>),
    Pending(Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>),
}

impl Future for ResponseFuture {
    type Output = Result<Response<TrackedBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let response = match &mut this.progress {
            Progress::Ready(response) => response.take().expect("polled once"),
            Progress::Pending(future) => ready!(future.as_mut().poll(cx)),
        };
        let guard = this.guard.take();
        Poll::Ready(Ok(response.map(|body| TrackedBody { body, _guard: guard })))
    }
}

/// A body whose drop ends the time in which the connection waits for us: hyper drops it when all of it is written.
pub(super) struct TrackedBody {
    body: ResponseBody,
    _guard: Option<Guard>,
}

impl http_body::Body for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
