//! Dependency check, who may depend on whom (ARCHITECTURE 2): a service on any contract, never on another service's
//! implementation; the platform on nothing of commerce; only the binary, the test kit and the tests on implementations.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use serde_json::Value;

/// Packages that put the implementations together.
const ASSEMBLIES: &[&str] = &["souk", "souk-testkit", "souk-e2e", "souk-bench"];

/// Packages that the tests of every other may use.
const FOR_TESTS: &[&str] = &["souk-engines", "souk-eventually"];

/// Every forbidden dependency.
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
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to_name = dependency["name"].as_str().unwrap_or_default();
            let Some(to) = place(to_name) else { continue };
            let for_tests = dependency["kind"] == "dev";
            if let Some(why) = forbidden(name, &from, to_name, &to, for_tests) {
                found.push(format!("{name} depends on {to_name}: {why}"));
            }
        }
    }
    Ok(found)
}

fn forbidden(name: &str, from: &str, to_name: &str, to: &str, for_tests: bool) -> Option<&'static str> {
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
    None
}

#[cfg(test)]
mod tests {
    use super::forbidden;

    #[test]
    fn services_meet_in_contracts_only() {
        let cart_to = |to_name: &str, to: &str| forbidden("souk-cart", "services/cart", to_name, to, false);
        assert!(cart_to("souk-pricing", "services/pricing").is_some());
        assert!(cart_to("souk-pricing-api", "services/pricing/api").is_none());
        assert!(cart_to("souk-db", "platform/db").is_none());
        assert!(forbidden("souk-cart", "services/cart", "souk-pricing", "services/pricing", true).is_none());
        assert!(forbidden("souk", "souk", "souk-pricing", "services/pricing", false).is_none());
        assert!(forbidden("souk-db", "platform/db", "souk-cart-api", "services/cart/api", false).is_some());
        assert!(forbidden("souk-db", "platform/db", "souk-engines", "testkit/engines", false).is_some());
        assert!(forbidden("souk-db", "platform/db", "souk-engines", "testkit/engines", true).is_none());
        assert!(forbidden("souk-db", "platform/db", "souk-eventually", "testkit/eventually", true).is_none());
        assert!(forbidden("souk-db", "platform/db", "souk-eventually", "testkit/eventually", false).is_some());
        assert!(forbidden("souk-storefront", "web/storefront", "souk-cart", "services/cart", false).is_some());
    }
}
