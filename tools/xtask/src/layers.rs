//! Dependency check, who may depend on whom (ARCHITECTURE 2): a service on any contract, never on another service's
//! implementation; the platform on nothing of commerce; only the binary, the test kit and the tests on implementations; on
//! demo shop and bench nothing that a production build could not leave out. What a build has is the binary's choice: no other
//! package has features.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

/// Package of the program.
const BINARY: &str = "souk";

/// Packages that put the implementations together.
const ASSEMBLIES: &[&str] = &[BINARY, "souk-testkit", "souk-e2e", "souk-bench"];

/// Packages that the tests of every other may use.
const FOR_TESTS: &[&str] = &["souk-engines", "souk-eventually"];

/// Packages that no production build has: a feature can leave out what depends on them (docs/adr/0010).
const NOT_DEPLOYED: &[&str] = &["souk-demo", "souk-bench"];
/// Packages that are never part of a production build themselves.
const FOR_TRYING: &[&str] = &["souk-testkit"];

/// Packages that build a C library: only the binary names them, and a feature can leave them out (docs/adr/0005).
const ON_DEMAND: &[&str] = &["souk-kafka"];

/// A dependency, as its manifest has it.
#[derive(Clone, Copy)]
struct Dependency<'a> {
    /// Package that has it, and the folder of that.
    name: &'a str,
    from: &'a str,
    /// Package that it is, and the folder of that.
    to_name: &'a str,
    to: &'a str,
    for_tests: bool,
    optional: bool,
}

/// Every forbidden dependency, and every library that a feature makes another one.
pub fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root)
        .output()
        .context("cannot run cargo metadata")?;
    anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let folder = |package: &Value| {
        let manifest = package["manifest_path"].as_str().unwrap_or_default();
        let dir = Path::new(manifest).parent().unwrap_or(root);
        dir.strip_prefix(root).unwrap_or(dir).to_string_lossy().into_owned()
    };
    let place = |name: &str| packages.iter().find(|package| package["name"] == name).map(folder);
    let mut found = Vec::new();
    for package in packages {
        let (name, from) = (package["name"].as_str().unwrap_or_default(), folder(package));
        if name != BINARY && package["features"].as_object().is_some_and(|features| !features.is_empty()) {
            found.push(format!("{name} has features: wherever they differ, it and all above it is built again"));
        }
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to_name = dependency["name"].as_str().unwrap_or_default();
            let Some(to) = place(to_name) else { continue };
            let dependency = Dependency {
                name,
                from: &from,
                to_name,
                to: &to,
                for_tests: dependency["kind"] == "dev",
                optional: dependency["optional"] == true,
            };
            if let Some(why) = forbidden(dependency) {
                found.push(format!("{name} depends on {to_name}: {why}"));
            }
        }
    }
    Ok(found)
}

fn forbidden(dependency: Dependency<'_>) -> Option<&'static str> {
    let Dependency { name, from, to_name, to, for_tests, optional } = dependency;
    let implementation = to.starts_with("services/") && !to.ends_with("/api");
    // Real servers to test against, and waiting for them: they know nothing of commerce either.
    if FOR_TESTS.contains(&to_name) && for_tests {
        return None;
    }
    if from.starts_with("platform/") && !to.starts_with("platform/") {
        return Some("the platform knows nothing of commerce");
    }
    if from.ends_with("/api") && !to.ends_with("/api") && !to.starts_with("platform/") {
        return Some("a contract depends on contracts and the platform only");
    }
    if implementation && !ASSEMBLIES.contains(&name) && !for_tests {
        return Some("a service is reached through its contract");
    }
    if NOT_DEPLOYED.contains(&to_name) && !for_tests && !optional && !FOR_TRYING.contains(&name) {
        return Some("what is deployed has neither demo shop nor bench: make it optional, behind a feature");
    }
    if ON_DEMAND.contains(&to_name) && !for_tests && !(name == BINARY && optional) {
        return Some("it builds a C library: only the binary names it, behind a feature");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Dependency, forbidden};

    /// An ordinary dependency of the package `name` in the folder `from`.
    fn of<'a>(name: &'a str, from: &'a str, to_name: &'a str, to: &'a str) -> Dependency<'a> {
        Dependency { name, from, to_name, to, for_tests: false, optional: false }
    }

    fn for_tests(dependency: Dependency<'_>) -> Dependency<'_> {
        Dependency { for_tests: true, ..dependency }
    }

    #[test]
    fn services_meet_in_contracts_only() {
        let to_pricing = of("souk-cart", "services/cart", "souk-pricing", "services/pricing");
        assert!(forbidden(to_pricing).is_some());
        assert!(forbidden(for_tests(to_pricing)).is_none());
        assert!(forbidden(of("souk-cart", "services/cart", "souk-pricing-api", "services/pricing/api")).is_none());
        assert!(forbidden(of("souk-cart", "services/cart", "souk-db", "platform/db")).is_none());
        assert!(forbidden(of("souk", "souk", "souk-pricing", "services/pricing")).is_none());
        assert!(forbidden(of("souk-storefront", "web/storefront", "souk-cart", "services/cart")).is_some());
    }

    #[test]
    fn the_platform_knows_nothing_of_commerce() {
        assert!(forbidden(of("souk-db", "platform/db", "souk-cart-api", "services/cart/api")).is_some());
        for (name, folder) in [("souk-engines", "testkit/engines"), ("souk-eventually", "testkit/eventually")] {
            let to_tool = of("souk-db", "platform/db", name, folder);
            assert!(forbidden(to_tool).is_some());
            assert!(forbidden(for_tests(to_tool)).is_none());
        }
    }

    #[test]
    fn kafka_is_the_binarys_choice() {
        let of_the_binary = of("souk", "souk", "souk-kafka", "platform/kafka");
        assert!(forbidden(of_the_binary).is_some());
        assert!(forbidden(Dependency { optional: true, ..of_the_binary }).is_none());
        let of_a_library = of("souk-flow", "platform/flow", "souk-kafka", "platform/kafka");
        assert!(forbidden(Dependency { optional: true, ..of_a_library }).is_some());
        assert!(forbidden(for_tests(of_a_library)).is_none());
    }

    #[test]
    fn demo_shop_and_bench_can_be_left_out() {
        for (name, folder) in [("souk-demo", "demo"), ("souk-bench", "tools/bench")] {
            let of_the_binary = of("souk", "souk", name, folder);
            assert!(forbidden(of_the_binary).is_some());
            assert!(forbidden(Dependency { optional: true, ..of_the_binary }).is_none());
            let of_the_storefront = of("souk-storefront", "web/storefront", name, folder);
            assert!(forbidden(of_the_storefront).is_some());
            assert!(forbidden(for_tests(of_the_storefront)).is_none());
            assert!(forbidden(of("souk-testkit", "testkit", name, folder)).is_none());
        }
    }
}
