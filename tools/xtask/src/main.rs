//! Checks of code and documents that cargo alone cannot do: `cargo run -p souk-xtask -- check`, and
//! `-- errors` writes docs/errors.md. And the test runner: `-- test distribution`.

mod advice;
mod commands;
mod errors;
mod layers;
mod migrations;
mod sources;
mod test;

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
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((command, [])) if command == "check" => check(&root),
        Some((command, [])) if command == "errors" => errors::write(&root),
        Some((command, rest)) if command == "test" => test::run(&root, rest),
        _ => bail!("usage: souk-xtask check | errors | test GROUP"),
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
