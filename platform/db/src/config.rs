//! Database configuration of one service: addresses, schema, login, pool sizes, timeouts; and the one connection budget from
//! which all pool sizes come, so that together they stay below `max_connections`.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use souk_kernel::Secret;
use tokio_postgres::Config;

use crate::{
    DbError,
    conn::Opener,
    connect_options::ConnectOptions,
    connector::Connector,
    pooled_statements::StatementTypes,
    servers::Servers,
    session_settings::{STATEMENT_TIMEOUT, check_identifier, connection_settings, role_of},
};

/// As whom a service logs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Login {
    /// As the user the URL names.
    #[default]
    AsIs,
    /// As `souk_<schema>`, the role the migrator makes with rights on its own schema only.
    PerService,
}

/// One service's way to the database.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// `postgresql://user@host1,host2/database`; a list finds the writable server, and a host `%2Fdir` is a socket's directory.
    pub url: String,
    /// The service's schema, which becomes the search path: lower-case letters, digits, underscores.
    pub schema: String,
    /// Shown as `application_name` in `pg_stat_activity`.
    pub service: String,
    /// As whom to log in.
    pub login: Login,
    /// Password instead of the URL's: of the service's own login.
    pub password: Option<Secret<String>>,
    /// The servers `url` and replicas stand for, watched once for all services of the process; none is made from `url`
    /// when that names several.
    pub servers: Option<Servers>,
    /// `url` is a pooler that gives a server connection for one transaction at a time (pgbouncer's transaction mode), and
    /// this is the way past it, for LISTEN and for learning the types of statements. The login's own settings (search path,
    /// timeouts) must be set on its role, as the migrator does.
    pub direct_url: Option<String>,
    /// Shared pipelined connections for reads; at least 1.
    pub read_connections: usize,
    /// Connections for transactions at most; at least 1. Opened as needed.
    pub tx_connections: usize,
    /// After this long a statement is cancelled by the server.
    pub statement_timeout: Duration,
}

/// Two, because one core of the database can be busy with each while a third would only split the batches that make
/// pipelining pay.
const READ_CONNECTIONS: usize = 2;
/// More than the cores, because transactions wait for the disk at commit, and commits that wait together share one
/// flush; beyond this, on the machines we measured, they only queue at each other's locks.
const TX_CONNECTIONS: usize = 12;

impl DbConfig {
    /// Defaults for `schema` on the database at `url`; the service is named like the schema.
    pub fn new(url: impl Into<String>, schema: impl Into<String>) -> Self {
        let schema = schema.into();
        Self {
            url: url.into(),
            service: schema.clone(),
            schema,
            login: Login::default(),
            password: None,
            servers: None,
            direct_url: None,
            read_connections: READ_CONNECTIONS,
            tx_connections: TX_CONNECTIONS,
            statement_timeout: STATEMENT_TIMEOUT,
        }
    }

    /// Logs in as the service's own role.
    pub fn login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// With a password of its own.
    pub fn password(mut self, password: Option<Secret<String>>) -> Self {
        self.password = password;
        self
    }

    /// On servers that are watched already.
    pub fn servers(mut self, servers: Option<Servers>) -> Self {
        self.servers = servers;
        self
    }

    /// Through a pooler, past which `direct_url` leads.
    pub fn pooled(mut self, direct_url: Option<String>) -> Self {
        self.direct_url = direct_url;
        self
    }

    /// Takes its pool sizes from the common budget.
    pub fn pools(mut self, sizes: PoolSizes) -> Self {
        self.read_connections = sizes.reads;
        self.tx_connections = sizes.tx;
        self
    }

    /// How to connect to the primary with the service's login, through the pooler where there is one.
    pub(crate) fn opener(&self) -> Result<Opener, DbError> {
        let direct = self.direct_connector()?;
        if self.direct_url.is_none() {
            return Ok(Opener::direct(direct));
        }
        let mut options = ConnectOptions::from_url(&self.url)?;
        self.log_in(&mut options.driver);
        Ok(Opener::pooled(Connector::one(options), StatementTypes::new(direct)))
    }

    /// The same without a pooler.
    pub(crate) fn direct_connector(&self) -> Result<Connector, DbError> {
        check_identifier(&self.schema)?;
        if self.read_connections == 0 || self.tx_connections == 0 {
            return Err(DbError::Other("a pool needs at least one connection".into()));
        }
        let apply = |driver: &mut Config| self.apply_session_settings(driver);
        match (&self.direct_url, &self.servers) {
            (Some(url), _) => Connector::from_url(url, apply),
            (None, Some(servers)) => Ok(Connector::primary(servers, apply)),
            (None, None) => Connector::from_url(&self.url, apply),
        }
    }

