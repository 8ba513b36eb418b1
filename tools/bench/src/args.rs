//! `souk bench`: what can be said on the command line.

use std::path::PathBuf;

use crate::limits::BareKind;
use crate::scenario::Kind;

/// Measure a running shop on this machine.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// The shop; loopback only.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// Its operations listener, for cache hits, commits and statements.
    #[arg(long)]
    pub operations: Option<String>,
    /// The shop's process, for its CPU and memory.
    #[arg(long)]
    pub shop_pid: Option<u32>,
    /// PostgreSQL's first process (postmaster); found by itself where the database tells.
    #[arg(long)]
    pub postgres_pid: Option<u32>,
    /// The shop's database, for pgbench, the bare SELECT, and the rules of money and stock.
    #[arg(long, env = "SOUK_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The data directory of a running shop with a database of its own, instead of --database-url.
    #[arg(long, conflicts_with = "database_url")]
    pub data_dir: Option<PathBuf>,
    /// What to measure; may be repeated. All when absent.
    #[arg(long, value_enum)]
    pub scenario: Vec<Kind>,
    /// Connections, each a virtual user.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub connections: u64,
    /// Seconds each scenario is measured.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Seconds each is warmed up before; what happens then is not counted.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=600))]
    pub warmup: u64,
    /// Open loop: so many turns a second, whether the shop keeps up or not.
    #[arg(long, value_parser = rate)]
    pub rate: Option<f64>,
    /// Mean pause between two pages of a journey, milliseconds.
    #[arg(long, default_value_t = 200)]
    pub think_ms: u64,
    /// What is sold in the flash sale; some SKU when absent.
    #[arg(long)]
    pub flash_sku: Option<String>,
    /// How many want it; five for each unit, at most 5000, when absent.
    #[arg(long)]
    pub flash_buyers: Option<usize>,
    /// The set of throttles the shop runs under, for the report: `standard`, `bench`, `off`.
    #[arg(long, default_value = "not said")]
    pub throttle_profile: String,
    /// Seconds an import of this catalogue took until search had all of it, for the report.
    #[arg(long)]
    pub import_seconds: Option<f64>,
    /// Seconds the shop took to start with this catalogue there, for the report.
    #[arg(long)]
    pub start_seconds: Option<f64>,
    /// Leave out what the machine can do at most (bare handlers, pgbench).
    #[arg(long)]
    pub no_limits: bool,
    /// Where reports go.
    #[arg(long, default_value = "bench-reports")]
    pub out: PathBuf,
    /// Print the report as JSON.
    #[arg(long)]
    pub json: bool,
    /// Be a bare handler: how the bench starts its own yardsticks.
    #[arg(long, value_enum, hide = true)]
    pub serve_bare: Option<BareKind>,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.1..=1_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("0.1 to 1000000 turns a second".into()),
    }
}
