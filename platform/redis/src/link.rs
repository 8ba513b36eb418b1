//! Connection to Redis, to one server or to a cluster.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisResult, Value};

/// Making a connection: the reconnector does it, no request waits for it.
const CONNECT: Duration = Duration::from_secs(2);
/// Tries of one call within the cluster client: the second after the cluster said where the key has moved to.
const CLUSTER_RETRIES: u32 = 1;

/// What to connect to.
pub(crate) enum Target {
    Server(Client),
    Cluster(Box<ClusterClient>),
}

/// Many calls at once on one connection (or one per node). Clones are the same connections.
#[derive(Clone)]
pub(crate) enum Link {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Target {
    /// One node is a server, several are a cluster.
    pub(crate) fn new(nodes: &[String], call: Duration) -> RedisResult<Self> {
        if let [node] = nodes {
            return Ok(Self::Server(Client::open(node.as_str())?));
        }
        let builder = ClusterClient::builder(nodes.to_vec());
        let builder = builder.connection_timeout(CONNECT).response_timeout(call).retries(CLUSTER_RETRIES);
        Ok(Self::Cluster(Box::new(builder.build()?)))
    }

    pub(crate) async fn connect(&self) -> RedisResult<Link> {
        let connecting = async {
            match self {
                // No reconnecting behind our back: a connection that broke is replaced by the reconnector.
                Self::Server(client) => {
                    let config = AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT));
                    let config = config.set_response_timeout(Some(CONNECT));
                    Ok(Link::Server(client.get_multiplexed_async_connection_with_config(&config).await?))
                }
                Self::Cluster(client) => Ok(Link::Cluster(client.get_async_connection().await?)),
            }
        };
        match tokio::time::timeout(CONNECT, connecting).await {
            Ok(link) => link,
            Err(_) => Err((ErrorKind::Io, "no connection in time").into()),
        }
    }
}

impl Link {
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}
