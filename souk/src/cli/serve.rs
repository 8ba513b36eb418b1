//! `souk up`, `souk serve`, `souk psp-sandbox`: the commands that stay.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use souk_telemetry::{Metrics, Traces};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{DataDirArgs, address};
use crate::config::Config;
use crate::keys::Keys;
use crate::modules;
use crate::process::{Process, Start, all_roles};

/// A whole shop.
#[derive(Debug, Args)]
pub struct Up {
    /// Where buyers connect to.
    #[arg(long, value_parser = address)]
    listen: Option<SocketAddr>,
    /// Leave an empty shop empty.
    #[arg(long)]
    empty: bool,
    #[cfg(feature = "demo")]
    #[command(flatten)]
    demo: Demo,
    #[cfg(not(feature = "demo"))]
    #[command(flatten)]
    demo: super::left_out::UpDemo,
    /// Standbys beside the private database, to read from.
    #[arg(long)]
    replicas: Option<usize>,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// What a whole shop sells as long as it is empty.
#[cfg(feature = "demo")]
#[derive(Debug, Args)]
struct Demo {
    /// Fill an empty shop with the demo catalogue (the default on a private database).
    #[arg(long, conflicts_with = "empty")]
    demo: bool,
    /// Products of the demo catalogue.
    #[arg(long, default_value_t = souk_demo::DEFAULT_PRODUCTS, value_parser = super::demo_products())]
    demo_products: usize,
}

/// Some roles.
#[derive(Debug, Args)]
pub struct Serve {
    /// Which: `gateway`, `catalog,catalog-worker`, `all`; `souk roles` lists them.
    #[arg(long, value_delimiter = ',', required = true)]
    role: Vec<String>,
    /// Where buyers connect to, when `gateway` is among the roles.
    #[arg(long, value_parser = address)]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// The sandbox provider.
#[derive(Debug, Args)]
pub struct PspSandbox {
    /// Where it listens.
    #[arg(long, value_parser = address, default_value = "127.0.0.1:4242")]
    listen: SocketAddr,
    #[command(flatten)]
    shop: DataDirArgs,
}

/// `EX_UNAVAILABLE` of sysexits(3): a service that this one needs is not there. Service managers start it again.
const DATABASE_LOST: u8 = 69;

/// Runs a whole shop until it is told to stop.
pub async fn up(args: Up, config: Config) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    #[cfg(not(feature = "demo"))]
    args.demo.check()?;
    let mut config = args.shop.apply(config);
    if let Some(listen) = args.listen {
        config.public.listen = listen;
        // Two shops on one machine: each has its own page for operators.
        if listen.port() != Config::default().public.listen.port() && config.internal.operations.is_none() {
            let mut operations = config.operations(&all_roles());
            operations.set_port(if listen.port() == 0 { 0 } else { listen.port().wrapping_add(1) });
            config.internal.operations = Some(operations);
        }
    }
    // No load balancer stands before the one process there is.
    config.internal.drain_seconds = 0;
    if let Some(replicas) = args.replicas {
        config.database.private_replicas = replicas;
    }
    #[cfg(feature = "demo")]
    let fill = (args.demo.demo || config.database.url.is_none()) && !args.empty;
    let traces = start_traces(&config, &all_roles())?;
    let start = Start {
        config,
        roles: all_roles(),
        may_migrate: true,
        own_sandbox: true,
        metrics: Some(Metrics::install().map_err(anyhow::Error::msg)?),
    };
    let mut stop = Stop::new()?;
    let process = tokio::select! {
        process = Process::start(start) => process?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    #[cfg(feature = "demo")]
    if fill {
        args.demo.fill(&process).await?;
    }
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let operations = process.operations();
    tracing::info!(shop = process.config().public_url(), %operations, millis, "the shop is open; Ctrl-C closes it");
    let status = tokio::select! {
        () = stop.asked() => ExitCode::SUCCESS,
        () = process.lost() => {
            tracing::error!("the database is gone for good: this process ends, for the service manager to start it again");
            ExitCode::from(DATABASE_LOST)
        }
    };
    tracing::info!("closing: finishing what is under way");
    let stopped = process.stop().await;
    finish(traces).await;
    stopped.map(|()| status)
}

#[cfg(feature = "demo")]
impl Demo {
    /// Fills the shop if it is empty.
    async fn fill(&self, process: &Process) -> anyhow::Result<()> {
        let shop = process.clients().shop();
        if shop.is_empty().await? {
            tracing::info!(products = self.demo_products, "filling the shop with the demo catalogue");
            souk_demo::fill(&shop, &process.config().objects()?, self.demo_products).await?;
        }
        Ok(())
    }
}

/// Runs some roles until told to stop.
pub async fn serve(args: Serve, config: Config) -> anyhow::Result<ExitCode> {
    let mut config = args.shop.apply(config);
    if let Some(listen) = args.listen {
        config.public.listen = listen;
    }
    anyhow::ensure!(
        config.database.url.is_some(),
        "roles in processes of their own share a database: give --database-url (or SOUK_DATABASE_URL)"
    );
    let roles = role_names(&args.role)?;
    for odd in config.warnings(&roles) {
        tracing::warn!(key = odd.key, "{}", odd.reason);
    }
    let traces = start_traces(&config, &roles)?;
    let start = Start {
        config,
        roles: roles.clone(),
        may_migrate: false,
        own_sandbox: false,
        metrics: Some(Metrics::install().map_err(anyhow::Error::msg)?),
    };
    let mut stop = Stop::new()?;
    let process = tokio::select! {
        process = Process::start_patiently(start) => process?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    let (public, operations) = (process.public().map(|a| a.to_string()), process.operations());
    let told = async {
        process.readiness().all_ready().await;
        tracing::info!(roles = roles.join(","), public, %operations, "ready");
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = told => {}
        () = stop.asked() => {}
    }
    tracing::info!("draining");
    let stopped = process.stop().await;
    finish(traces).await;
    stopped.map(|()| ExitCode::SUCCESS)
}

/// Begins to trace, before anything that is traced exists. Whether the settings can work is checked later, with all others: what
/// cannot is left to that.
fn start_traces(config: &Config, roles: &[&str]) -> anyhow::Result<Option<Traces>> {
    let otlp = config.telemetry.of(roles).filter(|_| config.telemetry.complaints().is_empty());
    otlp.map(|otlp| Traces::start(&otlp)).transpose().map_err(|error| anyhow::anyhow!("telemetry.otlp: {error}"))
}

/// After the process: its last spans end with it.
async fn finish(traces: Option<Traces>) {
    if let Some(traces) = traces {
        traces.finish().await;
    }
}

/// The roles of `--role`.
pub(super) fn role_names(wanted: &[String]) -> anyhow::Result<Vec<&'static str>> {
    if wanted.iter().any(|name| name == "all") {
        return Ok(all_roles());
    }
    let find = |name: &String| {
        let role = modules::roles().find(|role| role.name == name);
        role.map(|role| role.name).with_context(|| format!("there is no role {name:?}; `souk roles` lists them"))
    };
    wanted.iter().map(find).collect()
}

/// Runs the sandbox provider until told to stop.
pub async fn psp_sandbox(args: PspSandbox, config: Config) -> anyhow::Result<ExitCode> {
    let config = args.shop.apply(config);
    std::fs::create_dir_all(&config.data_dir)?;
    let keys = Keys::load(&config.data_dir)?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
    let mut stop = Stop::new()?;
    let tasks = souk_runtime::Tasks::new();
    let token = tasks.token().clone();
    let serving = souk_psp_sandbox::serve(listener, crate::sandbox::config(&config, &keys), token);
    tokio::pin!(serving);
    tokio::select! {
        served = &mut serving => served?,
        () = stop.asked() => {
            tasks.stop();
            serving.await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Ctrl-C or SIGTERM. A second one ends the process at once.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> anyhow::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
