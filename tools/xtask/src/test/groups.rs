//! Groups of tests, by what they need: what a distribution ships, engines that none ships, the previous release.

use anyhow::ensure;

use super::process::Run;

/// Tests that one command runs.
pub struct Group {
    /// As the command names it.
    pub name: &'static str,
    /// Tests by target and a part of their name; the group without any has what is in no other.
    members: &'static [(&'static str, &'static str)],
    /// Whether what passing tests print is shown: figures that a person wants to see.
    pub shows_output: bool,
    /// Targets that run with nothing beside them: fleets of processes and shops on several engines take all cores, and two of
    /// them beside each other take as long as one after the other and are late with everything. What waits for one engine does
    /// not.
    alone: &'static [&'static str],
}

/// All of them. `make` has a target for each.
pub static GROUPS: [Group; 3] = [
    Group { name: "distribution", members: &[], shows_output: false, alone: &[] },
    Group {
        name: "engines",
        members: &[
            ("souk-db::patroni", ""),
            ("souk-e2e::e2e", "fleet::"),
            ("souk-e2e::e2e", "media::"),
            ("souk-engines::engines", ""),
            ("souk-flow::it", "on_kafka::"),
            ("souk-flow::it", "broker::"),
            ("souk-objects::it", "s3::"),
            ("souk-search::it", "agreement::"),
            ("souk-search::it", "opensearch::"),
            ("souk-search::it", "shared::"),
            ("souk::fleet", ""),
            ("souk::it", "compose::"),
            ("souk::it", "engines::"),
            ("souk::it", "outage::"),
        ],
        shows_output: true,
        alone: &["souk::fleet", "souk::it", "souk-e2e::e2e"],
    },
    Group { name: "upgrade", members: &[("souk::it", "upgrade::")], shows_output: true, alone: &[] },
];

/// Targets that take longest; they begin first.
const LONGEST: [&str; 5] = ["souk::fleet", "souk-db::patroni", "souk::it", "souk-e2e::e2e", "souk-order::it"];

impl Group {
    /// Whether a target has the machine to itself.
    pub fn is_alone(&self, target: &str) -> bool {
        self.alone.contains(&target)
    }
}

/// The group a test belongs to.
pub fn of(target: &str, test: &str) -> &'static Group {
    let [rest, named @ ..] = &GROUPS;
    named.iter().find(|group| group.members.iter().any(|member| matches(member, target, test))).unwrap_or(rest)
}

/// Place in the order of beginning.
pub fn rank(target: &str) -> usize {
    LONGEST.iter().position(|longest| *longest == target).unwrap_or(LONGEST.len())
}

/// A member that names nothing was renamed, and its tests would run where they cannot.
pub fn check_members(group: &Group, runs: &[Run]) -> anyhow::Result<()> {
    for target in group.alone {
        ensure!(runs.iter().any(|run| run.binary.name == *target), "group {} has no target {target}", group.name);
    }
    for member in group.members {
        let found = runs.iter().any(|run| run.tests.iter().any(|test| matches(member, &run.binary.name, test)));
        ensure!(found, "no test is named {} {}, as group {} says", member.0, member.1, group.name);
    }
    Ok(())
}

fn matches((of, part): &(&str, &str), target: &str, test: &str) -> bool {
    *of == target && test.contains(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets_have_the_machine_to_themselves() {
        let engines = of("souk::fleet", "buyers");
        assert!(engines.is_alone("souk::fleet") && !engines.is_alone("souk-db::patroni"));
    }

    #[test]
    fn what_no_group_names_needs_the_distribution_only() {
        assert_eq!(of("souk::it", "engines::kafka").name, "engines");
        assert_eq!(of("souk::it", "upgrade::rolls").name, "upgrade");
        assert_eq!(of("souk::it", "fleet::starts").name, "distribution");
        assert_eq!(of("souk-e2e::e2e", "buying::fleet::buys").name, "engines");
        assert_eq!(of("souk-e2e::e2e", "buying::split::buys").name, "distribution");
    }
}
