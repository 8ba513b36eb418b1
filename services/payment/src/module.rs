//! Module manifest of payment, for the system's list of modules.

use std::sync::Arc;

use serde::Deserialize;
use souk_kernel::{Event, Secret};
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};
use souk_payment_api::{PaymentChanged, PaymentClient};

use crate::{
    DEFAULT_PROVIDER_TIMEOUT, MIGRATIONS, PaymentDeps, PaymentService, Provider, SandboxProvider, SandboxSettings,
    consumers, jobs, operations, routes, schedules,
};

/// What the rest of the system knows of it.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres", "psp"],
            emits: &[PaymentChanged::TYPE],
            ..Role::new("payment", "payments, books, webhooks of providers", 7116)
        },
        Role {
            needs: &["postgres", "psp"],
            emits: &[PaymentChanged::TYPE],
            ..Role::new("payment-worker", "asks providers about payments whose outcome is unknown", 7136)
        },
    ],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/webhooks"],
    operations: Some(operations),
    build: Some(build),
    ..ModuleSpec::named("payment")
};

/// Purpose of the installation's key that the sandbox provider is asked with.
pub const SANDBOX_API_KEY: &str = "souk 2026 api key of the sandbox provider";
/// Purpose of the one that it signs webhooks with.
pub const SANDBOX_WEBHOOKS: &str = "souk 2026 webhooks of the sandbox provider";

/// What is read of section `payment`.
#[derive(Deserialize)]
struct Settings {
    sandbox_url: Option<String>,
}

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let settings: Settings = context.settings("payment")?;
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    if let Some(base_url) = settings.sandbox_url {
        let api_key = sandbox_secret(&context.key(SANDBOX_API_KEY));
        let webhook_secrets = vec![sandbox_secret(&context.key(SANDBOX_WEBHOOKS))];
        providers.push(Arc::new(SandboxProvider::new(SandboxSettings { base_url, api_key, webhook_secrets })?));
    }
    let service = PaymentService::new(PaymentDeps {
        db: context.db()?,
        tasks: context.tasks(),
        clock: context.clock(),
        providers,
        provider_timeout: DEFAULT_PROVIDER_TIMEOUT,
    });
    Ok(Module {
        public: Some(routes(service.clone()).router()),
        consumers: consumers(&service),
        jobs: jobs(&service),
        schedules: schedules(&service),
        ..Module::serving::<PaymentClient>(service)
    })
}

/// A key as the sandbox provider and its callers write it.
pub fn sandbox_secret(key: &Secret<[u8; 32]>) -> Secret<String> {
    Secret::new(key.reveal().iter().map(|byte| format!("{byte:02x}")).collect())
}
