//! Module manifest of search, for the system's list of modules.

use souk_kernel::without_password;
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};
use souk_search_api::SearchClient;

use crate::follow::SOURCES;
use crate::{IndexConfig, MIGRATIONS, SearchDeps, SearchService, SearchSettings, consumers, jobs, operations, routes};

/// What the rest of the system knows of it.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres", "disk"],
            consumes: &[SOURCES],
            // Reads the whole catalogue for its index, also what is not shown.
            acts_for_itself: true,
            ..Role::new("search", "finds products; an embedded index is its own, with its place in the log", 7112)
        },
        Role {
            needs: &["postgres"],
            consumes: &[SOURCES],
            // As search does.
            acts_for_itself: true,
            ..Role::new("search-worker", "keeps the index in OpenSearch, if that is where it is", 7132)
        },
    ],
    calls: &["catalog", "pricing", "inventory"],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/search", "/api/v1/suggest", "/api/v1/recommendations"],
    operations: Some(operations),
    // An embedded index belongs to the process that serves it.
    offline: false,
    build: Some(build),
    ..ModuleSpec::named("search")
};

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let settings: SearchSettings = context.settings("search")?;
    let serves = context.runs("search");
    let index = match settings.opensearch.is_empty() {
        true if serves => IndexConfig::Embedded(context.data_dir().join("search")),
        // Nothing to keep: each process that searches keeps its own.
        true => return Ok(Module::default()),
        false => settings.shared()?,
    };
    let service = SearchService::new(SearchDeps {
        db: context.db()?,
        tasks: context.tasks(),
        index,
        languages: settings.languages(&context.shop().country),
        catalog: context.client()?,
        pricing: context.client()?,
        inventory: context.client()?,
    })?;
    let nodes: Vec<String> = settings.opensearch.iter().map(|url| without_password(url)).collect();
    let part = match (nodes.is_empty(), serves) {
        (true, _) => "search index".to_owned(),
        (false, true) => format!("the search index at {}", nodes.join(", ")),
        (false, false) => format!("opensearch at {}", nodes.join(", ")),
    };
    let (announced, kept) = (service.clone(), service.clone());
    Ok(Module {
        service: Some(service.clone()),
        public: Some(routes(service.clone()).router()),
        consumers: consumers(&service),
        jobs: jobs(&service),
        background: vec![Box::new(move || kept.spawn_maintenance())],
        announce: Some(Box::new(move |readiness| announced.announce(readiness.part(part), serves))),
        ..Module::serving::<SearchClient>(service)
    })
}
