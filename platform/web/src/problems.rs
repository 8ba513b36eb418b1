//! Register of problem types (RFC 9457, 3.1.1): each stable code with its statuses and what to do about it, read from
//! docs/errors.md, which is generated from the sources.

use std::sync::LazyLock;

const DOCUMENT: &str = include_str!("../../../docs/errors.md");

/// One problem type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProblemType {
    /// Stable, for programs.
    pub code: &'static str,
    /// HTTP statuses it comes with.
    pub statuses: Vec<u16>,
    /// What to do about it, a sentence for developers.
    pub advice: &'static str,
}

static ALL: LazyLock<Vec<ProblemType>> = LazyLock::new(|| DOCUMENT.lines().filter_map(row).collect());

/// A row of the table: `` | `code` | 409, 412 | what to do | from | ``.
fn row(line: &'static str) -> Option<ProblemType> {
    let mut cells = line.strip_prefix("| `")?.split(" | ");
    let code = cells.next()?.strip_suffix('`')?;
    let statuses = cells.next()?.split(", ").filter_map(|status| status.parse().ok()).collect();
    Some(ProblemType { code, statuses, advice: cells.next()? })
}

/// All of them, by code.
pub fn problem_types() -> &'static [ProblemType] {
    &ALL
}

/// The one with this code.
pub fn problem_type(code: &str) -> Option<&'static ProblemType> {
    ALL.iter().find(|known| known.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_understood() {
        let rows = DOCUMENT.lines().filter(|line| line.starts_with("| `")).count();
        assert!(rows > 80, "{rows}");
        assert_eq!(problem_types().len(), rows);
        for known in problem_types() {
            assert!(!known.statuses.is_empty() && known.advice.len() > 10, "{known:?}");
        }
        for code in ["internal", "not_found", "invalid_request", "malformed_json", "too_many_requests"] {
            assert!(problem_type(code).is_some(), "{code}");
        }
        assert_eq!(problem_type("no_such_code"), None);
    }
}
