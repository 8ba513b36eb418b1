//! Examples in README and docs: their commands are commands of this program, their settings are its settings, their mappings are
//! mappings, and the purchase that the README makes over the API is made.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Parser;
use souk::cli::Cli;
use souk::config::Config;
use souk_import::Mapping;

use crate::place::{Place, said};

/// The least that a mapping has, for examples that show one table of it.
const LEAST: &str = "source = 'x'\n[product]\nexternal_id = 'id'\ntitle = 't'\n[price]\namount = 'p'\n[category]\nfallback = ['Other']\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A block between fences.
struct Block {
    file: String,
    line: usize,
    language: String,
    text: String,
}

fn blocks() -> Vec<Block> {
    let mut files: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)).to_vec();
    files.extend(std::fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    let mut blocks = Vec::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = std::fs::read_to_string(path).unwrap();
        let mut open: Option<Block> = None;
        for (at, line) in text.lines().enumerate() {
            match (line.trim_start().strip_prefix("```"), &mut open) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(language), None) => {
                    let file = path.strip_prefix(root()).unwrap().display().to_string();
                    open = Some(Block { file, line: at + 1, language: language.to_owned(), text: String::new() });
                }
                (None, Some(block)) => block.text.push_str(&format!("{line}\n")),
                (None, None) => {}
            }
        }
    }
    blocks
}

/// The words of each `souk ...` in a block: without comment, settings from the environment, and the brackets of what may be left out,
/// of which the first choice is taken.
fn commands(block: &Block) -> Vec<Vec<String>> {
    let mut lines: Vec<String> = Vec::new();
    for line in block.text.lines() {
        let line = line.split(" #").next().unwrap_or_default();
        match lines.last_mut() {
            // What is indented goes on with the command before.
            Some(last) if line.starts_with("      ") && last.starts_with("souk ") => last.push_str(line),
            _ => lines.push(line.trim_end_matches('\\').to_owned()),
        }
    }
    let mut commands = Vec::new();
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().skip_while(|word| word.contains('=')).collect();
        if words.first() != Some(&"souk") || line.contains(['<', '{']) {
            continue;
        }
        let mut kept: Vec<String> = Vec::new();
        let mut other = false;
        for word in words {
            let plain = word.trim_matches(['[', ']']);
            other |= plain == "|";
            if !other && plain != "..." && !plain.is_empty() {
                kept.push(plain.to_owned());
            }
            other &= !word.ends_with(']');
        }
        commands.push(kept);
    }
    commands
}

#[test]
fn every_command_is_one() {
    let mut seen = 0;
    for block in blocks().iter().filter(|block| matches!(block.language.as_str(), "" | "sh" | "bash" | "console")) {
        for words in commands(block) {
            // Words that stand for what a reader puts there.
            let words: Vec<&str> = words
                .iter()
                .map(|word| match word.as_str() {
                    "UNITS" => "5",
                    "PID" => "1",
                    "NAME" => "utf-8",
                    word => word,
                })
                .collect();
            if let Err(error) = Cli::try_parse_from(&words) {
                panic!("{}, block of line {}: {words:?}: {error}", block.file, block.line);
            }
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen} commands");
}

#[test]
fn every_setting_is_one_and_every_mapping_too() {
    let dir = tempfile::tempdir().unwrap();
    let (mut settings, mut mappings) = (0, 0);
    for block in blocks().iter().filter(|block| block.language == "toml") {
        let place = format!("{}, block of line {}", block.file, block.line);
        if block.file.ends_with("import.md") {
            let mut table: toml::Table = LEAST.parse().unwrap();
            let shown: toml::Table = block.text.parse().unwrap_or_else(|error| panic!("{place}: {error}"));
            for (key, value) in shown {
                match (table.get_mut(&key), value) {
                    (Some(toml::Value::Table(known)), toml::Value::Table(more)) => known.extend(more),
                    (_, value) => drop(table.insert(key, value)),
                }
            }
            let mapping = toml::to_string(&table).unwrap();
            mapping.parse::<Mapping>().unwrap_or_else(|error| panic!("{place}: {error}\n{mapping}"));
            mappings += 1;
        } else {
            let file = dir.path().join("souk.toml");
            std::fs::write(&file, &block.text).unwrap();
            Config::load(Some(&file)).unwrap_or_else(|error| panic!("{place}: {error}"));
            settings += 1;
        }
    }
    assert!(settings >= 6 && mappings >= 3, "{settings} settings, {mappings} mappings");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_purchase_of_the_readme_is_made() {
    let blocks = blocks();
    let example = blocks.iter().find(|block| block.text.starts_with("api=")).expect("the README buys something");
    let place = Place::new();
    let provider = place.provider().await;
    let shop = place.up(&["--demo-products", "20"]).await;
    let script = example.text.replace("127.0.0.1:8080", &place.listen.to_string());
    let order = said(Command::new("bash").args(["-euo", "pipefail", "-c", &script]));
    let last: serde_json::Value = serde_json::Deserializer::from_str(&order).into_iter().last().unwrap().unwrap();
    assert_eq!(last["order"]["status"], "confirmed", "{order}");
    shop.stop().await;
    provider.stop().await;
}
