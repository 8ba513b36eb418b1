//! Registry of the configured providers, by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use souk_kernel::{FieldError, Problem};
use souk_payment_api::PaymentId;

use super::Provider;

/// Characters of a caller's word for a provider that an answer repeats.
const MAX_NAME: usize = 40;

/// The providers this shop may use.
pub struct Providers(BTreeMap<&'static str, Arc<dyn Provider>>);

impl Providers {
    /// These; of two with the same name the later.
    pub fn new(providers: Vec<Arc<dyn Provider>>) -> Self {
        Self(providers.into_iter().map(|provider| (provider.name(), provider)).collect())
    }

    /// All, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.0.values()
    }

    /// One, if it is configured.
    pub fn get(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.0.get(name)
    }

    /// The one that a request names.
    ///
    /// # Errors
    /// 422 `unknown_payment_provider`.
    pub fn requested(&self, name: &str) -> Result<&Arc<dyn Provider>, Problem> {
        self.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().copied().collect();
            let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric()).take(MAX_NAME).collect();
            let detail = format!("there is no payment provider {name:?}; there is {}", known.join(", "));
            let field = FieldError { pointer: "/payment/provider".into(), detail: detail.clone() };
            Problem::invalid_fields("unknown_payment_provider", detail, vec![field])
        })
    }

    /// The one of a payment that exists.
    ///
    /// # Errors
    /// 503 `provider_not_configured`.
    pub fn of(&self, payment: PaymentId, name: &str) -> Result<&Arc<dyn Provider>, Problem> {
        self.get(name).ok_or_else(|| {
            let internal = format!("payment {payment} needs provider {name}, which is not configured");
            Problem::unavailable("provider_not_configured", internal)
        })
    }
}
