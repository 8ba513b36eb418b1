//! Life cycle of a process of Souk: the roles it was told to run, started in order, drained and stopped in reverse.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use souk_flow::{EventLog, housekeeping, run_consumer, run_jobs, run_schedules};
use souk_module::Environment;
use souk_postgres::DataDirLock;
use souk_redis::{Redis, RedisSettings};
use souk_rpc_http::Listener;
use souk_runtime::{Readiness, ReadyCheck, Tasks};
use souk_telemetry::Metrics;
use souk_tls::{PublicTls, Reload};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::clients::Clients;
use crate::config::{Config, RedisConfig};
use crate::gateway::{gateway, purge_by_events};
use crate::identities::Identities;
use crate::keys::Keys;
use crate::modules;
use crate::registry::{Installation, Registry};
use crate::routers::Routers;
use crate::stores::Stores;
use crate::wait_for_dependencies::{Waiting, watch_database, watch_server};
use crate::{events, health_server, listen, sandbox};

/// How long work under way may take to end after the listeners are closed: the longest request and a saga's step.
const PATIENCE: Duration = Duration::from_secs(25);

/// How to start.
pub struct Start {
    /// The configuration; checked here.
    pub config: Config,
    /// Names of the roles; all of them make a whole shop.
    pub roles: Vec<&'static str>,
    /// Bring the database up to date first; else it must be.
    pub may_migrate: bool,
    /// A whole shop brings its own sandbox provider when none is configured.
    pub own_sandbox: bool,
    /// Metrics to show, when they are collected.
    pub metrics: Option<Metrics>,
}

/// A running process.
pub struct Process {
    config: Config,
    tasks: Tasks,
    listening: Tasks,
    readiness: Readiness,
    process: ReadyCheck,
    stores: Stores,
    lost: CancellationToken,
    clients: Clients,
    public: Option<SocketAddr>,
    operations: SocketAddr,
    sandbox_url: Option<String>,
    _lock: Option<DataDirLock>,
}

/// Names of all roles.
pub fn all_roles() -> Vec<&'static str> {
    modules::roles().map(|role| role.name).collect()
}

impl Process {
    /// Starts, and returns when everything runs. What is not there ends it.
    ///
    /// # Errors
    /// In words for an operator.
    pub async fn start(start: Start) -> anyhow::Result<Self> {
        Self::begin(start, false).await
    }

    /// The same, waiting for a database that is not there yet (docs/operations.md); drop it to give up.
    ///
    /// # Errors
    /// What does not pass by itself, with what to do about it.
    pub async fn start_patiently(start: Start) -> anyhow::Result<Self> {
        Self::begin(start, true).await
    }

