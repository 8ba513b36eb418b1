//! Source check, what every file keeps to: a module doc, a sensible length, no path of a developer's machine, SQL in stores
//! only.

use std::path::{Path, PathBuf};

/// Lines of a file: past that there are two ideas in it (STYLE 2 says about 400; this is where it is refused).
const MAX_LINES: usize = 600;

/// Every file that does not.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    let mut found = Vec::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file)?;
        let mut complaints = complaints(&name, &text);
        if text.contains("#[test]") && has_no_test_target(&file, root)? {
            complaints.push("the manifest says `test = false`, so its tests are not run".to_owned());
        }
        found.extend(complaints.into_iter().map(|what| format!("{name}: {what}")));
    }
    Ok(found)
}

/// Whether it belongs to a library whose unit tests are not built.
fn has_no_test_target(file: &Path, root: &Path) -> anyhow::Result<bool> {
    let Some(source) = file.ancestors().take_while(|dir| *dir != root).find(|dir| dir.ends_with("src")) else {
        return Ok(false);
    };
    let manifest = source.with_file_name("Cargo.toml");
    Ok(manifest.exists() && std::fs::read_to_string(manifest)?.contains("[lib]\ndoctest = false\ntest = false\n"))
}

/// Lines where an example opens in a doc comment without a language: rustdoc would take it for a test, and none are run.
fn unrun_examples(text: &str) -> Vec<usize> {
    let mut found = Vec::new();
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        let Some(doc) = line.trim_start().strip_prefix("///").or_else(|| line.trim_start().strip_prefix("//!")) else {
            inside = false;
            continue;
        };
        if let Some(language) = doc.trim_start().strip_prefix("```") {
            if !inside && language.trim().is_empty() {
                found.push(at + 1);
            }
            inside = !inside;
        }
    }
    found
}

fn complaints(name: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let is_test = name.contains("/tests/");
    if !is_test && !text.starts_with("//!") && !text.starts_with("#!") {
        found.push("open with a module doc (//!): what it owns, who calls it, why it is so".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        found.push(format!("{lines} lines: there are two ideas in it"));
    }
    for line in unrun_examples(text) {
        found
            .push(format!("line {line}: an example in a doc comment is not run: name its language, or make it a test"));
    }
    for (at, line) in text.lines().enumerate() {
        if ["/home", "/root", "/work"].iter().any(|dir| line.contains(&format!("\"{dir}/"))) {
            found.push(format!("line {}: a path of one machine", at + 1));
        }
    }
    let is_store = name.contains("/store")
        || name.starts_with("platform/")
        || name.contains("/tests/")
        || name.starts_with("tools/bench/");
    if name.starts_with("services/") && !is_store {
        for (at, line) in text.lines().enumerate().take_while(|(_, line)| !line.contains("#[cfg(test)]")) {
            let statement =
                ["\"select ", "\"insert into ", "\"update ", "\"delete from "].iter().any(|sql| line.contains(sql));
            if statement {
                found.push(format!("line {}: SQL stands in store.rs", at + 1));
            }
        }
    }
    found
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "data"].contains(&name.as_str()) {
                collect(&path, files)?;
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::complaints;

    #[test]
    fn each_rule_bites() {
        assert!(complaints("services/x/src/http.rs", "//! Doc.\n").is_empty());
        assert_eq!(complaints("services/x/src/http.rs", "use a;\n").len(), 1);
        assert_eq!(complaints("services/x/src/http.rs", "//! Doc.\nconst A: &str = \"select 1\";\n").len(), 1);
        assert!(complaints("services/x/src/store.rs", "//! Doc.\nconst A: &str = \"select 1\";\n").is_empty());
        assert_eq!(complaints("a.rs", "//! Doc.\n/// ```\n/// f();\n/// ```\n").len(), 1);
        assert!(complaints("a.rs", "//! Doc.\n/// ```text\n/// f();\n/// ```\n").is_empty());
        assert_eq!(complaints("a.rs", &format!("//! Doc.\n{}", "x\n".repeat(700))).len(), 1);
        assert_eq!(complaints("a.rs", &format!("//! Doc.\nlet a = \"{}root/x\";\n", '/')).len(), 1);
    }
}
