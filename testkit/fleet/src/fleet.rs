//! All of it: engines, certificates, schema, provider, roles, catalogue.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use souk_engines::{Engine, EngineError, Kind, free_port};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::binary::output;
use crate::role::{Role, RoleProcess};
use crate::settings::{Common, Ports};
use crate::{Binary, Choice, Engines};

/// Processes that start at once: more only wait for each other on a small machine.
const STARTING: usize = 8;
/// Waves in which roles end: [`wave_of`].
const WAVES: usize = 4;
/// How long a provider may take to end.
const PROVIDER_END: Duration = Duration::from_secs(10);

/// What a fleet is made of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program of all roles.
    pub binary: Binary,
    /// The engines.
    pub engines: Choice,
    /// Processes of each role.
    pub instances: usize,
    /// All roles in one process: what a fleet is compared with.
    pub together: bool,
    /// Where buyers connect to.
    pub listen: SocketAddr,
    /// Products of the demo catalogue.
    pub products: usize,
    /// Memory of each gateway's page cache; 0 is none.
    pub cache_mib: u64,
    /// Limits on how often, as for strangers; else none, for loads that come from one address.
    pub throttled: bool,
    /// Seconds between "not ready" and the closing of a role's listener.
    pub drain_seconds: u64,
    /// Further settings of all processes: whole tables in TOML.
    pub settings: String,
}

impl Plan {
    /// Two of each role on all engines, with a small catalogue, on a free port.
    pub fn new(binary: Binary) -> Self {
        Self {
            binary,
            engines: Choice::ALL,
            instances: 2,
            together: false,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, free_port())),
            products: 60,
            cache_mib: 64,
            throttled: false,
            drain_seconds: 1,
            settings: String::new(),
        }
    }
}

/// A running fleet. It ends with this.
pub struct Fleet {
    /// What the roles stand on.
    pub engines: Engines,
    /// Every process of every role, callees before callers as the table has them; gateways last.
    pub roles: Vec<Role>,
    plan: Plan,
    provider: Engine<Provider>,
    dir: tempfile::TempDir,
}