    /// Gives the options of a connection the service's login and settings. They go into the start packet, which costs no round
    /// trip.
    pub(crate) fn apply_session_settings(&self, driver: &mut Config) {
        self.log_in(driver);
        let settings = connection_settings(&self.schema, self.statement_timeout);
        let options = match driver.get_options() {
            Some(given) => format!("{given} {settings}"),
            None => settings,
        };
        driver.options(options);
    }

    fn log_in(&self, driver: &mut Config) {
        if self.login == Login::PerService {
            driver.user(role_of(&self.schema));
        }
        if let Some(password) = &self.password {
            driver.password(password.reveal());
        }
        driver.application_name(&self.service);
    }
}

/// Pool sizes of one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSizes {
    /// Shared pipelined connections for reads.
    pub reads: usize,
    /// Connections for transactions.
    pub tx: usize,
}

/// Connections left for people, backups, migrations, the watcher and PostgreSQL's own reserve for superusers (3).
const RESERVED_CONNECTIONS: usize = 12;
/// One per service for LISTEN and NOTIFY.
const SIGNAL_CONNECTIONS: usize = 1;
/// See [`TX_CONNECTIONS`]: more never helped.
const MAX_TX_CONNECTIONS: usize = 16;

impl PoolSizes {
    /// Shares `max_connections` of the server among `services` processes-times-services that connect to it. With
    /// `replicas`, a server that was a replica and is the primary now has the connections of both.
    ///
    /// # Errors
    /// When not even one read, one signal and two transaction connections are left for each.
    pub fn from_budget(max_connections: usize, services: usize, replicas: bool) -> Result<PoolSizes, DbError> {
        let share = max_connections.saturating_sub(RESERVED_CONNECTIONS) / services.max(1);
        let roles = if replicas { 2 } else { 1 };
        let reads = if share >= 8 { READ_CONNECTIONS } else { 1 };
        let tx = share.saturating_sub(roles * reads + SIGNAL_CONNECTIONS).min(MAX_TX_CONNECTIONS);
        if tx < 2 {
            return Err(DbError::Other(format!(
                "max_connections = {max_connections} is too small for {services} services: at least {} are needed",
                RESERVED_CONNECTIONS + services * (roles + SIGNAL_CONNECTIONS + 2),
            )));
        }
        Ok(PoolSizes { reads, tx })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_add_up_below_the_limit() {
        for max in [50, 100, 200, 500] {
            for services in 1..=16 {
                for replicas in [false, true] {
                    let roles = if replicas { 2 } else { 1 };
                    let Ok(sizes) = PoolSizes::from_budget(max, services, replicas) else {
                        assert!(max < RESERVED_CONNECTIONS + services * 7, "{max} connections, {services} services");
                        continue;
                    };
                    let each = roles * sizes.reads + sizes.tx + SIGNAL_CONNECTIONS;
                    assert!(services * each + RESERVED_CONNECTIONS <= max, "{sizes:?} of {max} for {services}");
                    assert!(sizes.reads >= 1 && sizes.tx >= 2);
                }
            }
        }
    }

    #[test]
    fn hostile_names_and_bad_urls_are_refused() {
        for name in ["", "1a", "a;b", "A", "a b", "a\"", "ä", &"a".repeat(59)] {
            assert!(DbConfig::new("postgresql://%2Ftmp", name).opener().is_err(), "{name:?}");
        }
        let error = DbConfig::new("postgresql://u:secret@host:99999999/db", "x").opener().err().unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[test]
    fn own_login_and_settings_go_into_the_start_packet() {
        let url = "postgresql://boss@%2Frun%2Fpg?options=-c%20jit%3Doff";
        let config = DbConfig::new(url, "order").login(Login::PerService).password(Some(Secret::new("own".into())));
        let Connector::One(options) = config.direct_connector().unwrap() else { panic!("there is one server") };
        let driver = &options.driver;
        assert_eq!((driver.get_user(), driver.get_password()), (Some("souk_order"), Some(&b"own"[..])));
        let options = driver.get_options().unwrap();
        assert!(options.starts_with("-c jit=off -c search_path=order -c statement_timeout=5000"), "{options}");
    }
}
