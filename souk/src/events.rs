//! Which log this process reads, and what fills it: with Kafka each owner's worker relays its outbox.

use souk_db::Db;
use souk_flow::EventLog;
use souk_modules::Tasks;

use crate::config::Config;

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

/// Relays the outbox of `schema`, if it has one that somebody reads and the log is a broker.
#[cfg_attr(not(feature = "kafka"), allow(unused_variables))]
pub fn relay(tasks: &Tasks, db: &Db, schema: &'static str, events: &EventLog) {
    match events {
        EventLog::Postgres => {}
        #[cfg(feature = "kafka")]
        EventLog::Kafka(kafka) => {
            let emits = |role: &&souk_modules::Role| crate::modules::schema_of(role.name) == Some(schema);
            if crate::modules::ROLES.iter().filter(emits).any(|role| !role.emits.is_empty()) {
                souk_flow::run_relay(tasks, db, schema, kafka);
            }
        }
    }
}
