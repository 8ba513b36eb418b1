//! Module manifest of identity, for the system's list of modules.

use souk_identity_api::{
    CustomerRegistered, EmailChangeRequested, EmailChanged, IdentityClient, LinkRequested, LoginAttempts,
};
use souk_kernel::Event;
use souk_module::{BuildContext, BuildError, Module, ModuleSpec, Role};

use crate::{IdentityDeps, IdentityService, MIGRATIONS, operations, routes, schedules};

/// What the rest of the system knows of it.
pub const SPEC: ModuleSpec = ModuleSpec {
    roles: &[
        Role {
            needs: &["postgres"],
            emits: &[
                CustomerRegistered::TYPE,
                LinkRequested::TYPE,
                LoginAttempts::TYPE,
                EmailChangeRequested::TYPE,
                EmailChanged::TYPE,
            ],
            ..Role::new("identity", "customers, staff, credentials, sessions, addresses", 7110)
        },
        Role { needs: &["postgres"], ..Role::new("identity-worker", "forgets what ran out", 7130) },
    ],
    migrations: Some(&MIGRATIONS),
    public_paths: &["/api/v1/auth", "/api/v1/me", "/.well-known/jwks.json"],
    operations: Some(operations),
    build: Some(build),
    ..ModuleSpec::named("identity")
};

fn build(context: &BuildContext<'_>) -> Result<Module, BuildError> {
    let service = IdentityService::new(IdentityDeps {
        db: context.db()?,
        tasks: context.tasks(),
        clock: context.clock(),
        ids: context.ids(),
        key_encryption_key: context.key("souk 2026 key encryption of identity"),
        redis: context.redis(),
    });
    let prepared = service.clone();
    Ok(Module {
        public: Some(routes(service.clone()).router()),
        schedules: schedules(&service),
        // Keys to sign with.
        prepare: Some(Box::new(move || {
            let service = prepared.clone();
            Box::pin(async move { service.prepare().await })
        })),
        ..Module::serving::<IdentityClient>(service)
    })
}
