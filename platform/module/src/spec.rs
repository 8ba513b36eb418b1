//! Module specification: the manifest of one service.

use serde::de::DeserializeOwned;
use serde_json::Value;
use souk_db::Migrations;
use souk_flow::{Envelope, Source};
use souk_kernel::Problem;
use souk_web::Operations;

use crate::{BuildContext, BuildError, Module, Role};

/// Says why settings cannot work.
pub type CheckSettings = fn(&Value) -> Result<(), String>;
/// Makes the service of a spec. Nothing runs yet when it returns but what the service itself starts.
pub type Build = fn(&BuildContext<'_>) -> Result<Module, BuildError>;

/// Query parameters that a cached page reads, by the template of its path (`/c/*`).
pub type PageParameters = (&'static str, &'static [&'static str]);

/// Cache invalidation by events: from facts to the surrogate keys that pages carry.
#[derive(Clone, Copy, Debug)]
pub struct Invalidation {
    /// The module's events after which pages show something else.
    pub source: Source,
    /// Adds the surrogate keys of everything that shows what an event changed.
    pub keys: fn(&Envelope, &mut Vec<String>) -> Result<(), Problem>,
}

/// Everything that the rest of the system knows of a service. Start from [`ModuleSpec::named`]; each field is said in one
/// place only: what a service publishes, consumes and needs, and where it listens, are in its [`Role`]s.
pub struct ModuleSpec {
    /// `order`: its API's role, and its schema if it has one.
    pub name: &'static str,
    /// Its API, if it has one; then its worker `<name>-worker`, which does what no request waits for.
    pub roles: &'static [Role],
    /// Roles whose contract it calls, as either of its roles: both are made of the same. A role that is not called by this
    /// list refuses its calls.
    pub calls: &'static [&'static str],
    /// Its tables.
    pub migrations: Option<&'static Migrations>,
    /// Checks its settings `[modules.<name>]`; none when it reads nothing there ([`check_settings`]).
    pub settings: Option<CheckSettings>,
    /// Starts of the public paths that it answers; the longest start decides.
    pub public_paths: &'static [&'static str],
    /// The description of its public API, also where it does not run.
    pub operations: Option<fn() -> Operations>,
    /// Of its pages that may be cached; no other page reads any.
    pub page_parameters: &'static [PageParameters],
    /// What its events make old in the page cache.
    pub invalidates: Option<Invalidation>,
    /// It forwards requests to every module that has public paths, and follows every event that makes pages old.
    pub forwards: bool,
    /// A command beside a running shop may run it: nothing that it keeps belongs to one process.
    pub offline: bool,
    /// What it is made by; none for what is made of all the others, as the gateway.
    pub build: Option<Build>,
}

impl ModuleSpec {
    /// A service that says nothing but its name yet.
    pub const fn named(name: &'static str) -> Self {
        Self {
            name,
            roles: &[],
            calls: &[],
            migrations: None,
            settings: None,
            public_paths: &[],
            operations: None,
            page_parameters: &[],
            invalidates: None,
            forwards: false,
            offline: true,
            build: None,
        }
    }

    /// The role that answers others, if there is one.
    pub fn api(&self) -> Option<&'static Role> {
        self.roles.iter().find(|role| role.name == self.name)
    }

    /// The role that works in the background, if there is one.
    pub fn worker(&self) -> Option<&'static Role> {
        self.roles.iter().find(|role| role.is_worker())
    }

    /// Its schema, if it keeps anything.
    pub fn schema(&self) -> Option<&'static str> {
        self.migrations.map(|migrations| migrations.schema)
    }

    /// True when it keeps replies under an `Idempotency-Key`: when it has the table for them.
    pub fn keeps_replies(&self) -> bool {
        let has = |migrations: &Migrations| migrations.files.iter().any(|file| file.0 == souk_idempotency::TABLE.0);
        self.migrations.is_some_and(has)
    }

    /// The role as which it runs among `roles`: its API or, without that, its worker.
    pub fn runs_as(&self, roles: &[&str]) -> Option<&'static Role> {
        let here = |role: &Option<&'static Role>| role.is_some_and(|role| roles.contains(&role.name));
        Some(self.api()).filter(here).or(Some(self.worker()).filter(here)).flatten()
    }
}

/// Checks settings as a `build` reads that takes them as `T`.
///
/// # Errors
/// Why they are no `T`.
pub fn check_settings<T: DeserializeOwned>(settings: &Value) -> Result<(), String> {
    T::deserialize(settings).map(drop).map_err(|error| error.to_string())
}

/// The schema of the service that publishes events of `event_type`: the part before its first dot.
pub fn owner_of(event_type: &str) -> &str {
    event_type.split('.').next().unwrap_or(event_type)
}
