//! Traces: where they go, and how many.

use std::collections::BTreeMap;

use axum::http::Uri;
use serde::{Deserialize, Serialize};
use souk_kernel::{Secret, without_password};
use souk_telemetry::{Otlp, check_header};

/// Traces. The same for all processes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// An OTLP collector that takes `http/protobuf`: `http://127.0.0.1:4318`. None takes no traces.
    pub otlp: Option<String>,
    /// Headers for it, by name: `authorization = "Bearer ..."`.
    pub otlp_headers: BTreeMap<String, Secret<String>>,
    /// Share of requests whose trace is kept, 0 to 1; those in which something fails are kept besides.
    pub ratio: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp: None, otlp_headers: BTreeMap::new(), ratio: 0.05 }
    }
}

impl Telemetry {
    /// Keys below `telemetry`, and why their values cannot work.
    pub fn complaints(&self) -> Vec<(String, String)> {
        let mut complaints = Vec::new();
        let mut wrong = |key: &str, reason: String| complaints.push((key.to_owned(), reason));
        if let Some(url) = &self.otlp {
            let parsed = url.parse::<Uri>().ok();
            let fine = parsed.as_ref().is_some_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
            });
            if !fine {
                wrong("otlp", format!("{:?} is not a URL like http://127.0.0.1:4318", without_password(url)));
            } else if parsed.and_then(|uri| uri.authority().cloned()).is_some_and(|host| host.as_str().contains('@')) {
                wrong("otlp", "holds a login, which would not be sent: telemetry.otlp_headers is for that".into());
            }
        } else if !self.otlp_headers.is_empty() {
            wrong("otlp_headers", "are for a collector, and telemetry.otlp is not set".into());
        }
        for (name, value) in &self.otlp_headers {
            if let Err(reason) = check_header(name, value) {
                wrong("otlp_headers", reason);
            }
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            wrong("ratio", "must be between 0 and 1".into());
        }
        complaints
    }

    /// The same without its secrets, to be shown.
    pub(super) fn redacted(&self) -> Self {
        let hidden = |name: &String| (name.clone(), Secret::new("***".to_owned()));
        Self {
            otlp: self.otlp.as_deref().map(without_password),
            otlp_headers: self.otlp_headers.keys().map(hidden).collect(),
            ..self.clone()
        }
    }

    /// What a process of these roles is to export, if anything.
    pub fn of(&self, roles: &[&str]) -> Option<Otlp> {
        let url = self.otlp.clone()?;
        let service = match roles {
            [role] => format!("souk-{role}"),
            _ => "souk".to_owned(),
        };
        Some(Otlp { url, headers: self.otlp_headers.clone(), ratio: self.ratio, service })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::keys;

    #[test]
    fn a_collector_is_a_url_and_what_it_is_told_is_not_shown() {
        let mut config = Config::default();
        config.telemetry.otlp = Some("https://otlp.example/api/otlp".into());
        config.telemetry.otlp_headers.insert("authorization".into(), "Bearer s3cret".to_owned().into());
        assert_eq!(keys(&config), Vec::<String>::new());
        assert!(!toml::to_string(&config.redacted()).unwrap().contains("s3cret"));
        assert!(!format!("{config:?}").contains("s3cret"));
        assert!(!format!("{:?}", config.telemetry.of(&["cart"])).contains("s3cret"));
        config.telemetry.otlp_headers.insert("no name".into(), "s3cret".to_owned().into());
        config.telemetry.otlp_headers.insert("x-key".into(), "s3cret\n".to_owned().into());
        config.telemetry.ratio = 1.5;
        for url in ["otlp.example:4318", "grpc://otlp.example", "http://u:s3cret@otlp.example", "http://otlp/?key=1"] {
            config.telemetry.otlp = Some(url.into());
            let expected = ["telemetry.otlp", "telemetry.otlp_headers", "telemetry.otlp_headers", "telemetry.ratio"];
            assert_eq!(keys(&config), expected, "{url}");
            assert!(!config.check().iter().any(|complaint| complaint.reason.contains("s3cret")), "{url}");
        }
        config.telemetry.otlp = None;
        config.telemetry.ratio = f64::NAN;
        assert_eq!(keys(&config).len(), 4, "headers for no collector, and what is wrong with them");
    }
}
