//! Configuration files of the server, written anew at every start so that what is on disk is what runs.

use std::{fmt::Write as _, path::Path};

/// How a managed server is set up.
#[derive(Clone, Debug)]
pub struct ManagedOptions {
    /// PostgreSQL's own cache, MiB.
    pub shared_buffers_mb: u32,
    /// The budget from which `PoolSizes::from_budget` shares out.
    pub max_connections: u32,
    /// Also listens on 127.0.0.1 at this port, with a password, for tools that cannot use the socket. Off by default.
    pub tcp_port: Option<u16>,
    /// Standbys beside it, each a server of its own with a copy of the data, on this machine: to see what replicas do, not
    /// to lose less.
    pub replicas: usize,
    /// For tests only: nothing is flushed to disk, so a crash of the machine loses everything.
    pub throw_away: bool,
    /// Settings put last, as in `postgresql.conf`.
    pub settings: Vec<(String, String)>,
}

/// Small enough for a laptop, large enough to hold the hot part of 20,000 products and a day's orders; the rest is the
/// system's page cache.
const SHARED_BUFFERS_MB: u32 = 256;
/// About eleven services with two reads, one for signals and a dozen for transactions each; an idle one costs 2 to 10 MB,
/// and they are opened only as needed.
pub const MANAGED_MAX_CONNECTIONS: u32 = 200;

impl Default for ManagedOptions {
    fn default() -> Self {
        Self {
            shared_buffers_mb: SHARED_BUFFERS_MB,
            max_connections: MANAGED_MAX_CONNECTIONS,
            tcp_port: None,
            replicas: 0,
            throw_away: false,
            settings: Vec::new(),
        }
    }
}

/// Of the socket, and of TCP when none is asked for.
pub(super) const PORT: u16 = 5432;

/// Durable, without what costs more than it gives when the server shares two cores with the shop.
const COMMON: &str = "\
port = 5432
unix_socket_permissions = 0700
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'

# Short statements: compiling plans and starting parallel workers costs more than it saves.
jit = off
max_parallel_workers_per_gather = 0
random_page_cost = 1.1
effective_cache_size = 2GB
work_mem = 8MB
maintenance_work_mem = 128MB

# Few, spread checkpoints; recovery after a crash stays within seconds.
wal_buffers = 16MB
min_wal_size = 256MB
max_wal_size = 2GB
checkpoint_timeout = 15min

# Queue and balance tables change all the time: vacuum them early.
autovacuum_naptime = 20s
autovacuum_vacuum_scale_factor = 0.05

track_io_timing = on
# Slow statements are logged without their parameters, which may be personal data.
log_min_duration_statement = 1s
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_line_prefix = '%m [%p] %q%a '
";

/// Fast instead of durable.
const THROW_AWAY: &str = "
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
min_wal_size = 80MB
max_wal_size = 512MB
autovacuum = off
";

/// Text of `postgresql.conf`.
pub(super) fn postgresql_conf(options: &ManagedOptions, socket_dir: &Path, statistics: bool) -> String {
    let mut text =
        String::from("# Written by souk at every start: put your own settings into custom.conf beside it.\n");
    text.push_str(COMMON);
    let mut set = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
    };
    set("unix_socket_directories", &socket_dir.to_string_lossy());
    set("shared_buffers", &format!("{}MB", options.shared_buffers_mb));
    set("max_connections", &options.max_connections.to_string());
    match options.tcp_port {
        None => set("listen_addresses", ""),
        Some(port) => {
            set("listen_addresses", "127.0.0.1");
            set("port", &port.to_string());
        }
    }
    if cfg!(target_os = "linux") {
        // Before it recovers, a server makes sure that what it finds is on disk: at once, not file by file.
        set("recovery_init_sync_method", "syncfs");
    }
    if statistics {
        set("shared_preload_libraries", "pg_stat_statements");
    }
    if options.throw_away {
        text.push_str(THROW_AWAY);
    }
    text.push_str("include_if_exists = 'custom.conf'\n");
    for (name, value) in &options.settings {
        let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
    }
    text
}

/// Text of `pg_hba.conf`.
pub(super) fn pg_hba_conf(tcp: bool) -> String {
    let mut text = String::from(
        "# The socket's directory can be entered only by root and the user the server runs as, who own the data anyway:
# a password would add nothing. (`peer` would tie every role to a system user of the same name.)
local all all trust
local replication all trust
",
    );
    if tcp {
        text.push_str("host all all 127.0.0.1/32 scram-sha-256\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tcp_and_durable_unless_asked() {
        let text = postgresql_conf(&ManagedOptions::default(), Path::new("/run/it's"), false);
        assert!(text.contains("listen_addresses = ''\n"));
        assert!(text.contains("unix_socket_directories = '/run/it''s'"));
        assert!(!text.contains("fsync") && !text.contains("shared_preload"));
        assert!(!pg_hba_conf(false).contains("host"));
        let options = ManagedOptions { tcp_port: Some(5433), throw_away: true, ..ManagedOptions::default() };
        let text = postgresql_conf(&options, Path::new("/run"), true);
        assert!(text.contains("listen_addresses = '127.0.0.1'") && text.contains("port = '5433'"));
        assert!(text.contains("fsync = off") && text.contains("pg_stat_statements"));
    }

    #[test]
    fn what_the_operator_sets_comes_last() {
        let settings = vec![("work_mem".into(), "64MB".into())];
        let text = postgresql_conf(&ManagedOptions { settings, ..Default::default() }, Path::new("/run"), false);
        assert!(text.trim_end().ends_with("work_mem = '64MB'"), "{text}");
    }
}
