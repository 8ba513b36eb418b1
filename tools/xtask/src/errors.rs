//! Generator of docs/errors.md: every stable error code with where it comes from, collected from the sources, so that the
//! document cannot lag behind.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::advice;

/// Calls that make a problem: how the code is found behind each, and the status.
const MAKERS: &[(&str, Option<&str>)] = &[
    ("Problem::invalid(", Some("422")),
    ("Problem::conflict(", Some("409")),
    ("Problem::unavailable(", Some("503")),
    ("Problem::invalid_fields(", Some("422")),
    ("Problem::new(", None),
    // The kernel's own.
    ("Self::new(", None),
    ("ApiError::transport(", None),
];
const KINDS: &[(&str, &str)] = &[
    ("Kind::Invalid", "422"),
    ("Kind::Unauthenticated", "401"),
    ("Kind::Declined", "402"),
    ("Kind::Forbidden", "403"),
    ("Kind::NotFound", "404"),
    ("Kind::Conflict", "409"),
    ("Kind::Stale", "412"),
    ("Kind::TooLarge", "413"),
    ("Kind::RateLimited", "429"),
    ("Kind::Timeout", "504"),
    ("Kind::Unavailable", "503"),
    ("Kind::Internal", "500"),
];
/// Statuses of the transport, which no kind has.
const TRANSPORT: &[(&str, &str)] = &[
    ("StatusCode::BAD_REQUEST", "400"),
    ("StatusCode::METHOD_NOT_ALLOWED", "405"),
    ("StatusCode::REQUEST_TIMEOUT", "408"),
    ("StatusCode::URI_TOO_LONG", "414"),
    ("StatusCode::UNSUPPORTED_MEDIA_TYPE", "415"),
    ("StatusCode::MISDIRECTED_REQUEST", "421"),
    ("StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE", "431"),
];
/// Bytes before a call within which a status that it takes by name was chosen.
const CHOSEN_BEFORE: usize = 400;
const DOCUMENT: &str = "docs/errors.md";
const FOLDERS: &[&str] = &["platform", "services", "gateway", "web", "import", "demo", "tools/psp-sandbox"];

/// Writes the document.
pub fn write(root: &Path) -> anyhow::Result<()> {
    std::fs::write(root.join(DOCUMENT), render(&collect(root)?))?;
    Ok(())
}

/// A complaint when the document is not what the sources say.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let wanted = render(&collect(root)?);
    let there = std::fs::read_to_string(root.join(DOCUMENT)).unwrap_or_default();
    let codes = collect(root)?;
    let superfluous = advice::superfluous(codes.keys().map(String::as_str));
    if !superfluous.is_empty() {
        return Ok(vec![format!("tools/xtask/src/advice.rs: no such codes: {superfluous:?}")]);
    }
    if wanted == there {
        return Ok(Vec::new());
    }
    Ok(vec![format!("{DOCUMENT} is out of date: run `cargo run -p souk-xtask -- errors`")])
}

type Codes = BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)>;

fn collect(root: &Path) -> anyhow::Result<Codes> {
    let mut codes = Codes::new();
    for folder in FOLDERS {
        visit(root, &root.join(folder), &mut codes)?;
    }
    Ok(codes)
}

fn visit(root: &Path, dir: &Path, codes: &mut Codes) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "target", "node_modules"].contains(&name.as_str()) {
            visit(root, &path, codes)?;
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path)?;
            let place = path.strip_prefix(root).unwrap_or(&path).components().take(2);
            let place = place.map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            scan(&text, &place, codes);
        }
    }
    Ok(())
}

fn scan(text: &str, place: &str, codes: &mut Codes) {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    for (maker, status) in MAKERS {
        for (at, _) in text.match_indices(maker) {
            let rest = &text[at + maker.len()..];
            let Some((before, code)) = first_literal(rest) else { continue };
            let kind = KINDS.iter().find(|(kind, _)| before.contains(kind)).map(|(_, status)| *status);
            let transport = || maker.starts_with("ApiError").then(|| transport(&text[..at], before)).flatten();
            let Some(status) = status.or(kind).or_else(transport) else { continue };
            if !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
                let entry = codes.entry(code.to_owned()).or_default();
                entry.0.insert(status.to_owned());
                entry.1.insert(place.to_owned());
            }
        }
    }
}

/// The status of the transport that a call names, or the last one that was chosen before it.
fn transport(above: &str, before: &str) -> Option<&'static str> {
    let named = TRANSPORT.iter().find(|(name, _)| before.contains(name));
    let near = above.char_indices().rev().nth(CHOSEN_BEFORE).map_or(above, |(at, _)| &above[at..]);
    let chosen = || TRANSPORT.iter().filter_map(|row| Some((near.rfind(row.0)?, row))).max().map(|(_, row)| row);
    named.or_else(chosen).map(|(_, status)| *status)
}

/// The first string literal of an argument list, and what stands before it.
fn first_literal(arguments: &str) -> Option<(&str, &str)> {
    let open = arguments.find('"')?;
    let before = &arguments[..open];
    // A literal further away belongs to something else.
    if before.len() > 80 || before.contains(';') || before.contains('{') {
        return None;
    }
    let rest = &arguments[open + 1..];
    Some((before, &rest[..rest.find('"')?]))
}

fn render(codes: &Codes) -> String {
    let mut text = String::from(
        "# Error codes\n\nGenerated from the sources by `cargo run -p souk-xtask -- errors`; do not edit.\n\n\
         Every error of the public API is an RFC 9457 problem (`application/problem+json`) with `type` `/problems/<code>`,\n\
         a `status`, a `detail` for people, and one of these stable codes. The shop itself shows each at its `type`.\n\n\
         | code | status | what to do | from |\n|---|---|---|---|\n",
    );
    for (code, (statuses, places)) in codes {
        let join = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
        let advice = advice::of(code, statuses.first().map_or("", String::as_str));
        text.push_str(&format!("| `{code}` | {} | {advice} | {} |\n", join(statuses), join(places)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_with_their_status() {
        let mut codes = Codes::new();
        let text =
            "Err(Problem::new(\n    Kind::Declined,\n    \"payment_declined\", x)); Problem::conflict(\"taken\", y)";
        scan(text, "services/x", &mut codes);
        assert!(codes["payment_declined"].0.contains("402"));
        assert!(codes["taken"].0.contains("409"));
        let text = "let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;\nApiError::transport(status, \"odd\", x);\n\
            ApiError::transport(StatusCode::BAD_REQUEST, \"bad\", y)";
        scan(text, "platform/x", &mut codes);
        assert!(codes["odd"].0.contains("415") && codes["bad"].0.contains("400"));
    }
}