impl Fleet {
    /// Starts everything; the shop is open when this returns.
    ///
    /// # Errors
    /// Something is not installed or does not start: in words that say what to do.
    pub async fn start(plan: Plan) -> anyhow::Result<Self> {
        let program = plan.binary.path();
        // Before the engines start, which takes its time.
        ensure!(program.is_file(), "{} is no program: `make setup-fleet` builds one", program.display());
        let engines = Engines::start(plan.engines).await?;
        let dir = tempfile::Builder::new().prefix("souk-fleet-").tempdir().context("cannot make a directory")?;
        let (pki, data) = (dir.path().join("pki"), dir.path().join("data"));
        std::fs::create_dir(&data).context("cannot make the data directory")?;
        // Made here, since dozens of processes would make it at once.
        write(&data.join("master.key"), &format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))?;
        output(plan.binary.command(["pki", "init", "--dir"]).arg(&pki))?;
        let names: Vec<String> = match plan.together {
            true => vec!["all".into()],
            // The table begins with what is nearest to the public.
            false => plan.binary.roles()?.into_iter().map(|role| role.name).rev().collect(),
        };
        let (ports, provider_port) = (Ports::choose(&names, plan.instances), free_port());
        let common = Common {
            engines: &engines,
            ports: &ports,
            dir: dir.path(),
            provider: provider_port,
            url: &format!("http://{}", plan.listen),
            plan: &plan,
        };
        let tool = dir.path().join("souk.toml");
        write(&tool, &common.tool())?;
        output(&mut tool_command(&plan.binary, &tool, &["migrate"]))?;
        let provider = Provider { binary: plan.binary.clone(), config: tool, port: provider_port };
        let provider = Engine::launch(provider).await?;
        let mut processes = Vec::new();
        for role in &names {
            for instance in 1..=plan.instances {
                let (config, operations) = (dir.path().join(format!("{role}-{instance}.toml")), free_port());
                write(&config, &common.of(role, instance, operations))?;
                let binary = Mutex::new(plan.binary.clone());
                processes.push(RoleProcess { role: role.clone(), instance, binary, config, operations });
            }
        }
        let starting = stream::iter(processes).map(|process| async { Engine::launch(process).await.map(Role) });
        let roles = starting.buffered(STARTING).try_collect().await?;
        let fleet = Self { engines, roles, plan, provider, dir };
        fleet.tool(&["import", "demo", "--products", &fleet.plan.products.to_string()])?;
        Ok(fleet)
    }

    /// The processes of a role.
    pub fn of<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a Role> {
        self.roles.iter().filter(move |process| process.name() == role)
    }

    /// Processes of each role.
    pub fn instances(&self) -> usize {
        self.plan.instances
    }

    /// Where buyers connect to.
    pub fn public(&self) -> SocketAddr {
        self.plan.listen
    }

    /// The sandbox provider.
    pub fn provider_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.provider.kind().port)
    }

    /// The configuration of tools that work on the shop as a whole.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("souk.toml")
    }

    /// Where settings and data lie; gone with the fleet.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The whole database, with all rights, on whichever node is the primary.
    pub fn database_url(&self) -> String {
        self.engines.postgres.url(&[0, 1, 2])
    }

    /// Runs one of Souk's tools on the shop: what it said.
    ///
    /// # Errors
    /// What it complained of.
    pub fn tool(&self, words: &[&str]) -> anyhow::Result<String> {
        output(&mut tool_command(&self.plan.binary, &self.config(), words))
    }

    /// Starts again who ended by themselves or were killed; their names.
    ///
    /// # Errors
    /// One does not start.
    pub async fn revive(&self) -> Result<Vec<String>, EngineError> {
        let mut revived = Vec::new();
        for role in self.roles.iter().filter(|role| !role.process().is_running()) {
            role.process().restart().await?;
            revived.push(format!("{}-{}", role.name(), role.instance()));
        }
        Ok(revived)
    }

    /// Ends all roles in order, gateways first, then the engines.
    ///
    /// # Errors
    /// A role does not end well.
    pub async fn stop(self) -> anyhow::Result<()> {
        // A wave at a time: who calls those of the next has ended before, or ends with them.
        for wave in 0..WAVES {
            let ending = self.roles.iter().filter(|role| wave_of(role.name()) == wave).map(Role::end);
            futures_util::future::join_all(ending).await.into_iter().collect::<Result<Vec<()>, _>>()?;
        }
        Ok(self.provider.terminate(PROVIDER_END).await?)
    }
}

/// Who ends when: from what is nearest to the public to what all roles call.
fn wave_of(role: &str) -> usize {
    match role {
        "gateway" | "all" => 0,
        "storefront" => 1,
        worker if worker.ends_with("-worker") => 2,
        _ => WAVES - 1,
    }
}

fn write(file: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

fn tool_command(binary: &Binary, config: &Path, words: &[&str]) -> Command {
    let mut command = binary.command(words);
    command.arg("--config").arg(config);
    command
}

/// The sandbox payment provider: a third party's server, which does not die with the shop.
struct Provider {
    binary: Binary,
    config: PathBuf,
    port: u16,
}

impl Kind for Provider {
    const NAME: &'static str = "sandbox provider";
    const PATIENCE: Duration = Duration::from_secs(60);

    fn command(&self, _home: &Path) -> Result<Command, EngineError> {
        let listen = format!("127.0.0.1:{}", self.port);
        Ok(tool_command(&self.binary, &self.config, &["psp-sandbox", "--listen", &listen]))
    }

    async fn probe(&self) -> Result<(), String> {
        let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await;
        connected.map(drop).map_err(|error| error.to_string())
    }
}
