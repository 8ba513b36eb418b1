//! Public-path hints: which parts of the site answered publicly when they were last asked. A guess only: it decides whether a visitor
//! with cookies is first shown the shared answer.

use std::collections::HashMap;

use super::key::parts_of;
use parking_lot::RwLock;

/// Whether each part of the site answered publicly when it was last asked. Being wrong costs one request more.
#[derive(Default)]
pub(crate) struct PublicPathHints(RwLock<HashMap<Box<str>, bool>>);

/// Parts of the site that are remembered; clients may make up paths.
const MAX_HINTS: usize = 512;

impl PublicPathHints {
    pub(crate) fn is_public(&self, path: &str) -> Option<bool> {
        self.0.read().get(part_of(path)).copied()
    }

    pub(crate) fn learn(&self, path: &str, public: bool) {
        if self.is_public(path) == Some(public) {
            return;
        }
        let mut hints = self.0.write();
        if hints.len() >= MAX_HINTS {
            hints.clear();
        }
        hints.insert(part_of(path).into(), public);
    }
}

/// The start of a path that says what kind of page it is: `/p` of `/p/bag`, `/api/v1/products` of `/api/v1/products/bag`.
fn part_of(key: &str) -> &str {
    let (_, path) = parts_of(key);
    let path = path.split('?').next().unwrap_or_default();
    let depth = if path.starts_with("/api/") { 4 } else { 2 };
    let end = path.match_indices('/').nth(depth - 1).map_or(path.len(), |(at, _)| at);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_tells_its_kind_by_its_start() {
        assert_eq!(part_of("/p/bag"), "/p");
        assert_eq!(part_of("/p/bag/reviews?page=1"), "/p");
        assert_eq!(part_of("!/p/bag"), "/p", "a canary's pages are of the same kind");
        assert_eq!(part_of("/"), "/");
        assert_eq!(part_of("/search?q=a/b"), "/search");
        assert_eq!(part_of("/api/v1/products/bag"), "/api/v1/products");
        assert_eq!(part_of("/api/v1/products?x=1"), "/api/v1/products");
    }

    #[test]
    fn hints_are_bounded() {
        let hints = PublicPathHints::default();
        (0..10_000).for_each(|i| hints.learn(&format!("/x{i}"), true));
        assert!(hints.0.read().len() <= MAX_HINTS);
    }
}
