//! Module manifest of the catalogue, for the system's list of modules.

use souk_catalog_api::{CatalogClient, CategoryChanged, ProductChanged};
use souk_flow::{Envelope, Source};
use souk_kernel::{Event, Problem};
use souk_module::{BuildContext, BuildError, Invalidation, Module, ModuleSpec, Role};
use souk_pictures::Priority;

use crate::consumers::LowestPrices;
use crate::{CatalogDeps, CatalogService, MIGRATIONS, PictureThreads, consumers, jobs, operations, routes};

/// What the rest of the system knows of it.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres", "disk"],
            emits: &[ProductChanged::TYPE, CategoryChanged::TYPE],
            ..Role::new("catalog", "products, categories, media", 7111)
        },
        Role {
            needs: &["postgres", "disk"],
            consumes: &[LowestPrices::SOURCES],
            ..Role::new("catalog-worker", "keeps lowest prices, fetches and prepares pictures", 7131)
        },
    ],
    calls: &["pricing", "inventory"],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/products", "/api/v1/categories", "/api/v1/collections", "/media"],
    operations: Some(operations),
    invalidates: Some(Invalidation { source: SHOWN, keys: shown_by }),
    build: Some(build),
    ..ModuleSpec::named("catalog")
};

/// What pages show of it.
const SHOWN: Source = Source { schema: "catalog", types: &[ProductChanged::TYPE, CategoryChanged::TYPE] };

fn shown_by(event: &Envelope, keys: &mut Vec<String>) -> Result<(), Problem> {
    if let Some(changed) = event.parse::<ProductChanged>()? {
        keys.push(format!("product/{}", changed.product_id));
        keys.extend(changed.categories.iter().map(|category| format!("category/{category}")));
    }
    if event.parse::<CategoryChanged>()?.is_some() {
        // The tree is on every page's menu.
        keys.extend(["catalog", "categories"].map(String::from));
    }
    Ok(())
}

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let service = CatalogService::new(CatalogDeps {
        db: context.db()?,
        tasks: context.tasks(),
        clock: context.clock(),
        ids: context.ids(),
        pricing: context.client()?,
        inventory: context.client()?,
        redis: context.redis(),
        objects: context.objects()?,
        picture_threads: PictureThreads::start(Priority::Idle)?,
        fetching: context.settings("media")?,
    });
    Ok(Module {
        public: Some(routes(service.clone()).router()),
        consumers: consumers(&service),
        jobs: jobs(&service),
        ..Module::serving::<CatalogClient>(service)
    })
}
