//! `souk admin`: staff accounts, until there is a portal.

use std::io::{BufRead, IsTerminal};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use souk_identity_api::CreateStaff;
use souk_kernel::Secret;
use souk_rpc::{Cx, Permission};

use super::DataDirArgs;
use crate::config::Config;
use crate::offline_shop::OfflineShop;

/// Staff.
#[derive(Debug, Subcommand)]
pub enum Admin {
    /// Make a staff account; the password is read from standard input.
    CreateUser(CreateUser),
}

/// A new account.
#[derive(Debug, Args)]
pub struct CreateUser {
    /// Login.
    #[arg(long)]
    email: String,
    /// Shown in the audit log.
    #[arg(long, default_value = "")]
    name: String,
    /// What it may do: catalog, orders, inventory, pricing, accounts. All of them by default.
    #[arg(long, value_delimiter = ',')]
    permissions: Vec<String>,
    #[command(flatten)]
    shop: DataDirArgs,
}

const ALL: [Permission; 5] =
    [Permission::Catalog, Permission::Orders, Permission::Inventory, Permission::Pricing, Permission::Accounts];

/// Runs the command.
pub async fn run(command: Admin, config: Config) -> anyhow::Result<ExitCode> {
    let Admin::CreateUser(user) = command;
    let permissions = permissions(&user.permissions)?;
    let password = read_password()?;
    let offline = OfflineShop::open(&user.shop.apply(config)).await?;
    let request = CreateStaff { email: user.email, password: Secret::new(password), name: user.name, permissions };
    let result = offline.clients.identity.create_staff(&Cx::system("souk admin create-user"), request).await;
    offline.close().await?;
    let staff = result?;
    println!("created {} ({})", staff.email, staff.id);
    Ok(ExitCode::SUCCESS)
}

fn permissions(names: &[String]) -> anyhow::Result<Vec<Permission>> {
    if names.is_empty() {
        return Ok(ALL.to_vec());
    }
    let parse = |name: &String| {
        serde_json::from_value(serde_json::Value::String(name.clone()))
            .with_context(|| format!("{name:?} is no permission: use catalog, orders, inventory, pricing, accounts"))
    };
    names.iter().map(parse).collect()
}

fn read_password() -> anyhow::Result<String> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("password (shown as you type; or pipe it in):");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    anyhow::ensure!(!password.is_empty(), "no password was given on standard input");
    Ok(password)
}
