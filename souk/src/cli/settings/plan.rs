//! Plan of a change: what is new, different or gone, by comparing the lines of two states.

use std::collections::BTreeMap;
use std::fmt;

/// Each thing by its name, and what it is.
pub type Lines = BTreeMap<String, String>;

/// What changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    changes: Vec<Change>,
    /// Things that the shop has and the file does not name, and that stay.
    left_alone: usize,
}

#[derive(Debug, PartialEq, Eq)]
struct Change {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

impl Plan {
    /// From what is to what is wanted. Without `replaces` what is not named stays.
    pub fn between(before: &Lines, after: &Lines, replaces: bool) -> Self {
        let mut plan = Self::default();
        for (name, now) in before {
            match after.get(name) {
                Some(then) if then == now => {}
                None if !replaces => plan.left_alone += 1,
                then => {
                    plan.changes.push(Change { name: name.clone(), before: Some(now.clone()), after: then.cloned() })
                }
            }
        }
        let new = after.iter().filter(|(name, _)| !before.contains_key(*name));
        plan.changes.extend(new.map(|(name, then)| Change {
            name: name.clone(),
            before: None,
            after: Some(then.clone()),
        }));
        plan.changes.sort_by(|a, b| a.name.cmp(&b.name));
        plan
    }

    /// True when nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// True for a thing that is new, different or gone.
    pub fn touches(&self, name: &str) -> bool {
        self.changes.iter().any(|change| change.name == name)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Change { name, before, after } in &self.changes {
            match (before, after) {
                (None, Some(after)) => writeln!(f, "+ {name}: {after}")?,
                (Some(before), None) => writeln!(f, "- {name}: {before}")?,
                (Some(before), Some(after)) => writeln!(f, "~ {name}: {before} -> {after}")?,
                (None, None) => {}
            }
        }
        if self.left_alone > 0 {
            writeln!(f, "{} more are not in the file and stay as they are", self.left_alone)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_different_and_gone() {
        let lines = |list: &[(&str, &str)]| -> Lines {
            list.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect()
        };
        let (before, after) =
            (lines(&[("a", "1"), ("b", "2"), ("c", "3")]), lines(&[("b", "2"), ("c", "4"), ("d", "5")]));
        let all = Plan::between(&before, &after, true);
        assert_eq!(all.to_string(), "- a: 1\n~ c: 3 -> 4\n+ d: 5\n");
        assert!(all.touches("a") && !all.touches("b"));
        let some = Plan::between(&before, &after, false).to_string();
        assert_eq!(some, "~ c: 3 -> 4\n+ d: 5\n1 more are not in the file and stay as they are\n");
        assert!(Plan::between(&before, &before, true).is_empty());
    }
}
