//! Module, a service that was made: what it offers to others, and what its worker does.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use futures_util::future::BoxFuture;
use souk_flow::{Consumer, JobHandler, Schedule};
use souk_kernel::Problem;
use souk_rpc::{Client, Contract};
use souk_runtime::Readiness;

/// Called once before the first request; tried again while what it needs is away.
pub type Prepare = Box<dyn Fn() -> BoxFuture<'static, Result<(), Problem>> + Send + Sync>;

/// Adds what a service waits for to the readiness of its process.
pub type Announce = Box<dyn FnOnce(&Readiness) + Send + Sync>;

/// A service of this process. Everything is optional; begin with [`Module::serving`].
#[derive(Default)]
pub struct Module {
    /// What other roles call.
    pub contract: Option<Contract>,
    /// What callers in this process use instead of a channel: the service's client.
    pub client: Option<Arc<dyn Any + Send + Sync>>,
    /// The service itself, for commands that need more than its contract.
    pub service: Option<Arc<dyn Any + Send + Sync>>,
    /// Pages and REST.
    pub public: Option<Router>,
    /// What the worker does with events: all of them read what the worker's role says.
    pub consumers: Vec<Arc<dyn Consumer>>,
    /// What the worker does later.
    pub jobs: Vec<Arc<dyn JobHandler>>,
    /// What the worker does regularly, beside what every service has to keep in order.
    pub schedules: Vec<Schedule>,
    /// What else the worker starts: its own loops.
    pub background: Vec<Box<dyn FnOnce() + Send + Sync>>,
    /// What has to be there before the first request.
    pub prepare: Option<Prepare>,
    /// Says when it can serve, if that is later than now.
    pub announce: Option<Announce>,
}

impl Module {
    /// A service that answers the contract of the client `C`.
    pub fn serving<C: Client>(service: Arc<C::Api>) -> Self {
        Self {
            contract: Some(C::contract(service.clone())),
            client: Some(Arc::new(C::from(service))),
            ..Self::default()
        }
    }
}
