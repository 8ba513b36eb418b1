//! Role, the unit of deployment: what it needs, calls, emits and consumes, and the order in which the wanted ones start (a
//! topological sort by who calls whom).

use souk_flow::Source;

/// What can run in a process of its own.
#[derive(Clone, Debug)]
pub struct Role {
    /// `catalog`, `catalog-worker`.
    pub name: &'static str,
    /// What it is for, in a few words.
    pub about: &'static str,
    /// Port of its internal listener when it runs in a process of its own.
    pub port: u16,
    /// Engines it needs: `postgres`, `disk`, `psp`, `smtp`.
    pub needs: &'static [&'static str],
    /// Roles whose contract it calls: those of its module, which fills this in.
    pub calls: &'static [&'static str],
    /// Event types it publishes.
    pub emits: &'static [&'static str],
    /// What it consumes: the sources of its consumers and followers, whose owners' outboxes it may therefore read.
    pub consumes: &'static [&'static [Source]],
    /// May call on behalf of customers and staff. A role that may not makes its calls as an anonymous caller.
    pub speaks_for_users: bool,
    /// May call as the system itself, which may do everything: for work that no request waits for.
    pub acts_for_itself: bool,
}

impl Role {
    /// A role that needs and says nothing yet.
    pub const fn new(name: &'static str, about: &'static str, port: u16) -> Self {
        Self {
            name,
            about,
            port,
            needs: &[],
            calls: &[],
            emits: &[],
            consumes: &[],
            speaks_for_users: false,
            acts_for_itself: false,
        }
    }

    /// True for a worker: it answers no other role.
    pub fn is_worker(&self) -> bool {
        self.name.ends_with("-worker")
    }

    /// The sources of all its consumers.
    pub fn sources(&self) -> impl Iterator<Item = &'static Source> {
        self.consumes.iter().copied().flatten()
    }

    /// True when it says that it consumes all of `source`.
    pub fn reads(&self, source: &Source) -> bool {
        let has =
            |event_type: &&str| self.sources().any(|own| own.schema == source.schema && own.types.contains(event_type));
        source.types.iter().all(has)
    }

    /// Event types it consumes, each once.
    pub fn consumed_types(&self) -> Vec<&'static str> {
        let mut types = Vec::new();
        for event_type in self.sources().flat_map(|source| source.types) {
            if !types.contains(event_type) {
                types.push(event_type);
            }
        }
        types
    }
}

/// Why a set of roles cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Not in the table.
    #[error("there is no role {0:?}; `souk roles` lists them")]
    Unknown(String),
    /// The table calls in a circle.
    #[error("roles call each other in a circle: {0}")]
    Circle(String),
}

/// The wanted roles, those that are called before those that call them. Roles that run elsewhere are left out.
pub fn start_order<'a>(table: &[&'a Role], wanted: &[&str]) -> Result<Vec<&'a Role>, OrderError> {
    if let Some(unknown) = wanted.iter().find(|name| !table.iter().any(|role| role.name == **name)) {
        return Err(OrderError::Unknown((*unknown).to_owned()));
    }
    let mut ordered = Vec::new();
    for role in table.iter().copied() {
        visit(table, role, &mut Vec::new(), &mut ordered)?;
    }
    ordered.retain(|role| wanted.contains(&role.name));
    Ok(ordered)
}

fn visit<'a>(
    table: &[&'a Role],
    role: &'a Role,
    path: &mut Vec<&'static str>,
    ordered: &mut Vec<&'a Role>,
) -> Result<(), OrderError> {
    if ordered.iter().any(|done| done.name == role.name) {
        return Ok(());
    }
    if path.contains(&role.name) {
        path.push(role.name);
        return Err(OrderError::Circle(path.join(" -> ")));
    }
    path.push(role.name);
    for called in role.calls {
        let called = table
            .iter()
            .copied()
            .find(|r| r.name == *called)
            .ok_or_else(|| OrderError::Unknown((*called).to_owned()))?;
        visit(table, called, path, ordered)?;
    }
    path.pop();
    ordered.push(role);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn role(name: &'static str, calls: &'static [&'static str]) -> Role {
        Role { calls, ..Role::new(name, "", 0) }
    }

    #[test]
    fn what_is_called_starts_first() {
        let table = [role("order", &["cart", "stock"]), role("cart", &["stock"]), role("stock", &[])];
        let table: Vec<&Role> = table.iter().collect();
        let names: Vec<_> = start_order(&table, &["order", "stock", "cart"]).unwrap().iter().map(|r| r.name).collect();
        assert_eq!(names, ["stock", "cart", "order"]);
        assert_eq!(start_order(&table, &["order"]).unwrap().len(), 1);
        assert_eq!(start_order(&table, &["oder"]).unwrap_err(), OrderError::Unknown("oder".into()));
    }

    #[test]
    fn circles_are_refused() {
        let table = [role("a", &["b"]), role("b", &["a"])];
        let table: Vec<&Role> = table.iter().collect();
        assert_eq!(start_order(&table, &["a"]).unwrap_err(), OrderError::Circle("a -> b -> a".into()));
    }
}
