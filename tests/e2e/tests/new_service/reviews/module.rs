//! Reviews in the system's list of modules.

use std::sync::Arc;

use serde::Deserialize;
use souk_db::Migrations;
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role, check_settings};

use super::api::ReviewsClient;
use super::consumers::Products;
use super::http::{operations, routes};
use super::service::ReviewsService;

const MIGRATIONS: Migrations = Migrations {
    schema: "reviews",
    files: &[souk_flow::TABLES, ("0001_init", include_str!("migrations/0001_init.sql")), souk_flow::TRACE_CONTEXT],
};

/// What the rest of the system knows of them.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role { needs: &["postgres"], ..Role::new("reviews", "what buyers think of products", 7120) },
        Role {
            needs: &["postgres"],
            consumes: &[Products::SOURCES],
            ..Role::new("reviews-worker", "learns which products there are", 7140)
        },
    ],
    calls: &["catalog"],
    settings: Some(check_settings::<Settings>),
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/reviews"],
    operations: Some(operations),
    build: Some(build),
    ..ModuleSpec::named("reviews")
};

/// `[modules.reviews]` of the configuration.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    max_stars: i32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_stars: 5 }
    }
}

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let Settings { max_stars } = context.settings("reviews")?;
    let service =
        Arc::new(ReviewsService { db: context.db()?, ids: context.ids(), catalog: context.client()?, max_stars });
    Ok(Module {
        public: Some(routes(service.clone()).router()),
        consumers: vec![Arc::new(Products)],
        ..Module::serving::<ReviewsClient>(service)
    })
}
