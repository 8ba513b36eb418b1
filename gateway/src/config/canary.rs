//! Settings of canary releases, `[[public.canary]]`: a new version of a role beside the old one, and which visitors get it
//! (docs/gateway.md says how a rollout goes).

use http::HeaderName;
use serde::{Deserialize, Serialize};

use super::Complaints;

/// Instances of a role's new version, and the share of visitors they get.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CanaryConfig {
    /// Whose new version it is: a role that the gateway forwards to. One canary per role.
    pub role: String,
    /// `host:port` of the new version's instances; names are resolved as those of every role.
    pub addresses: Vec<String>,
    /// Percent of the visitors, 0 to 100, in hundredths: 0.5 is one in two hundred.
    #[serde(default)]
    pub percent: f64,
    /// Name of a request header that decides for itself: `always` or `never`. None: only the percentage counts.
    #[serde(default)]
    pub header: Option<String>,
}

impl CanaryConfig {
    /// What cannot be meant; `roles` are those the gateway forwards to. Keys end in the role's name.
    pub fn complaints(canaries: &[Self], roles: &[&str]) -> Complaints {
        let mut complaints = Complaints::new();
        for (at, canary) in canaries.iter().enumerate() {
            let role = &canary.role;
            let mut wrong = |key: &str, reason: String| complaints.push((format!("canary.{role}{key}"), reason));
            if !roles.contains(&role.as_str()) {
                wrong("", format!("the gateway forwards nothing to it; it forwards to {}", roles.join(", ")));
            }
            if canaries[..at].iter().any(|other| other.role == *role) {
                wrong("", "a role has one canary".into());
            }
            if canary.addresses.is_empty() {
                wrong(".addresses", "must name at least one host:port".into());
            }
            if !(0.0..=100.0).contains(&canary.percent) {
                wrong(".percent", format!("{} is not 0 to 100", canary.percent));
            }
            if let Some(header) = &canary.header
                && let Err(reason) = header_name(header)
            {
                wrong(".header", reason);
            }
        }
        complaints
    }
}

/// Not the name of a header that has a meaning: it is taken away before the request goes on.
fn header_name(text: &str) -> Result<HeaderName, String> {
    let name: HeaderName = text.parse().map_err(|_| format!("{text:?} is no name of a header"))?;
    let ours = name.as_str().starts_with("souk-canary");
    if ours { Ok(name) } else { Err(format!("{text:?} must begin with souk-canary: others mean something else")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_said() {
        let fine = CanaryConfig {
            role: "catalog".into(),
            addresses: vec!["10.0.0.7:7111".into()],
            percent: 0.5,
            header: Some("souk-canary-7f3a".into()),
        };
        let keys = |canaries: &[CanaryConfig]| {
            CanaryConfig::complaints(canaries, &["catalog", "cart"]).into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert!(keys(std::slice::from_ref(&fine)).is_empty());
        assert_eq!(keys(&[fine.clone(), fine.clone()]), ["canary.catalog"], "one per role");
        assert_eq!(keys(&[CanaryConfig { role: "pricing".into(), ..fine.clone() }]), ["canary.pricing"]);
        for percent in [-1.0, 100.5, f64::NAN] {
            assert_eq!(keys(&[CanaryConfig { percent, ..fine.clone() }]), ["canary.catalog.percent"]);
        }
        assert_eq!(keys(&[CanaryConfig { addresses: Vec::new(), ..fine.clone() }]), ["canary.catalog.addresses"]);
        for header in ["cookie", "a b", "souk-position"] {
            let canary = CanaryConfig { header: Some(header.into()), ..fine.clone() };
            assert_eq!(keys(&[canary]), ["canary.catalog.header"], "{header}");
        }
    }
}
