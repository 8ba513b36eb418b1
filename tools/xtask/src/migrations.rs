//! Check that migrations only expand (docs/operations.md): while a release is rolled out the previous one works on the same
//! tables. So files that it has stay as they are, and a new one takes nothing away, unless it says since when no release
//! needs it.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

/// Marks a statement that takes something away, before it in its file: why that is safe, and since which release.
const MARK: &str = "-- contract:";
/// Characters of a reason that says something.
const SHORTEST_REASON: usize = 20;

/// Every migration of the previous release that changed, and every new statement that contracts unmarked.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let told = Command::new(root.join("scripts/previous-release")).arg("commit").current_dir(root).output();
    let told = told.context("cannot run scripts/previous-release")?;
    anyhow::ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr).trim());
    let commit = String::from_utf8(told.stdout)?.trim().to_owned();
    if commit.is_empty() {
        eprintln!("{}WARNING: MIGRATIONS WERE NOT COMPARED.", String::from_utf8_lossy(&told.stderr));
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let before = git(root, &["ls-tree", "-r", "--name-only", "-z", &commit])?;
    let before: Vec<&str> = before.split('\0').filter(|name| is_migration(name)).collect();
    for name in &before {
        let was = git(root, &["show", &format!("{commit}:{name}")])?;
        match std::fs::read_to_string(root.join(name)) {
            Ok(is) if is == was => {}
            Ok(_) => found.push(format!("{name}: ran in the previous release: leave it as it was and add a new file")),
            Err(_) => found.push(format!("{name}: is in the previous release and not here")),
        }
    }
    // What is not committed yet counts, too.
    let now = git(root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    for name in now.split('\0').filter(|name| is_migration(name) && !before.contains(name)) {
        let Ok(text) = std::fs::read_to_string(root.join(name)) else { continue };
        found.extend(contracting(&text).into_iter().map(|what| format!("{name}: {what}")));
    }
    Ok(found)
}

fn git(root: &Path, words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("git").args(words).current_dir(root).output().context("cannot run git")?;
    anyhow::ensure!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

fn is_migration(name: &str) -> bool {
    name.ends_with(".sql") && name.split('/').rev().nth(1) == Some("migrations")
}

/// Statements that take something away from who knows the tables as they were.
fn contracting(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut made: Vec<String> = Vec::new();
    for statement in statements(text) {
        if let Some(rest) = statement.words.strip_prefix("create table ") {
            let name = rest.strip_prefix("if not exists ").unwrap_or(rest);
            made.push(name.split([' ', '(']).next().unwrap_or_default().to_owned());
        }
        let Some(why) = why(&statement.words, &made).filter(|_| statement.reason < SHORTEST_REASON) else { continue };
        let shown: String = statement.words.chars().take(60).collect();
        found.push(format!(
            "`{shown}`: {why}; when no release that may still run minds, say so: `{MARK} <why, and since which release>`"
        ));
    }
    found
}

/// Why the previous release may mind `words`. Tables that this file `made` it does not know.
fn why(words: &str, made: &[String]) -> Option<&'static str> {
    let has = |pattern: &str| format!(" {words} ").contains(&format!(" {pattern} "));
    let mine = |before: &str| {
        let table =
            words.split(before).nth(1).and_then(|rest| rest.split([' ', '(', ';']).find(|word| !word.is_empty()));
        table.is_some_and(|table| made.iter().any(|name| name == table))
    };
    if words.starts_with("alter table") && mine("alter table ") {
        return None;
    }
    if has("drop") || has("truncate") || has("revoke") {
        return Some("takes away what the previous release may use");
    }
    if has("rename") {
        return Some("the previous release knows the old name");
    }
    if has("alter column") || (words.starts_with("alter table") && has("alter")) {
        if has("type") {
            return Some("the previous release may not read or write the new type");
        }
        if has("set not null") {
            return Some("the previous release may write nulls");
        }
    }
    // One column's clauses end at the next comma outside of parentheses.
    for clause in clauses(words) {
        let clause = clause.trim().trim_start_matches("alter table").to_owned();
        let adds = clause.contains(" add ") || clause.starts_with("add ");
        let constraint =
            ["add constraint", "add check", "add unique", "add primary key", "add foreign key", "add exclude"];
        if adds && constraint.iter().any(|words| clause.contains(words)) {
            return Some("the previous release may write rows that the constraint refuses");
        }
        // A default that is a text ends the clause here: texts are left out.
        let given = clause.split_whitespace().any(|word| matches!(word, "default" | "generated"));
        if adds && clause.contains(" not null") && !given {
            return Some("the previous release writes rows without it");
        }
    }
    if words.starts_with("create unique index") && !mine(" on ") {
        return Some("the previous release may write rows that it refuses");
    }
    None
}

/// Splits at commas that stand in no parentheses.
fn clauses(words: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth) = (Vec::new(), String::new(), 0_usize);
    for letter in words.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    parts.push(part);
    parts
}

