//! `souk import suggest FILE`: a mapping to start from, for a file that no shipped mapping knows. Reads the file and nothing else.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use souk_import::{Encoding, Input, suggest};

/// A file whose columns are not known yet.
#[derive(Debug, Args)]
pub struct Suggest {
    /// CSV, NDJSON, XML or an Excel workbook.
    file: PathBuf,
    /// How the file's text is encoded; found out by default.
    #[arg(long)]
    encoding: Option<Encoding>,
    /// Write the mapping here, not on standard output. A file that is there already is left alone.
    #[arg(long, value_name = "FILE.toml")]
    output: Option<PathBuf>,
}

/// Runs the command. Ends with status 1 when a field without which nothing can be sold has no column.
pub fn run(args: &Suggest) -> anyhow::Result<ExitCode> {
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let shown = args.file.display();
    let found = suggest(&Input::file(&args.file), args.encoding, &name).with_context(|| shown.to_string())?;
    if let Some(known) = &found.known {
        eprintln!("{shown} is known by itself as {known} and needs no mapping; this is the one that is used for it");
    }
    match &args.output {
        None => print!("{}", found.mapping),
        Some(path) => {
            let mut file =
                std::fs::File::create_new(path).with_context(|| format!("cannot write {}", path.display()))?;
            std::io::Write::write_all(&mut file, found.mapping.as_bytes())?;
            eprintln!(
                "written: {}; look at each line, then souk import products {shown} --mapping {0} --dry-run",
                path.display()
            );
        }
    }
    if found.missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("no column was found for {}: say in the mapping which one it is", found.missing.join(", "));
    Ok(ExitCode::FAILURE)
}
