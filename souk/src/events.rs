//! Event log of a process, which one it reads and what fills it: with Kafka each owner's worker relays its outbox.

use souk_db::Db;
use souk_flow::EventLog;
use souk_runtime::{Readiness, Tasks};

use crate::config::Config;

/// Between two looks whether the broker has answered.
const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

/// The log that the configuration names.
#[cfg(feature = "kafka")]
pub fn log(config: &Config, tasks: &Tasks) -> anyhow::Result<EventLog> {
    use anyhow::Context;

    if config.events.kafka.is_empty() {
        return Ok(EventLog::Postgres);
    }
    let kafka =
        souk_kafka::Kafka::connect(tasks, &config.events.kafka, &config.events.prefix).context("events.kafka")?;
    Ok(EventLog::Broker(std::sync::Arc::new(kafka)))
}

/// The only log there is: [`Config::check`] has refused any other.
#[cfg(not(feature = "kafka"))]
pub fn log(_config: &Config, _tasks: &Tasks) -> anyhow::Result<EventLog> {
    Ok(EventLog::Postgres)
}

/// Says when the broker first answers, where a role of this process reads or fills topics. Later outages do not change that:
/// events wait in PostgreSQL meanwhile, and everything else goes on.
pub fn announce(tasks: &Tasks, events: &EventLog, config: &Config, roles: &[&str], readiness: &Readiness) {
    match events {
        EventLog::Postgres => {}
        EventLog::Broker(broker) => {
            if !roles.iter().any(|role| *role == "gateway" || role.ends_with("-worker")) {
                return;
            }
            let part = readiness.part(format!("kafka at {}", config.events.kafka.join(",")));
            let (broker, stopping) = (broker.clone(), tasks.clone());
            tasks.spawn("kafka.ready", async move {
                while let Err(why) = broker.answers() {
                    part.not_ready(why);
                    if !stopping.pause(LOOK).await {
                        return;
                    }
                }
                part.ready();
            });
        }
    }
}

/// Relays the outbox of `schema`, if it has one that a consumer reads and the log is a broker.
pub fn relay(tasks: &Tasks, db: &Db, schema: &'static str, events: &EventLog) {
    match events {
        EventLog::Postgres => {}
        EventLog::Broker(broker) => {
            let emits = |role: &&souk_module::Role| crate::modules::schema_of(role.name) == Some(schema);
            if crate::modules::roles().filter(emits).any(|role| !role.emits.is_empty()) {
                souk_flow::run_relay(tasks, db, schema, broker);
            }
        }
    }
}