struct Statement {
    /// In small letters, without comments and texts, each gap one space.
    words: String,
    /// Characters of the reason it gives for itself.
    reason: usize,
}

/// The statements of a file. The bodies of functions and DO blocks are read like everything else.
fn statements(text: &str) -> Vec<Statement> {
    let mut found = Vec::new();
    let (mut words, mut reason, mut quoted) = (String::new(), 0, false);
    for line in text.lines() {
        for (at, letter) in line.char_indices() {
            match letter {
                '\'' => quoted = !quoted,
                _ if quoted => {}
                '-' if line[at..].starts_with("--") => {
                    if let Some(said) = line[at..].strip_prefix(MARK) {
                        reason = said.trim().chars().count();
                    }
                    break;
                }
                ';' => {
                    found.push(Statement { words: tidy(&words), reason });
                    (words, reason) = (String::new(), 0);
                }
                _ => words.extend(letter.to_lowercase()),
            }
        }
        words.push(' ');
    }
    found.push(Statement { words: tidy(&words), reason });
    found.retain(|statement| !statement.words.is_empty());
    found
}

/// Each gap one space.
fn tidy(words: &str) -> String {
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::contracting;

    #[test]
    fn what_expands_is_fine() {
        let text = "-- More.\ncreate table gift (id uuid primary key, note text not null);\n\
            alter table gift add constraint gift_note check (note <> 'drop table x; rename');\n\
            alter table orders add column note text, add column gifts int not null default 0,\n    add column kind text not null default 'toy', add column size int;\n\
            alter table orders\n    add column day date not null generated always as (placed_at::date) stored;\n\
            create index orders_note on orders (note);\ncreate unique index gift_note on gift (note);\n\
            comment on column orders.note is 'why a drop column is not here';\n\
            alter table orders alter column note set default 'x';\nalter table orders set (fillfactor = 50)";
        assert_eq!(contracting(text), Vec::<String>::new());
    }

    #[test]
    fn what_contracts_says_why() {
        for wrong in [
            "drop table gift",
            "alter table orders drop column note",
            "ALTER TABLE orders\n  RENAME COLUMN note TO remark",
            "alter table orders alter column note type varchar(10)",
            "alter table orders alter note set data type int",
            "alter table orders alter column note set not null",
            "alter table orders add column note text not null",
            "alter table orders add column a int default 1, add column b int not null",
            "alter table orders add constraint x check (total > 0)",
            "create unique index x on orders (note)",
            "alter table orders alter column note drop default",
            "do $$ begin alter table orders drop column note; end $$",
            "revoke all on orders from souk_search",
            "truncate orders",
        ] {
            assert_eq!(contracting(&format!("{wrong};\n")).len(), 1, "{wrong}");
            let marked =
                format!("select 1;\n-- contract: nobody has read it since v1.4, whose rollback ended\n{wrong};\n");
            assert_eq!(contracting(&marked), Vec::<String>::new(), "{wrong}");
            assert_eq!(contracting(&format!("-- contract: ok\n{wrong};\n")).len(), 1, "no reason: {wrong}");
        }
        // A reason is for one statement.
        let two = "-- contract: nobody has read it since v1.4, whose rollback ended\ndrop table a;\ndrop table b;\n";
        assert_eq!(contracting(two).len(), 1);
    }
}
