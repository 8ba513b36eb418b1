//! Traces: where they go, and how many.

use axum::http::Uri;
use serde::{Deserialize, Serialize};
use souk_telemetry::Otlp;

/// Traces.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// An OTLP collector that takes `http/protobuf`: `http://127.0.0.1:4318`. None takes no traces.
    pub otlp: Option<String>,
    /// Share of requests whose trace is kept, 0 to 1; those in which something fails are kept besides.
    pub ratio: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { otlp: None, ratio: 0.05 }
    }
}

impl Telemetry {
    /// Keys below `telemetry`, and why their values cannot work.
    pub fn complaints(&self) -> Vec<(&'static str, String)> {
        let mut complaints = Vec::new();
        if let Some(url) = &self.otlp {
            let parsed = url.parse::<Uri>().ok();
            let fine = parsed.is_some_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none()
            });
            if !fine {
                complaints.push(("otlp", format!("{url:?} is not a URL like http://127.0.0.1:4318")));
            }
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            complaints.push(("ratio", "must be between 0 and 1".into()));
        }
        complaints
    }

    /// What a process of these roles is to export, if anything.
    pub fn of(&self, roles: &[&str]) -> Option<Otlp> {
        let url = self.otlp.clone()?;
        let service = match roles {
            [role] => format!("souk-{role}"),
            _ => "souk".to_owned(),
        };
        Some(Otlp { url, ratio: self.ratio, service })
    }
}
