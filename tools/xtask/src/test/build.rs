//! Build of all tests and programs of the workspace in one cargo run, so that nothing is compiled twice for other features.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

/// What cargo built.
pub struct Built {
    /// Test binaries.
    pub tests: Vec<TestBinary>,
    programs: Vec<(String, PathBuf)>,
}

/// A binary with tests in it.
pub struct TestBinary {
    /// `package::target`; the unit tests of a library are its target `lib`.
    pub name: String,
    /// The program.
    pub path: PathBuf,
    /// Of the package: its tests run there, as cargo has it.
    pub directory: PathBuf,
}

/// Variables that `cargo run` sets about the package it runs.
const OF_A_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Builds all, with these features.
pub fn all(root: &Path, features: Option<&str>) -> anyhow::Result<Built> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).stderr(Stdio::inherit());
    // What `cargo run` says of this package would be news to build scripts (ring's), and after a clippy that was called without
    // it most of the workspace would be built again.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OF_A_PACKAGE.iter().any(|prefix| name.starts_with(prefix))) {
            cargo.env_remove(name);
        }
    }
    cargo.args(["test", "--workspace", "--locked", "--no-run", "--message-format", "json-render-diagnostics"]);
    if let Some(features) = features {
        cargo.args(["--features", features]);
    }
    let output = cargo.output().context("cannot run cargo")?;
    ensure!(output.status.success(), "the tests cannot be built");
    let mut built = Built { tests: Vec::new(), programs: Vec::new() };
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line)?;
        built.add(&message);
    }
    Ok(built)
}

impl Built {
    fn add(&mut self, message: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let Some(program) = text(&message["executable"]).map(PathBuf::from) else { return };
        let Some(target) = text(&message["target"]["name"]) else { return };
        let kind = message["target"]["kind"][0].as_str().unwrap_or_default();
        if message["profile"]["test"] != true {
            if kind == "bin" {
                self.programs.push((target, program));
            }
            return;
        }
        let manifest = PathBuf::from(text(&message["manifest_path"]).unwrap_or_default());
        let package = package_name(message["package_id"].as_str().unwrap_or_default());
        let target = if kind == "lib" { "lib" } else { &target };
        self.tests.push(TestBinary {
            name: format!("{package}::{target}"),
            path: program,
            directory: manifest.parent().map(Path::to_owned).unwrap_or_default(),
        });
    }

    /// Where a program of the workspace is.
    pub fn program(&self, name: &str) -> Option<&Path> {
        self.programs.iter().find(|(program, _)| program == name).map(|(_, path)| path.as_path())
    }
}

impl TestBinary {
    /// Its tests by name, without those that are ignored.
    pub fn list(&self) -> anyhow::Result<Vec<String>> {
        let list = |more: &[&str]| -> anyhow::Result<Vec<String>> {
            let mut command = Command::new(&self.path);
            let output = command.current_dir(&self.directory).args(["--list", "--format", "terse"]).args(more).output();
            let output = output.with_context(|| format!("cannot run {}", self.path.display()))?;
            ensure!(output.status.success(), "{} cannot list its tests", self.name);
            let text = String::from_utf8(output.stdout)?;
            Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
        };
        let ignored = list(&["--ignored"])?;
        Ok(list(&[])?.into_iter().filter(|test| !ignored.contains(test)).collect())
    }
}

/// Of an id like `path+file:///there/order#souk-order@0.1.0` or `path+file:///there/souk#0.1.0`.
fn package_name(id: &str) -> String {
    let (url, fragment) = id.rsplit_once('#').unwrap_or((id, ""));
    match fragment.split_once('@') {
        Some((name, _)) => name.to_owned(),
        None => url.rsplit('/').next().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::package_name;

    #[test]
    fn a_package_is_named_by_its_id_or_its_folder() {
        assert_eq!(package_name("path+file:///there/order#souk-order@0.1.0"), "souk-order");
        assert_eq!(package_name("path+file:///there/souk#0.1.0"), "souk");
    }
}
