//! `souk pki`: certificates for development, one for each role. In production the same files come from cert-manager.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use souk_kernel::Clock;
use souk_tls::{Authority, TrustDomain, Validity, ca_file};

use crate::config::TRUST_DOMAIN;
use crate::modules;

/// How long the authority itself holds: longer than anybody develops with one folder.
const AUTHORITY_DAYS: u32 = 3650;

/// The certificate for browsers; no role is called so.
const PUBLIC: &str = "public";

/// Certificates.
#[derive(Debug, Subcommand)]
pub enum Pki {
    /// Make an authority for development and a certificate for every role.
    Init(Init),
}

/// What to make, and where.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder; `[internal.tls] dir` names it. Its authority is used when it has one.
    #[arg(long)]
    dir: PathBuf,
    /// Only these roles; `souk roles` lists them.
    #[arg(long, value_delimiter = ',')]
    role: Vec<String>,
    /// Also one that browsers are shown, `public.pem`, for this host name or address; `[public.tls]` names it.
    #[arg(long)]
    host: Option<String>,
    /// Days the certificates hold.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=i64::from(AUTHORITY_DAYS)))]
    days: u32,
    /// Whose roles they are; `[internal.tls] trust_domain` must say the same.
    #[arg(long, default_value = TRUST_DOMAIN)]
    trust_domain: String,
    /// Replace certificates that are there; running processes take the new ones.
    #[arg(long)]
    force: bool,
}

/// Runs the command.
pub fn run(command: Pki) -> anyhow::Result<ExitCode> {
    let Pki::Init(init) = command;
    init.run()
}

impl Init {
    fn run(&self) -> anyhow::Result<ExitCode> {
        let domain = TrustDomain::parse(&self.trust_domain)?;
        let roles = self.roles()?;
        // Nothing is written when anything would be overwritten.
        for name in roles.iter().copied().chain(self.host.is_some().then_some(PUBLIC)) {
            let file = self.dir.join(format!("{name}.pem"));
            anyhow::ensure!(self.force || !file.exists(), "{} exists: --force makes a new one", file.display());
        }
        let dir = &self.dir;
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
        let now = Clock::system().now().as_second();
        let authority = match ca_file(dir).exists() {
            true => Authority::load(dir)?,
            false => {
                let authority = Authority::new(Validity::days(now, AUTHORITY_DAYS))?;
                authority.save(dir)?;
                println!("made {}: keep ca.key beside it to yourself", ca_file(dir).display());
                authority
            }
        };
        for role in &roles {
            let issued = authority.issue(&domain, role, Validity::days(now, self.days))?;
            issued.save(dir, role, self.force)?;
        }
        if let Some(host) = &self.host {
            authority.issue_host(host, Validity::days(now, self.days))?.save(dir, PUBLIC, self.force)?;
            println!("made {} for {host}", dir.join(format!("{PUBLIC}.pem")).display());
        }
        println!("made certificates of {} roles in {}, good for {} days", roles.len(), dir.display(), self.days);
        Ok(ExitCode::SUCCESS)
    }

    fn roles(&self) -> anyhow::Result<Vec<&'static str>> {
        if self.role.is_empty() {
            return Ok(modules::roles().map(|role| role.name).collect());
        }
        let find = |name: &String| {
            let role = modules::by_name(name).map(|role| role.name);
            role.with_context(|| format!("there is no role {name:?}; `souk roles` lists them"))
        };
        self.role.iter().map(find).collect()
    }
}
