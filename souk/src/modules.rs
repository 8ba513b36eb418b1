//! Module list: the modules that Souk consists of, one line each, and what follows from it: roles and their start order,
//! call rights, rights on other services' outboxes. What a module is it says itself, in its `module.rs`.

use std::sync::{LazyLock, OnceLock};

use souk_db::Migrations;
use souk_module::{ModuleSpec, OrderError, Role};
use souk_rpc_http::{Caller, Callers};

pub use souk_module::owner_of;

/// The modules of Souk, in the order in which `souk roles` lists them.
pub const MODULES: &[&ModuleSpec] = &[
    &crate::gateway::SPEC,
    &souk_storefront::SPEC,
    &souk_identity::SPEC,
    &souk_catalog::SPEC,
    &souk_search::SPEC,
    &souk_pricing::SPEC,
    &souk_cart::SPEC,
    &souk_order::SPEC,
    &souk_payment::SPEC,
    &souk_inventory::SPEC,
    &souk_shipping::SPEC,
    &souk_notification::SPEC,
];

static INSTALLED: OnceLock<&'static [&'static ModuleSpec]> = OnceLock::new();

/// Makes this process know `modules` instead of [`MODULES`]: before anything else, once.
///
/// # Errors
/// The list was read already, or installed.
pub fn install(modules: &'static [&'static ModuleSpec]) -> anyhow::Result<()> {
    INSTALLED.set(modules).map_err(|_| anyhow::anyhow!("the list of modules is in use already"))
}

/// The modules of this program.
pub fn all() -> &'static [&'static ModuleSpec] {
    INSTALLED.get_or_init(|| MODULES)
}

/// The roles of all modules. Ports are those of the internal listener when a role runs in a process of its own.
pub fn roles() -> std::slice::Iter<'static, Role> {
    static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| all().iter().flat_map(|module| roles_of(module)).collect());
    ROLES.iter()
}

/// Those of one: what forwards to the others calls all that have public paths, and follows all that pages show.
fn roles_of(module: &ModuleSpec) -> Vec<Role> {
    let mut roles = module.roles.to_vec();
    roles.iter_mut().for_each(|role| role.calls = module.calls);
    if module.forwards {
        let calls = all().iter().filter(|other| !other.public_paths.is_empty()).map(|other| other.name);
        let shown = all().iter().filter_map(|other| other.invalidates).map(|invalidation| invalidation.source);
        // Made once, and as long as the program: like what the other modules say.
        let (calls, shown): (Vec<_>, Vec<_>) = (calls.collect(), shown.collect());
        let consumes = vec![&*shown.leak()];
        let (calls, consumes) = (&*calls.leak(), &*consumes.leak());
        roles.iter_mut().for_each(|role| (role.calls, role.consumes) = (calls, consumes));
    }
    roles
}

/// The role called `name`.
pub fn by_name(name: &str) -> Option<&'static Role> {
    roles().find(|role| role.name == name)
}

/// The module whose role is called `name`.
pub fn module_of(name: &str) -> Option<&'static ModuleSpec> {
    all().iter().copied().find(|module| module.roles.iter().any(|role| role.name == name))
}

/// Names of `wanted`, those that are called before those that call them.
///
/// # Errors
/// One is not in the list.
pub fn in_start_order(wanted: &[&str]) -> Result<Vec<&'static str>, OrderError> {
    let table: Vec<&'static Role> = roles().collect();
    Ok(souk_module::start_order(&table, wanted)?.into_iter().map(|role| role.name).collect())
}

/// True when `roles` are all that there are: a whole shop.
pub fn are_all(wanted: &[&str]) -> bool {
    wanted.len() == roles().count()
}

/// Who may call `callee`, and on whose behalf. The command line is not among them: it works on the database itself.
pub fn callers_of(callee: &'static str) -> Callers {
    let callers = roles().filter(|role| role.calls.contains(&callee));
    let caller = |role: &Role| Caller {
        role: role.name,
        speaks_for_users: role.speaks_for_users,
        acts_for_itself: role.acts_for_itself,
    };
    Callers { callee, allowed: callers.map(caller).collect() }
}

/// Tables of all modules.
pub fn migrations() -> impl Iterator<Item = &'static Migrations> {
    all().iter().filter_map(|module| module.migrations)
}

/// The schema a role works in, if it has one: a worker works in its service's.
pub fn schema_of(role: &str) -> Option<&'static str> {
    module_of(role)?.schema()
}

