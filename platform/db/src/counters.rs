//! Counters of statements and commits: for the tests that hold a checkout to its budget, and for `/metrics`.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use metrics::{Counter, Histogram};

/// Statements and commits so far. Subtract two readings to learn what something cost.
///
/// A statement is one asked for by a caller; BEGIN, COMMIT, ROLLBACK, savepoints and preparation are not counted. A
/// commit is a COMMIT sent for a transaction that ran at least one statement, or a single-statement write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Statements sent.
    pub statements: u64,
    /// Write transactions committed.
    pub commits: u64,
    /// Of the statements, those that a replica answered.
    pub replica_reads: u64,
}

impl std::ops::Sub for Counters {
    type Output = Counters;

    fn sub(self, earlier: Counters) -> Counters {
        Counters {
            statements: self.statements.saturating_sub(earlier.statements),
            commits: self.commits.saturating_sub(earlier.commits),
            replica_reads: self.replica_reads.saturating_sub(earlier.replica_reads),
        }
    }
}

static PROCESS_STATEMENTS: AtomicU64 = AtomicU64::new(0);
static PROCESS_COMMITS: AtomicU64 = AtomicU64::new(0);
static PROCESS_REPLICA_READS: AtomicU64 = AtomicU64::new(0);

/// Totals of all services in this process.
pub fn process_counters() -> Counters {
    Counters {
        statements: PROCESS_STATEMENTS.load(Relaxed),
        commits: PROCESS_COMMITS.load(Relaxed),
        replica_reads: PROCESS_REPLICA_READS.load(Relaxed),
    }
}

/// One service's counts, and its metric handles, looked up once because a look-up per statement would allocate labels.
pub(crate) struct Meter {
    statements: AtomicU64,
    commits: AtomicU64,
    replica_reads: AtomicU64,
    schema: String,
    reads_metric: Counter,
    replica_reads_metric: Counter,
    writes_metric: Counter,
    commits_metric: Counter,
    rollbacks_metric: Counter,
    pool_wait_metric: Histogram,
    pool_timeouts_metric: Counter,
}

impl Meter {
    pub(crate) fn new(schema: &str) -> Self {
        let schema = schema.to_owned();
        Self {
            statements: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            replica_reads: AtomicU64::new(0),
            schema: schema.clone(),
            reads_metric: metrics::counter!("souk_db_statements_total", "schema" => schema.clone(), "handle" => "reads"),
            replica_reads_metric: metrics::counter!("souk_db_statements_total", "schema" => schema.clone(), "handle" => "replica"),
            writes_metric: metrics::counter!("souk_db_statements_total", "schema" => schema.clone(), "handle" => "tx"),
            commits_metric: metrics::counter!("souk_db_commits_total", "schema" => schema.clone()),
            rollbacks_metric: metrics::counter!("souk_db_rollbacks_total", "schema" => schema.clone()),
            pool_wait_metric: metrics::histogram!("db_client_connection_wait_time_seconds", "db_client_connection_pool_name" => schema.clone()),
            pool_timeouts_metric: metrics::counter!("souk_db_pool_timeouts_total", "schema" => schema),
        }
    }

    pub(crate) fn read(&self) {
        self.statements.fetch_add(1, Relaxed);
        PROCESS_STATEMENTS.fetch_add(1, Relaxed);
        self.reads_metric.increment(1);
    }

    pub(crate) fn replica_read(&self) {
        self.statements.fetch_add(1, Relaxed);
        PROCESS_STATEMENTS.fetch_add(1, Relaxed);
        self.replica_reads.fetch_add(1, Relaxed);
        PROCESS_REPLICA_READS.fetch_add(1, Relaxed);
        self.replica_reads_metric.increment(1);
    }

    /// A read that could have gone to a replica went to the primary: `behind` when none had replayed far enough (or none
    /// was to be had), `failed` when one was asked and could not answer.
    pub(crate) fn fell_back(&self, why: &'static str) {
        metrics::counter!("souk_db_read_fallbacks_total", "schema" => self.schema.clone(), "why" => why).increment(1);
    }

    pub(crate) fn statement(&self) {
        self.statements.fetch_add(1, Relaxed);
        PROCESS_STATEMENTS.fetch_add(1, Relaxed);
        self.writes_metric.increment(1);
    }

    pub(crate) fn commit(&self) {
        self.commits.fetch_add(1, Relaxed);
        PROCESS_COMMITS.fetch_add(1, Relaxed);
        self.commits_metric.increment(1);
    }

    pub(crate) fn rollback(&self) {
        self.rollbacks_metric.increment(1);
    }

    pub(crate) fn waited(&self, wait: Duration) {
        self.pool_wait_metric.record(wait);
    }

    pub(crate) fn wait_timed_out(&self) {
        self.pool_timeouts_metric.increment(1);
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            statements: self.statements.load(Relaxed),
            commits: self.commits.load(Relaxed),
            replica_reads: self.replica_reads.load(Relaxed),
        }
    }
}
