//! List of common passwords, which guessers try first. The list beside this file holds common ones of eight characters or
//! more, folded to lower case; what is shorter is refused for its length.

use std::collections::HashSet;
use std::sync::LazyLock;

static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// True for a password that every guesser tries; `folded` is its lower-case form.
pub fn is_common(folded: &str) -> bool {
    COMMON.contains(folded) || is_monotonous(folded)
}

/// One step repeated all along: `aaaaaaaa`, `23456789`, `hgfedcba`.
fn is_monotonous(text: &str) -> bool {
    let codes: Vec<i64> = text.chars().map(|c| i64::from(u32::from(c))).collect();
    let mut steps = codes.windows(2).map(|pair| pair[1] - pair[0]);
    let first = steps.next().unwrap_or_default();
    (-1..=1).contains(&first) && steps.all(|step| step == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_folded_sorted_and_worth_its_place() {
        let all: Vec<&str> = include_str!("common_passwords.txt").lines().collect();
        assert!(all.len() > 500, "{}", all.len());
        assert!(all.is_sorted() && COMMON.len() == all.len());
        for word in all {
            assert!(word.chars().count() >= 8 && word == word.to_lowercase(), "{word}");
        }
    }

    #[test]
    fn one_step_repeated_is_common() {
        for common in ["password", "bbbbbbbbbbbbbbbbbbbb", "3456789:", "qwertyuiop", "zyxwvutsrqp"] {
            assert!(is_common(common), "{common}");
        }
        for fine in ["correct horse battery", "aaaaaaab", "abcdefgx"] {
            assert!(!is_common(fine), "{fine}");
        }
    }
}
