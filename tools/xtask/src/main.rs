//! Checks of code and documents that cargo alone cannot do: `cargo run -p souk-xtask -- check`, and
//! `-- errors` writes docs/errors.md.

mod advice;
mod commands;
mod errors;
mod layers;
mod migrations;
mod sources;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let root = root();
    match std::env::args().nth(1).as_deref() {
        Some("check") => check(&root),
        Some("errors") => errors::write(&root),
        _ => bail!("usage: souk-xtask check | errors"),
    }
}

fn check(root: &Path) -> anyhow::Result<()> {
    let mut found = layers::check(root)?;
    found.extend(sources::check(root)?);
    found.extend(errors::check(root)?);
    found.extend(migrations::check(root)?);
    found.extend(commands::check(root)?);
    for complaint in &found {
        eprintln!("{complaint}");
    }
    if !found.is_empty() {
        bail!("{} things to mend", found.len());
    }
    println!("layers, sources, documents, their commands and migrations are in order");
    Ok(())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}
