//! Log filters: what looks like one and filters nothing is refused, because a misspelt level is otherwise taken for a target.

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];

/// Says what is wrong with a filter such as `info,souk_gateway=debug`.
pub(super) fn check(filter: &str) -> Result<(), String> {
    let is_level = |text: &str| LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text));
    for part in split(filter) {
        let fine = match part.rsplit_once('=') {
            // `target[span{field=value}]=level`; what stands before the level may hold equal signs.
            Some((target, level)) => !target.is_empty() && !target.contains(char::is_whitespace) && is_level(level),
            None => is_level(part),
        };
        if !fine {
            return Err(format!("{part:?} is neither a level ({}) nor target=level", LEVELS.join(", ")));
        }
    }
    Ok(())
}

/// At commas outside of brackets.
fn split(filter: &str) -> Vec<&str> {
    let mut depth = 0usize;
    let parts = filter.split(move |letter| {
        match letter {
            '[' | '{' => depth += 1,
            ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    parts.map(str::trim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_or_a_target_with_one() {
        for fine in ["info", "WARN", "info,souk_gateway=debug", "off, souk_db=trace", "info,a[b{c=d,e=f}]=debug"] {
            assert_eq!(check(fine), Ok(()), "{fine}");
        }
        for wrong in ["", "infoo", "info,", "souk_gateway", "souk_gateway=loud", "=info", "info;debug", "a b=info"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }
}
