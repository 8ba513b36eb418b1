//! Routers of the roles of this process: their contracts to other roles, their pages and REST routes to the public.

use std::collections::BTreeMap;

use anyhow::Context;
use axum::{Extension, Router};
use souk_module::Environment;
use souk_web::{DocumentInfo, Operations, openapi};

use crate::modules;
use crate::registry::Registry;
use crate::stores::Stores;

/// Routers of the roles that run here.
pub struct Routers {
    contracts: BTreeMap<&'static str, Router>,
    public: BTreeMap<&'static str, Router>,
}

impl Routers {
    /// The routers of the modules whose APIs run here.
    pub async fn new(
        environment: &Environment<'_>,
        registry: &mut Registry,
        stores: &mut Stores,
    ) -> anyhow::Result<Self> {
        let mut routers = Self { contracts: BTreeMap::new(), public: BTreeMap::new() };
        for (spec, module) in registry.modules_mut() {
            let Some(api) = spec.api().filter(|api| environment.roles.contains(&api.name)) else { continue };
            if let Some(contract) = &module.contract {
                routers.contracts.insert(api.name, souk_rpc_http::routes(contract));
            }
            let Some(mut public) = module.public.take() else { continue };
            if let Some(operations) = spec.operations.map(|describe| describe()).filter(|o| o.keyed().next().is_some())
            {
                let schema = spec.schema().filter(|_| spec.keeps_replies());
                let schema = schema.with_context(|| {
                    format!(
                        "module {} promises Idempotency-Key without souk_idempotency::TABLE in its migrations",
                        spec.name
                    )
                })?;
                let db = stores.of(schema).await?;
                public = souk_idempotency::around(public, &operations, db, environment.tasks.clone());
            }
            routers.public.insert(api.name, public.layer(Extension(environment.shop.cdn.clone())));
        }
        Ok(routers)
    }

    /// For the internal listener: what other roles call, and what the gateway forwards.
    pub fn internal(&self, role: &str) -> Option<Router> {
        let contract = self.contracts.get(role).cloned();
        let public = self.public.get(role).cloned();
        match (contract, public) {
            (Some(contract), Some(public)) => Some(contract.merge(public)),
            (one, other) => one.or(other),
        }
    }

    /// For a gateway in this process.
    pub fn public(&self, role: &str) -> Option<Router> {
        self.public.get(role).cloned()
    }
}

/// The API's description: of all services, wherever they run.
pub fn document() -> serde_json::Value {
    let parts: Vec<Operations> = modules::all().iter().filter_map(|module| Some(module.operations?())).collect();
    let parts: Vec<&Operations> = parts.iter().collect();
    let info = DocumentInfo {
        title: "Souk",
        version: env!("CARGO_PKG_VERSION"),
        description: "The public API of a Souk shop. Errors are RFC 9457 problems with a stable `code`.",
    };
    openapi(info, &parts)
}

/// The same for people and for `diff`: indented, every object's names in order.
pub fn document_text() -> serde_json::Result<String> {
    let mut document = document();
    document.sort_all_objects();
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_description_is_what_the_routers_say() {
        let committed = include_str!("../../docs/openapi.json");
        let said = super::document_text().unwrap();
        let differs = committed.lines().zip(said.lines()).position(|(one, other)| one != other);
        let line = differs.unwrap_or_else(|| committed.lines().count().min(said.lines().count())) + 1;
        assert!(
            committed == said,
            "docs/openapi.json is out of date from line {line} on: run `cargo run -q -p souk -- openapi > docs/openapi.json`, \
             and see in the diff what clients will notice"
        );
    }
}