/// True when a role of these has a place in the database.
pub fn keeps_data(roles: &[&str]) -> bool {
    roles.iter().any(|role| schema_of(role).is_some())
}

/// True when a role of these can do nothing without the database. A gateway can, which is made of the others' routes: it
/// shows the pages it has, and what it forwards may be answered.
pub fn needs_database(roles: &[&str]) -> bool {
    let needs = |module: &ModuleSpec| module.build.is_some() && module.migrations.is_some();
    roles.iter().filter_map(|role| module_of(role)).any(needs)
}

/// Which schema may read which other's outbox, from what roles consume: (owner, reader).
pub fn outbox_grants() -> Vec<(&'static str, &'static str)> {
    let mut grants = Vec::new();
    for role in roles() {
        let Some(reader) = schema_of(role.name) else { continue };
        for source in role.sources() {
            if source.schema != reader && !grants.contains(&(source.schema, reader)) {
                grants.push((source.schema, reader));
            }
        }
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_consistent() {
        let names: Vec<_> = roles().map(|role| role.name).collect();
        let mut ports: Vec<_> = roles().map(|role| role.port).collect();
        ports.sort();
        ports.dedup();
        assert_eq!(ports.len(), names.len(), "every role has a port of its own");
        in_start_order(&names).expect("no circles, no unknown names");
        for module in all() {
            let own = [module.name.to_owned(), format!("{}-worker", module.name)];
            assert!(module.roles.iter().all(|role| own.iter().any(|name| name == role.name)), "{}", module.name);
            assert!(module.schema().is_none_or(|schema| schema == module.name), "{}: its schema", module.name);
            let keeps = module.operations.is_some_and(|operations| operations().keyed().next().is_some());
            assert_eq!(
                module.keeps_replies(),
                keeps,
                "{}: a table for replies, and routes that keep them",
                module.name
            );
        }
        for role in roles() {
            for source in role.sources() {
                for event_type in source.types {
                    let emitted = roles().any(|other| other.emits.contains(event_type));
                    assert!(emitted, "{} consumes {event_type}, which no role emits", role.name);
                    assert_eq!(owner_of(event_type), source.schema, "{}", role.name);
                }
            }
            for event_type in role.emits {
                assert_eq!(Some(owner_of(event_type)), schema_of(role.name), "{} emits {event_type}", role.name);
            }
        }
    }

    #[test]
    fn public_paths_belong_to_one_module_which_the_gateway_calls() {
        let gateway = by_name("gateway").expect("there is one");
        let mut paths: Vec<_> = all().iter().flat_map(|module| module.public_paths).collect();
        let count = paths.len();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), count);
        // What only other roles and operators may ask.
        for hidden in ["/rpc", "/livez", "/readyz", "/metrics"] {
            assert!(!paths.iter().any(|path| path.starts_with(hidden)), "{hidden}");
        }
        for module in all().iter().filter(|module| !module.public_paths.is_empty()) {
            assert!(gateway.calls.contains(&module.name), "{}", module.name);
        }
    }

    #[test]
    fn callers_follow_from_the_calls() {
        let of = |callee| callers_of(callee).allowed.into_iter().map(|caller| caller.role).collect::<Vec<_>>();
        assert_eq!(of("payment"), ["gateway", "order", "order-worker"]);
        assert_eq!(of("notification"), Vec::<&str>::new());
        let faces_the_public = |role: &&Role| ["gateway", "storefront"].contains(&role.name);
        for role in roles().filter(faces_the_public) {
            assert!(!role.acts_for_itself, "{}: what takes requests from outside never acts as the system", role.name);
        }
        let speak: Vec<_> = roles().filter(|role| role.speaks_for_users).map(|role| role.name).collect();
        assert_eq!(speak, ["gateway", "storefront", "order"]);
    }

    #[test]
    fn who_needs_the_database() {
        assert!(!keeps_data(&["storefront"]) && !needs_database(&["storefront"]));
        assert!(keeps_data(&["gateway", "storefront"]) && !needs_database(&["gateway", "storefront"]));
        assert!(keeps_data(&["cart-worker"]) && needs_database(&["gateway", "cart"]));
    }

    #[test]
    fn grants_follow_from_the_events() {
        let grants = outbox_grants();
        assert!(grants.contains(&("order", "notification")));
        assert!(grants.contains(&("catalog", "search")));
        let of_identity: Vec<_> = grants.iter().filter(|(owner, _)| *owner == "identity").collect();
        assert_eq!(of_identity, [&("identity", "notification")], "links in mails are for nobody else");
    }
}
