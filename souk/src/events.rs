//! Event log of a process, which one it reads and what fills it: with Kafka each owner's worker relays its outbox.

use souk_db::Db;
use souk_flow::EventLog;
use souk_runtime::{Readiness, Tasks};

use crate::config::Config;

/// Between two looks whether a broker has answered.
#[cfg(feature = "kafka")]
const LOOK: std::time::Duration = std::time::Duration::from_millis(200);

/// The log that the configuration names.
#[cfg(feature = "kafka")]
pub fn log(config: &Config, tasks: &Tasks) -> anyhow::Result<EventLog> {
    use anyhow::Context;

    if config.events.kafka.is_empty() {
        return Ok(EventLog::Postgres);
    }
    let kafka =
        souk_flow::Kafka::connect(tasks, &config.events.kafka, &config.events.prefix).context("events.kafka")?;
    Ok(EventLog::Kafka(kafka))
}

/// The only log there is: [`Config::check`] has refused any other.
#[cfg(not(feature = "kafka"))]
pub fn log(_config: &Config, _tasks: &Tasks) -> anyhow::Result<EventLog> {
    Ok(EventLog::Postgres)
}

/// Says when the broker first answers, where a role of this process reads or fills topics. Later outages do not change that:
/// events wait in PostgreSQL meanwhile, and everything else goes on.
#[cfg_attr(not(feature = "kafka"), allow(unused_variables))]
pub fn announce(tasks: &Tasks, events: &EventLog, config: &Config, roles: &[&str], readiness: &Readiness) {
    match events {
        EventLog::Postgres => {}
        #[cfg(feature = "kafka")]
        EventLog::Kafka(kafka) => {
            if !roles.iter().any(|role| *role == "gateway" || role.ends_with("-worker")) {
                return;
            }
            let part = readiness.part(format!("kafka at {}", config.events.kafka.join(",")));
            let (kafka, stopping) = (kafka.clone(), tasks.clone());
            tasks.spawn("kafka.ready", async move {
                while let Err(why) = kafka.answers() {
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
#[cfg_attr(not(feature = "kafka"), allow(unused_variables))]
pub fn relay(tasks: &Tasks, db: &Db, schema: &'static str, events: &EventLog) {
    match events {
        EventLog::Postgres => {}
        #[cfg(feature = "kafka")]
        EventLog::Kafka(kafka) => {
            let emits = |role: &&souk_module::Role| crate::modules::schema_of(role.name) == Some(schema);
            if crate::modules::roles().filter(emits).any(|role| !role.emits.is_empty()) {
                souk_flow::run_relay(tasks, db, schema, kafka);
            }
        }
    }
}
