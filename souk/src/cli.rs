//! Command line: what there is, and where it goes.

mod admin;
mod assets;
mod export;
mod import;
mod left_out;
mod mail;
mod orders;
mod pictures;
mod pki;
mod search;
mod serve;
mod settings;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use souk_kernel::Problem;
use souk_telemetry::LogFormat;

use crate::config::{self, Config};
use crate::modules;
use crate::offline_shop::OfflineShop;
use crate::routers;

/// A commerce platform: `souk up` runs a whole shop from nothing, `souk serve --role ...` any part of a fleet.
#[derive(Debug, Parser)]
#[command(name = "souk", version, arg_required_else_help = true)]
pub struct Cli {
    /// Configuration file (TOML); see `souk config print`.
    #[arg(long, global = true, env = "SOUK_CONFIG")]
    config: Option<PathBuf>,
    /// Log filter: `info`, `debug`, `warn,souk_order=debug`.
    #[arg(long, global = true, env = "SOUK_LOG")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole shop in one process, on a database of its own unless one is given.
    Up(serve::Up),
    /// Run some roles in this process; the others run elsewhere.
    Serve(serve::Serve),
    /// Bring the database up to date.
    Migrate(DataDirArgs),
    /// Bring products in from a file.
    #[command(subcommand)]
    Import(Import),
    /// Write products out to a file.
    #[command(subcommand)]
    Export(Export),
    /// Look after orders.
    #[command(subcommand)]
    Orders(orders::Orders),
    /// Look after mails.
    #[command(subcommand)]
    Mail(mail::Mail),
    /// Look after pictures that lie elsewhere.
    #[command(subcommand)]
    Pictures(pictures::Pictures),
    /// Look after the search index.
    #[command(subcommand)]
    Search(search::Search),
    /// Look after the storefront's styles and scripts.
    #[command(subcommand)]
    Assets(assets::Assets),
    /// List the roles.
    Roles {
        /// For machines.
        #[arg(long)]
        json: bool,
    },
    /// Print the public API's description, OpenAPI 3.1 in JSON.
    Openapi,
    /// Show or check the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look after staff.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// Certificates with which roles prove who they are to each other.
    #[command(subcommand)]
    Pki(pki::Pki),
    /// Run the sandbox payment provider as a server of its own.
    PspSandbox(serve::PspSandbox),
    /// Measure a running shop on this machine; see docs/bench.md.
    #[cfg(feature = "bench")]
    Bench(Box<souk_bench::Args>),
    #[cfg(not(feature = "bench"))]
    #[command(hide = true)]
    Bench(left_out::Words),
}

#[derive(Debug, Subcommand)]
enum Import {
    /// Products, from another shop system's export, Souk's own, or any table with a mapping; gzip is fine.
    Products(import::Products),
    /// A mapping to start from, for a file that is not known by itself.
    Suggest(import::Suggest),
    /// Tax rates and shipping zones, from a file that `souk export rates` wrote; shows what changes first.
    Rates(settings::Apply),
    /// Coupons, from a file that `souk export coupons` wrote; shows what changes first.
    Coupons(settings::Apply),
    /// Categories and their facets, from a file that `souk export categories` wrote; shows what changes first.
    Categories(settings::Apply),
    /// The demo catalogue, into an empty shop; `souk up` does it by itself.
    #[cfg(feature = "demo")]
    Demo(import::Demo),
    #[cfg(not(feature = "demo"))]
    #[command(hide = true)]
    Demo(left_out::Words),
}

#[derive(Debug, Subcommand)]
enum Export {
    /// All products, as NDJSON that `souk import products` reads back, or as CSV for spreadsheets.
    Products(export::Products),
    /// Tax rates and shipping zones, as a file to edit.
    Rates(settings::Export),
    /// Coupons, as a file to edit.
    Coupons(settings::Export),
    /// Categories and their facets, as a file to edit.
    Categories(settings::Export),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Say what cannot work, with file, key and reason.
    Check {
        /// The roles of the process it is for: `gateway`, `catalog,catalog-worker`, `all`.
        #[arg(long, value_delimiter = ',')]
        role: Vec<String>,
        /// Call variables that nothing reads an error, not a warning.
        #[arg(long)]
        strict: bool,
    },
    /// Print what is in force.
    Print,
}

