//! Real servers for tests and for the fleet on one machine: on free loopback ports, with throw-away data, gone with the
//! process that started them even when it is killed. They can be hung, killed and restarted. Knows nothing of Souk.
//!
//! [`Redis`], [`RedisCluster`] and [`SmtpOptions, SmtpSink`] need the distribution's packages only (`scripts/setup`); what
//! `scripts/engines` installs is looked for in `target/engines` of the workspace, or where `SOUK_ENGINES` says.

mod engine;
mod error;
mod home;
mod http;
mod installed;
mod kafka;
mod opensearch;
mod port;
mod redis;
mod relay;
mod s3;
mod smtp;

pub use engine::{Engine, Kind};
pub use error::EngineError;
pub use http::get;
pub use kafka::{Kafka, KafkaBroker};
pub use opensearch::{OpenSearch, OpenSearchNode};
pub use port::free_port;
pub use redis::{Redis, RedisCluster, RedisNode};
pub use relay::relay;
pub use s3::{S3, S3Server};
pub use smtp::{SmtpOptions, SmtpServer, SmtpSink};
