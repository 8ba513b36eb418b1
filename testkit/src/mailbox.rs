//! Mailboxes of all users of a shop that writes its mails into a folder: how an actor follows a link that was sent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use souk_eventually::eventually;

/// How long a mail may take on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Waits for a mail to `email` in `folder` with a link to `path` of the shop, and returns the newest such link from there on.
pub async fn link(folder: &Path, email: &str, path: &str) -> String {
    let to = format!("To: {email}\r\n");
    eventually(&format!("a mail to {email} with a link to {path}"), SOON, || async {
        let mails = mails(folder);
        let theirs = mails.iter().rev().filter(|mail| mail.contains(&to));
        let found = theirs.filter_map(|mail| {
            let (before, rest) = mail.split_once(path)?;
            // Up to the shop's address: a path, not a part of one.
            before.ends_with(|c: char| c.is_ascii_alphanumeric()).then_some(())?;
            rest.split(|c: char| c.is_whitespace() || c == '"').next().map(|rest| format!("{path}{rest}"))
        });
        found.into_iter().next().ok_or(mails.len())
    })
    .await
}

/// All mails, the oldest first, with the long lines that their encoding has folded.
fn mails(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
    paths.sort();
    let text = |path: &PathBuf| std::fs::read_to_string(path).unwrap().replace("=\r\n", "").replace("=3D", "=");
    paths.iter().map(text).collect()
}