    async fn begin(start: Start, patient: bool) -> anyhow::Result<Self> {
        let roles = modules::in_start_order(&start.roles)?;
        let mut config = checked(start.config, &roles, start.own_sandbox)?;
        std::fs::create_dir_all(&config.data_dir)
            .with_context(|| format!("cannot make the data directory {}", config.data_dir.display()))?;
        let lock = take_lock(&config, &roles)?;
        // A private database is found or made with the key that lies beside it; of a given one its tables tell.
        let found = match config.database.url {
            None => Some(Keys::load(&config.data_dir)?),
            Some(_) => Keys::find(&config.data_dir)?,
        };
        let identities = Identities::load(&config, &roles)?;
        let (tasks, listening) = (Tasks::new(), Tasks::new());
        let readiness = Readiness::default();

        // Addresses are taken before anything slow happens, so that a port in use is said at once.
        let public = match roles.contains(&"gateway") {
            true => Some(listen::public(&config).await?),
            false => None,
        };
        config.public.listen = public.as_ref().map_or(Ok(config.public.listen), TcpListener::local_addr)?;
        let operations = bind(config.operations(&roles), "the operations listener").await?;
        let operations_at = operations.local_addr()?;
        // Who waits for us sees what we wait for. What serves already stops when the rest does not start.
        let process = readiness.part("process");
        let unfinished = listening.token().clone().drop_guard();
        serve_operations(&listening, operations, health_server::router(readiness.clone(), start.metrics));
        let mut stores = Stores::connect(&config, &roles).await?;
        let lost = watch_server(&tasks, &mut stores, &readiness);
        let engine = stores.place();
        let database = readiness.part(engine.as_str());
        let waiting = Waiting { part: &database, engine: &engine, patient };
        if modules::keeps_data(&roles) || start.may_migrate {
            waiting.until(async || stores.bring_up(start.may_migrate).await).await?;
        }
        let keys = match stores.first().await? {
            Some(db) => waiting.until(async || Keys::settled(found.clone(), &config.data_dir, &db).await).await?,
            None => found.map_or_else(|| Keys::load(&config.data_dir), Ok)?,
        };

        let sandbox_url = provider(&config, &keys, start.own_sandbox, &tasks).await?;
        config.payment.sandbox_url = sandbox_url.clone();
        let installation = Installation { config: &config, keys: &keys, identities: &identities };
        let environment = installation.environment(&roles, &tasks, redis(&config, &tasks)?);
        let mut registry = Registry::build(&environment, &mut stores).await?;
        let last = roles.last().copied().unwrap_or_default();
        let clients = Clients::of(last, &installation, registry.clients())?;
        waiting.until(async || registry.prepare().await).await?;
        let events = events::log(&config, &tasks)?;
        events::announce(&tasks, &events, &config, &roles, &readiness);
        run_workers(&environment, &mut registry, &mut stores, &events).await?;
        registry.announce(&readiness);
        let routers = Routers::new(&environment, &mut registry, &mut stores).await?;
        if !modules::are_all(&roles) {
            serve_roles(&installation, &roles, &routers, &listening).await?;
        }
        let public_tls = config.public_files().filter(|_| public.is_some()).map(PublicTls::load).transpose()?;
        identities.watch(&tasks, public_tls.iter().map(|tls| Arc::new(tls.clone()) as Arc<dyn Reload>).collect());
        if let Some(listener) = public {
            let gateway = gateway(&installation, &environment, &registry, &routers, &listening, public_tls)?;
            let cache = gateway.cache();
            waiting.until(async || purge_by_events(&tasks, &mut stores, &events, cache.clone()).await).await?;
            listening.spawn("gateway", async move { gateway.serve(listener).await });
        }
        unfinished.disarm();
        database.ready();
        if let Some(db) = stores.any().filter(|_| modules::needs_database(&roles)) {
            watch_database(&tasks, db.clone(), engine, database);
        }
        process.ready();
        let public = roles.contains(&"gateway").then_some(config.public.listen);
        Ok(Self {
            config,
            tasks,
            listening,
            readiness,
            process,
            stores,
            lost,
            clients,
            public,
            operations: operations_at,
            sandbox_url,
            _lock: lock,
        })
    }

    /// Where buyers connect to.
    pub fn public(&self) -> Option<SocketAddr> {
        self.public
    }

    /// Where operators ask.
    pub fn operations(&self) -> SocketAddr {
        self.operations
    }

    /// The sandbox provider, the configured one or the one this process runs.
    pub fn sandbox_url(&self) -> Option<&str> {
        self.sandbox_url.as_deref()
    }

    /// The configuration in force, with the addresses that were found.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// How to connect to the database.
    pub fn database_url(&self) -> &str {
        self.stores.url()
    }

    /// The services, as the last of this process's roles reaches them.
    pub fn clients(&self) -> &Clients {
        &self.clients
    }

    /// What is still waited for.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// Returns when this process's own database server is gone for good; a database that was given is waited for.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Sends callers elsewhere, then takes no more requests, finishes what is under way, stops the database if it is ours.
    pub async fn stop(self) -> anyhow::Result<()> {
        // A process that was not ready has no client to send elsewhere.
        let was_ready = self.readiness.waiting_for().is_empty();
        self.process.not_ready("stopping");
        self.listening.leave();
        if was_ready {
            tokio::time::sleep(Duration::from_secs(self.config.internal.drain_seconds)).await;
        }
        if let Err(hanging) = self.listening.drain(PATIENCE).await {
            tracing::warn!(?hanging, "some connections did not end");
        }
        if let Err(hanging) = self.tasks.drain(PATIENCE).await {
            tracing::warn!(?hanging, "some tasks did not end");
        }
        drop(self.clients);
        self.stores.close().await
    }
}

