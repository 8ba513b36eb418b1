//! Check of documented commands: what README and documents tell people to `make` is a target of the Makefile, and the two
//! commands that everybody needs stand first in the README.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The commands of the README's first block, in their order.
const FIRST: [&str; 2] = ["make run", "make test"];

/// Every command that is none.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let read = |name: &Path| std::fs::read_to_string(name).with_context(|| name.display().to_string());
    let makefile = read(&root.join("Makefile"))?;
    let targets: Vec<&str> = targets(&makefile).collect();
    let mut found = Vec::new();
    for file in documents(root)? {
        let text = read(&file)?;
        let name = file.strip_prefix(root).unwrap_or(&file).display();
        let unknown = told(&text).filter(|(_, target)| !targets.contains(target));
        found.extend(unknown.map(|(line, target)| format!("{name}:{line}: the Makefile has no target {target:?}")));
    }
    found.extend(first_commands(&read(&root.join("README.md"))?));
    Ok(found)
}

/// Markdown files at the top and in `docs/`.
fn documents(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for dir in [root.to_owned(), root.join("docs"), root.join("docs/adr")] {
        for entry in std::fs::read_dir(&dir).with_context(|| dir.display().to_string())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn targets(makefile: &str) -> impl Iterator<Item = &str> {
    let rules = makefile.lines().filter(|line| !line.starts_with(['\t', '#', '.', ' ']));
    let named = rules.filter_map(|line| line.split_once(':')).filter(|(_, rest)| !rest.starts_with('='));
    named.flat_map(|(names, _)| names.split_whitespace()).filter(|name| *name != "?")
}

/// What a document tells to `make`: on a line of a code block, or between backquotes; with the line's number.
fn told(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut block = false;
    text.lines().enumerate().flat_map(move |(at, line)| {
        let fence = line.trim_start().starts_with("```");
        block ^= fence;
        let commands: Vec<&str> = match block && !fence {
            true => vec![line.trim_start()],
            false => line.split('`').skip(1).step_by(2).collect(),
        };
        let targets =
            commands.into_iter().filter_map(|command| command.strip_prefix("make ")?.split_whitespace().next());
        targets.map(|target| (at + 1, target)).collect::<Vec<_>>()
    })
}

fn first_commands(readme: &str) -> Option<String> {
    let block = readme.lines().skip_while(|line| !line.starts_with("```")).skip(1).take_while(|line| *line != "```");
    let commands: Vec<&str> = block.map(|line| line.split('#').next().unwrap_or_default().trim()).collect();
    (commands != FIRST).then(|| format!("README.md: the first commands are {commands:?}, not {FIRST:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_what_stands_before_a_colon() {
        let makefile =
            "# make no: thing\n.PHONY: run\nCARGO ?= cargo\nX := a:b\nrun: setup\n\techo a: b\nlint check:\n";
        assert_eq!(targets(makefile).collect::<Vec<_>>(), ["run", "lint", "check"]);
    }

    #[test]
    fn commands_stand_in_blocks_and_between_backquotes() {
        let text = "Take `make run`, or make nothing; `make test X=\"y\"`.\n```sh\nmake bench  # fast\n  make a\ncmake b\n```\n`makes`\n";
        assert_eq!(told(text).collect::<Vec<_>>(), [(1, "run"), (1, "test"), (3, "bench"), (4, "a")]);
    }

    #[test]
    fn the_first_commands_are_the_two() {
        assert_eq!(first_commands("# S\n\n```sh\nmake run   # a\nmake test\n```\n```sh\nmake x\n```\n"), None);
        for wrong in ["```\nmake test\nmake run\n```\n", "```\nmake run\n```\n", "nothing\n"] {
            assert!(first_commands(wrong).is_some(), "{wrong}");
        }
    }
}
