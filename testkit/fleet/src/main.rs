//! `make fleet`: starts the fleet, says what runs where, starts again what is killed, and takes everything away at Ctrl-C.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

mod measure;

use clap::{Parser, Subcommand};
use souk_fleet::{Binary, Choice, Fleet, Plan};

/// Between two looks for roles that have ended: as a kubelet, which waits longer each time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A fleet on this machine, on the engines of production. Ctrl-C ends it; nothing is kept.
#[derive(Debug, Parser)]
#[command(name = "souk-fleet", version)]
struct Args {
    /// The program of all roles, built with the features `kafka` (unless `--plain`) and `demo`, and `bench` to measure.
    #[arg(long, default_value = "target/release/souk")]
    souk: PathBuf,
    /// Processes of each role.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=8))]
    instances: u8,
    /// Where buyers connect to.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Products of the demo catalogue.
    #[arg(long, default_value_t = 500)]
    products: usize,
    /// PostgreSQL with replicas only: no Redis, Kafka, OpenSearch, S3.
    #[arg(long)]
    plain: bool,
    /// All roles in one process, to compare with.
    #[arg(long)]
    together: bool,
    /// Memory of each gateway's page cache in MiB; 0 is none.
    #[arg(long, default_value_t = 64)]
    cache_mib: u64,
    /// No limits on how often, for loads that come from one address.
    #[arg(long)]
    unthrottled: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure what splitting costs, how long mails take over Kafka, and what idle roles hold.
    Measure {
        /// Seconds of each scenario.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
        seconds: u32,
        /// How often one process and many are compared, in turn.
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=20))]
        rounds: u32,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("souk-fleet: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> anyhow::Result<()> {
    if let Some(Command::Measure { seconds, rounds }) = args.command {
        return measure::measure(Binary::new(args.souk), seconds, rounds).await;
    }
    let started = Instant::now();
    let plan = Plan {
        engines: if args.plain { Choice::NONE } else { Choice::ALL },
        instances: if args.together { 1 } else { usize::from(args.instances) },
        together: args.together,
        listen: args.listen,
        products: args.products,
        cache_mib: args.cache_mib,
        throttled: !args.unthrottled,
        ..Plan::new(Binary::new(args.souk))
    };
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let mut asked = std::pin::pin!(async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    });
    println!("starting the engines, then {} of each role", plan.instances);
    let fleet = tokio::select! {
        fleet = Fleet::start(plan) => fleet?,
        () = &mut asked => return Ok(()),
    };
    print(&fleet);
    println!("\nhttp://{} is open after {:.0} s; Ctrl-C ends it", fleet.public(), started.elapsed().as_secs_f64());
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = &mut asked => break,
        }
        for name in fleet.revive().await? {
            println!("{name} had ended and runs again");
        }
    }
    println!("ending");
    fleet.stop().await
}

/// What runs where.
fn print(fleet: &Fleet) {
    for (engine, place) in fleet.engines.places() {
        println!("{engine:<38} {place}");
    }
    println!("{:<38} {}", "sandbox provider", fleet.provider_url());
    println!("{:<38} souk --config {}", "tools", fleet.config().display());
    println!("\n{:<24} {:>8}  {:<28} log", "role", "pid", "readiness and metrics");
    for role in &fleet.roles {
        let name = format!("{}-{}", role.name(), role.instance());
        let operations = format!("http://127.0.0.1:{}", role.operations());
        let pid = role.process().pid().unwrap_or_default();
        println!("{name:<24} {pid:>8}  {operations:<28} {}", role.process().log().display());
    }
}