/// Which shop a command is about: the one on a data directory, running or not, or the one on a database.
#[derive(Clone, Debug, Default, Args)]
pub struct DataDirArgs {
    /// The shop's data directory.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// The shop's PostgreSQL, `postgresql://user@host/database`.
    #[arg(long, env = "SOUK_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

impl DataDirArgs {
    /// `config` with what was said on the command line.
    pub fn apply(&self, mut config: Config) -> Config {
        if let Some(dir) = &self.data_dir {
            config.data_dir = dir.clone();
        }
        if let Some(url) = &self.database_url {
            config.database.url = Some(url.clone());
        }
        config
    }
}

/// Runs the command.
pub fn main(cli: Cli) -> ExitCode {
    let result = Config::load(cli.config.as_deref()).map_err(anyhow::Error::msg).and_then(|config| run(cli, config));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("souk: {}", in_words(&error));
            ExitCode::FAILURE
        }
    }
}

/// An error for the person at the terminal, who may see what is kept from clients of the API: nothing else would tell them.
fn in_words(error: &anyhow::Error) -> String {
    let problems = error.chain().filter_map(|cause| cause.downcast_ref::<Problem>());
    match problems.filter_map(Problem::internal_detail).next() {
        Some(internal) => format!("{error:#}: {internal}"),
        None => format!("{error:#}"),
    }
}

/// For threads that are busy with something that no caller waits for.
const AT_THE_END: std::time::Duration = std::time::Duration::from_millis(200);

fn run(cli: Cli, mut config: Config) -> anyhow::Result<ExitCode> {
    let checks = matches!(cli.command, Command::Config(_));
    let given = cli.log.is_some();
    if let Some(filter) = cli.log {
        config.log.filter = filter;
    }
    let filter = match given && !checks || cli.command.is_server() {
        true => config.log.filter.as_str(),
        // A tool's own output is not to drown in the log, and what is checked need not work.
        false => "warn",
    };
    let format = if config.log.json { LogFormat::Json } else { LogFormat::Text };
    souk_telemetry::init_logs(format, filter).map_err(|error| anyhow::anyhow!("log.filter: {error}"))?;
    if !checks && !config.unknown.is_empty() {
        tracing::warn!(variables = config.unknown.join(", "), "{}", config::UNKNOWN_VARIABLE);
    }
    crate::file_limit::raise_limit();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().on_thread_park(crate::allocator::tidy).build()?;
    let done = runtime.block_on(async {
        match cli.command {
            // Boxed: a process's start is a large future.
            Command::Up(up) => Box::pin(serve::up(up, config)).await,
            Command::Serve(serve) => Box::pin(serve::serve(serve, config)).await,
            Command::Migrate(shop) => migrate(shop.apply(config)).await,
            Command::Import(Import::Products(products)) => import::products(products, config).await,
            Command::Import(Import::Suggest(file)) => import::suggest(&file),
            Command::Import(Import::Rates(file)) => settings::apply::<settings::Rates>(file, config).await,
            Command::Import(Import::Coupons(file)) => settings::apply::<settings::Coupons>(file, config).await,
            Command::Import(Import::Categories(file)) => settings::apply::<settings::Categories>(file, config).await,
            #[cfg(feature = "demo")]
            Command::Import(Import::Demo(demo)) => import::demo(demo, config).await,
            #[cfg(not(feature = "demo"))]
            Command::Import(Import::Demo(_)) => Err(left_out::error("demo")),
            Command::Export(Export::Products(products)) => export::products(products, config).await,
            Command::Export(Export::Rates(to)) => settings::export::<settings::Rates>(to, config).await,
            Command::Export(Export::Coupons(to)) => settings::export::<settings::Coupons>(to, config).await,
            Command::Export(Export::Categories(to)) => settings::export::<settings::Categories>(to, config).await,
            Command::Orders(command) => orders::run(command, config).await,
            Command::Mail(command) => Box::pin(mail::run(command, config)).await,
            Command::Pictures(command) => Box::pin(pictures::run(command, config)).await,
            Command::Search(command) => search::run(command, config).await,
            Command::Assets(command) => assets::run(command, &config).await,
            Command::Roles { json } => roles(json),
            Command::Openapi => {
                print!("{}", routers::document_text()?);
                Ok(ExitCode::SUCCESS)
            }
            Command::Config(command) => config_command(command, &config, cli.config.as_deref(), given).await,
            Command::Admin(command) => admin::run(command, config).await,
            Command::Pki(command) => pki::run(command),
            Command::PspSandbox(sandbox) => serve::psp_sandbox(sandbox, config).await,
            #[cfg(feature = "bench")]
            Command::Bench(args) => souk_bench::main(*args).await,
            #[cfg(not(feature = "bench"))]
            Command::Bench(_) => Err(left_out::error("bench")),
        }
    });
    // What counts has been waited for; a look-up of a name, or a broker that says nothing, has not.
    runtime.shutdown_timeout(AT_THE_END);
    done
}

