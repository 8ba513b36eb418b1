//! Durable execution: the outbox, consumers with their inbox, sagas, jobs, schedules. Every service's schema holds the
//! tables ([`TABLES`]); all SQL on them is in this crate.

mod consumer;
mod cursor;
mod dead_letter;
mod feed;
mod follow;
mod housekeeping;
mod jobs;
mod outbox;
mod relay;
mod saga;
mod schedule;
mod trace_context;
mod trouble;

pub use consumer::{Consumer, MAX_TRIES, run_consumer};
pub use dead_letter::{DeadLetter, DeadLetters};
pub use follow::follow;
pub use housekeeping::{KEEP_DAYS, housekeeping};
pub use jobs::{Job, JobHandler, Jobs, run_jobs};
pub use outbox::Outbox;
pub use relay::run_relay;
pub use saga::{
    Direction, Failure, NewSaga, Progress, Recorded, SAGA_LEASE, SagaEngine, SagaKind, SagaRun, Step, Sweep,
    insert_sagas, wake_saga,
};
pub use schedule::{Schedule, run_schedules};
pub use souk_bus::{Broker, Envelope, EventLog, Log, OutboxOffset, Source};

/// The first migration of every service: tables for all of the above.
pub const TABLES: (&str, &str) = ("0000_flow", include_str!("../migrations/flow.sql"));

/// The second migration of flow, for every service that runs sagas.
pub const SAGAS: (&str, &str) = ("0002_sagas", include_str!("../migrations/sagas.sql"));

/// The third one, likewise: sagas by the names of their steps.
pub const SAGA_STEPS: (&str, &str) = ("0005_saga_steps", include_str!("../migrations/saga_steps.sql"));

pub use trace_context::{Columns as TraceColumns, of_row as trace_of_row};

/// The trace context of what is left behind for later; of every service.
pub const TRACE_CONTEXT: (&str, &str) = ("0006_trace_context", include_str!("../migrations/trace_context.sql"));