/// A configuration that can work, or everything that is wrong with it.
fn checked(config: Config, roles: &[&str], own_sandbox: bool) -> anyhow::Result<Config> {
    let complaints = [config.check(), config.check_roles(roles, own_sandbox)].concat();
    let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
    anyhow::ensure!(complaints.is_empty(), "the configuration cannot work:\n{}", complaints.join("\n"));
    Ok(config)
}

/// No other process may use what lies in the data directory: the index, the private database. Roles that keep nothing there
/// share it.
fn take_lock(config: &Config, roles: &[&str]) -> anyhow::Result<Option<DataDirLock>> {
    let alone = config.database.url.is_none() || modules::are_all(roles);
    // A private database takes the lock itself.
    if !alone || config.database.url.is_none() {
        return Ok(None);
    }
    Ok(Some(DataDirLock::take(&config.data_dir)?))
}

/// The configured sandbox provider or, for a shop that brings its own, a new one.
async fn provider(config: &Config, keys: &Keys, own: bool, tasks: &Tasks) -> anyhow::Result<Option<String>> {
    match &config.payment.sandbox_url {
        Some(url) => Ok(Some(url.clone())),
        None if own => Ok(Some(sandbox::start(config, keys, tasks).await?)),
        None => Ok(None),
    }
}

/// The start does not wait for it to answer: readiness does not depend on it.
fn redis(config: &Config, tasks: &Tasks) -> anyhow::Result<Option<Redis>> {
    if config.redis.nodes.is_empty() {
        return Ok(None);
    }
    let RedisConfig { nodes, installation } = config.redis.clone();
    Ok(Some(Redis::new(&RedisSettings { nodes, installation, call: souk_redis::CALL }, tasks)?))
}

async fn bind(address: SocketAddr, what: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{what} cannot listen on {address}"))
}

/// Events, jobs and schedules of the worker roles.
async fn run_workers(
    environment: &Environment<'_>,
    registry: &mut Registry,
    stores: &mut Stores,
    events: &EventLog,
) -> anyhow::Result<()> {
    let tasks = environment.tasks;
    for (spec, module) in registry.modules_mut() {
        let Some(worker) = spec.worker().filter(|worker| environment.roles.contains(&worker.name)) else { continue };
        let schema = spec.schema().with_context(|| format!("role {} has no schema", worker.name))?;
        let db = stores.of(schema).await?;
        for consumer in module.consumers.drain(..) {
            let foreign = consumer.sources().iter().find(|source| !worker.reads(source));
            anyhow::ensure!(foreign.is_none(), "{} reads {foreign:?}, which its spec does not say", consumer.name());
            run_consumer(tasks, &db, events, consumer);
        }
        events::relay(tasks, &db, schema, events);
        let jobs = std::mem::take(&mut module.jobs);
        if !jobs.is_empty() {
            run_jobs(tasks, &db, jobs);
        }
        let mut schedules = std::mem::take(&mut module.schedules);
        schedules.push(housekeeping(&db));
        if spec.keeps_replies() {
            schedules.push(souk_idempotency::housekeeping(&db));
        }
        run_schedules(tasks, &db, schedules);
        module.background.drain(..).for_each(|start| start());
    }
    Ok(())
}

/// One internal listener for each role that answers: its contract, and its public routes for the gateway.
async fn serve_roles(
    installation: &Installation<'_>,
    roles: &[&'static str],
    routers: &Routers,
    listening: &Tasks,
) -> anyhow::Result<()> {
    let (config, identities) = (installation.config, installation.identities);
    for role in roles {
        let Some(inner) = routers.internal(role) else { continue };
        let address = SocketAddr::new(config.internal.host, config.port(role));
        let socket = bind(address, &format!("role {role}")).await?;
        let router = souk_rpc_http::admit(inner, identities.admission(role, installation.keys.actor()));
        let listener = Listener { name: role, socket, router, identity: identities.of(role).cloned() };
        listening.spawn(role, souk_rpc_http::serve(listener, listening.clone()));
    }
    Ok(())
}

fn serve_operations(listening: &Tasks, listener: TcpListener, router: Router) {
    let token = listening.token().clone();
    listening.spawn("operations", async move {
        let served = axum::serve(listener, router).with_graceful_shutdown(token.cancelled_owned()).await;
        if let Err(error) = served {
            tracing::error!(listener = "operations", %error, "listener failed");
        }
    });
}