impl Command {
    fn is_server(&self) -> bool {
        matches!(self, Command::Up(_) | Command::Serve(_) | Command::PspSandbox(_))
    }
}

async fn migrate(config: Config) -> anyhow::Result<ExitCode> {
    let offline = OfflineShop::database(&config).await?;
    let passwords = config.database.all_passwords().map_err(anyhow::Error::msg)?;
    let applied = crate::stores::migrate_with(offline.url(), &passwords).await?;
    for name in &applied {
        println!("applied {name}");
    }
    println!("the database is up to date");
    offline.close().await?;
    Ok(ExitCode::SUCCESS)
}

fn roles(json: bool) -> anyhow::Result<ExitCode> {
    if json {
        let rows: Vec<_> = modules::roles()
            .map(|role| {
                serde_json::json!({
                    "name": role.name, "about": role.about, "port": role.port, "needs": role.needs,
                    "calls": role.calls, "emits": role.emits, "consumes": role.consumed_types(),
                    "speaks_for_users": role.speaks_for_users, "acts_for_itself": role.acts_for_itself,
                })
            })
            .collect();
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(ExitCode::SUCCESS);
    }
    for role in modules::roles() {
        println!("{:<20} {:>5}  {}", role.name, role.port, role.about);
    }
    Ok(ExitCode::SUCCESS)
}

async fn config_command(
    command: ConfigCommand,
    config: &Config,
    file: Option<&Path>,
    log_given: bool,
) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Print => {
            print!("{}", toml::to_string_pretty(&config.redacted())?);
            Ok(ExitCode::SUCCESS)
        }
        ConfigCommand::Check { role, strict } => {
            let roles = serve::role_names(&role)?;
            let mut complaints = config.check();
            let unknown = config.unknown_variables();
            match strict {
                true => complaints.extend(unknown),
                false => unknown.iter().for_each(|unknown| eprintln!("warning: {unknown}")),
            }
            if !roles.is_empty() {
                complaints.extend(config.check_roles(&roles, false));
            }
            for complaint in &complaints {
                let origin = match complaint.key.as_str() {
                    "log.filter" if log_given => Some("--log or SOUK_LOG".into()),
                    key => Config::origin(file, key).map_err(anyhow::Error::msg)?,
                };
                eprintln!("{}{complaint}", origin.map(|origin| format!("{origin}: ")).unwrap_or_default());
            }
            for odd in config.warnings(&roles) {
                eprintln!("warning: {odd}");
            }
            if complaints.is_empty() {
                if let Some(warning) = config.database.ask_limits().await {
                    eprintln!("warning: {warning}");
                }
                println!("the configuration is fine");
                return Ok(ExitCode::SUCCESS);
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Parses `--listen`.
fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is not an address like 127.0.0.1:8080"))
}

/// Parses how many products of the demo catalogue there are to be.
#[cfg(feature = "demo")]
fn demo_products() -> impl clap::builder::TypedValueParser<Value = usize> {
    const MAX: u64 = souk_demo::MAX_PRODUCTS as u64;
    clap::builder::RangedU64ValueParser::new().range(..=MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_options_fit_together() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn what_a_problem_keeps_for_the_log_is_said_at_the_terminal() {
        let problem = Problem::internal("the demo catalogue was refused");
        let shown = "internal: something went wrong on our side: the demo catalogue was refused";
        assert_eq!(in_words(&problem.clone().into()), shown);
        assert_eq!(in_words(&anyhow::Error::new(problem).context("filling")), format!("filling: {shown}"));
        assert_eq!(in_words(&anyhow::Error::msg("no such file").context("here")), "here: no such file");
    }

    #[cfg(feature = "demo")]
    #[test]
    fn no_more_products_are_asked_for_than_there_are() {
        for words in [&["souk", "import", "demo", "--products"][..], &["souk", "up", "--demo-products"]] {
            let parse = |count: &str| Cli::try_parse_from(words.iter().copied().chain([count]));
            assert!(parse("0").is_ok() && parse("20000").is_ok(), "{words:?}");
            for refused in ["20001", "-1", "many"] {
                assert!(parse(refused).is_err(), "{words:?} {refused}");
            }
        }
    }
}
