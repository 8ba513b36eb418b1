//! The `service!` macro, and the one place every call passes.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use souk_kernel::Problem;
use souk_trace::{Kind, Span, scope};
use tracing::Instrument;

use crate::Cx;

/// How OpenTelemetry's conventions call the kind of RPC that this is.
const SYSTEM: &str = "souk";

/// Span, metrics and deadline of a call, whichever way it goes. It stays where it is: futures that hold each other are copied
/// with every box and task around them.
pub async fn observe<R>(
    path: &'static str,
    cx: &Cx,
    remote: bool,
    call: Pin<&mut (impl Future<Output = Result<R, Problem>> + ?Sized)>,
) -> Result<R, Problem> {
    let started = Instant::now();
    let span = tracing::debug_span!("rpc", path, request_id = %cx.request_id);
    let mut traced = calling(path, cx, remote);
    let call = scope(traced.trace(), call).instrument(span);
    let result = match cx.deadline {
        Some(at) => tokio::time::timeout_at(at.into(), call).await.unwrap_or_else(|_| Err(Problem::timeout(path))),
        None => call.await,
    };
    let outcome = match &result {
        Ok(_) => "ok",
        Err(problem) if problem.kind.is_fault() => {
            traced.fail(problem.code.clone());
            "fault"
        }
        Err(_) => "refused",
    };
    // At the call's own place: the measurement's example is then this call.
    let _here = souk_trace::enter(traced.trace());
    metrics::histogram!(
        "rpc_client_call_duration_seconds",
        "rpc_system_name" => SYSTEM, "rpc_method" => name_of(path), "outcome" => outcome
    )
    .record(started.elapsed());
    result
}

/// The caller's span of a call; none outside of every trace.
fn calling(path: &'static str, cx: &Cx, remote: bool) -> Span {
    if !souk_trace::on() {
        return Span::none();
    }
    let kind = if remote { Kind::Client } else { Kind::Internal };
    let mut span = Span::under(cx.place().as_ref(), kind, name_of(path));
    describe(&mut span, path);
    span
}

/// Name of a method in spans and metrics: `inventory/v1/reserve`.
pub(crate) fn name_of(path: &'static str) -> &'static str {
    path.trim_start_matches("/rpc/")
}

/// What OpenTelemetry's conventions for RPC want to know.
pub(crate) fn describe(span: &mut Span, path: &'static str) {
    if span.is_none() {
        return;
    }
    span.set("rpc.system.name", SYSTEM);
    span.set("rpc.method", name_of(path));
}

/// Declares a service once: its trait, its client, its receiving end and a fake of it for tests.
///
/// ```ignore
/// souk_rpc::service! {
///     /// Holds and releases stock.
///     pub trait InventoryApi at "/rpc/inventory/v1", client InventoryClient, serve serve_inventory, fake InventoryFake {
///         /// Holds stock until released or expired. Safe to repeat: the key names the reservation.
///         fn reserve(ReserveStock) -> Reservation [idempotent];
///         /// Adds stock.
///         fn receive(ReceiveStock) -> ();
///     }
/// }
/// ```
///
/// `[idempotent]` lets the channel repeat a call that failed without an answer; a call that carries an idempotency key
/// in its [`Cx`] may be repeated as well. The prefix names the role that answers.
#[macro_export]
macro_rules! service {
    ($(#[$m:meta])* $v:vis trait $Api:ident at $prefix:literal, client $Client:ident, serve $serve:ident, fake $Fake:ident {
        $( $(#[$mm:meta])* fn $f:ident($Req:ty) -> $Res:ty $([$retry:ident])?; )+
    }) => {
        $(#[$m])*
        #[$crate::hidden::async_trait]
        $v trait $Api: Send + Sync + 'static {
            $( $(#[$mm])* async fn $f(&self, cx: &$crate::Cx, req: $Req) -> Result<$Res, $crate::hidden::Problem>; )+
        }

        /// Handle on the service: the same deadline, span and metrics whether it is local or remote.
        #[derive(Clone)]
        $v enum $Client {
            /// In this process.
            Local(std::sync::Arc<dyn $Api>),
            /// Behind a channel.
            Remote($crate::Channel),
        }

        impl $Client {
            $( $(#[$mm])*
            pub async fn $f(&self, cx: &$crate::Cx, req: $Req) -> Result<$Res, $crate::hidden::Problem> {
                const PATH: &str = concat!($prefix, "/", stringify!($f));
                #[allow(unused_mut, unused_assignments)]
                let mut repeatable = false;
                $( repeatable = stringify!($retry) == "idempotent"; )?
                $crate::hidden::observe(PATH, cx, matches!(self, Self::Remote(_)), std::pin::pin!(async {
                    match self {
                        Self::Local(api) => api.$f(cx, req).await,
                        Self::Remote(channel) => channel.call(PATH, repeatable, cx, &req).await,
                    }
                })).await
            } )+
        }

        impl $crate::Client for $Client {
            const ROLE: &'static str = $crate::hidden::role_of($prefix);
            type Api = dyn $Api;

            fn contract(api: std::sync::Arc<dyn $Api>) -> $crate::Contract {
                $serve(api)
            }
        }

        impl From<std::sync::Arc<dyn $Api>> for $Client {
            fn from(api: std::sync::Arc<dyn $Api>) -> Self { Self::Local(api) }
        }

        impl From<$crate::Channel> for $Client {
            fn from(channel: $crate::Channel) -> Self { Self::Remote(channel) }
        }

        /// The service's receiving end: `souk_rpc_http::routes` serves it, `Channel::loopback` calls it.
        $v fn $serve(api: std::sync::Arc<dyn $Api>) -> $crate::Contract {
            $crate::Contract::default()
                $( .with(concat!($prefix, "/", stringify!($f)), {
                    let api = api.clone();
                    move |cx: $crate::Cx, req: $Req| {
                        let api = api.clone();
                        async move { api.$f(&cx, req).await }
                    }
                }) )+
        }

        /// The service in tests of its callers: replies what the test says, method by method.
        #[derive(Clone, Default)]
        $v struct $Fake {
            $( $(#[$mm])* pub $f: $crate::fake::Answer<$Req, $Res>, )+
        }

        #[$crate::hidden::async_trait]
        impl $Api for $Fake {
            $( async fn $f(&self, cx: &$crate::Cx, req: $Req) -> Result<$Res, $crate::hidden::Problem> {
                self.$f.give(concat!($prefix, "/", stringify!($f)), cx, req).await
            } )+
        }

        impl From<$Fake> for $Client {
            fn from(fake: $Fake) -> Self { Self::Local(std::sync::Arc::new(fake)) }
        }
    };
}
