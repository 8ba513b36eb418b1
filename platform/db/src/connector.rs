//! Where connections go: to the one server there is, or to whichever of several is the primary now.

use std::{future::pending, sync::Arc};

use tokio::{sync::watch, time::timeout};
use tokio_postgres::{Client, Config, Connection, Socket};

use crate::{
    DbError,
    book::TypeBook,
    config::CONNECT_TIMEOUT,
    error::connect_error,
    servers::{Leader, Servers, ServersConfig, identify},
    tls::{Stream, Tls},
    way::Way,
};

/// After a failed attempt, wait this long for news of another primary: about two of the watchers' rounds.
const NEWS: std::time::Duration = std::time::Duration::from_millis(400);

/// The same for every connection of one kind.
#[derive(Clone)]
pub(crate) enum Target {
    /// This server, whatever it is.
    One(Box<Way>),
    /// A pooler that gives a server connection for one transaction at a time.
    Pooled(Box<Way>, Arc<TypeBook>),
    /// The primary among watched servers; the way to each.
    Primary(Box<[Way]>, Servers),
}

/// A connection nobody drives yet.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) connection: Connection<Socket, Stream>,
    pub(crate) tenure: Tenure,
}

/// How long a connection is one to the primary.
pub(crate) struct Tenure {
    /// 0 when nobody asked.
    pub(crate) timeline: u32,
    leader: Option<watch::Receiver<Option<Leader>>>,
}

impl Tenure {
    /// Returns when there is another primary. A connection to the old one is of no use then, and whoever still writes over
    /// it must learn that the outcome is unknown: the server may hang, or may even answer.
    pub(crate) async fn over(mut self) {
        let Some(leader) = &mut self.leader else { return pending().await };
        let timeline = self.timeline;
        if leader.wait_for(|leader| leader.is_some_and(|leader| leader.timeline != timeline)).await.is_err() {
            pending().await
        }
    }
}

impl Target {
    pub(crate) fn one(way: Way) -> Target {
        Target::One(Box::new(way))
    }

    /// The server of `url`, or the primary among its servers.
    pub(crate) fn of_url(url: &str, dress: impl Fn(&mut Config)) -> Result<Target, DbError> {
        if let Some(servers) = Servers::watch(&ServersConfig::new(url))? {
            return Ok(Self::primary(&servers, dress));
        }
        let mut way = Way::of_url(url)?;
        dress(&mut way.driver);
        Ok(Self::one(way))
    }

    /// The primary among `servers`.
    pub(crate) fn primary(servers: &Servers, dress: impl Fn(&mut Config)) -> Target {
        let dressed = |server: &crate::servers::Server| {
            let mut way = server.way.clone();
            dress(&mut way.driver);
            way
        };
        Target::Primary(servers.all().iter().map(dressed).collect(), servers.clone())
    }

    /// Connects, at most for [`CONNECT_TIMEOUT`]: the driver's own timeout covers the socket only, not a server that accepts
    /// and then says nothing.
    pub(crate) async fn connect(&self) -> Result<Link, DbError> {
        let connect = async {
            match self {
                Target::One(way) | Target::Pooled(way, _) => {
                    let (client, connection) = way.connect().await.map_err(|error| connect_error(&error))?;
                    Ok(Link { client, connection, tenure: Tenure { timeline: 0, leader: None } })
                }
                Target::Primary(ways, servers) => to_primary(ways, servers).await,
            }
        };
        match timeout(CONNECT_TIMEOUT, connect).await {
            Ok(done) => done,
            Err(_) => Err(DbError::Unavailable(format!("no answer within {CONNECT_TIMEOUT:?}"))),
        }
    }

    /// Where types are learned, when nothing can be prepared.
    pub(crate) fn book(&self) -> Option<&Arc<TypeBook>> {
        match self {
            Target::Pooled(_, book) => Some(book),
            _ => None,
        }
    }

    /// `application_name`, for messages.
    pub(crate) fn name(&self) -> &str {
        self.any().and_then(|way| way.driver.get_application_name()).unwrap_or_default()
    }

    /// How its connections are encrypted.
    pub(crate) fn tls(&self) -> Tls {
        self.any().map(|way| way.tls.clone()).unwrap_or_default()
    }

    fn any(&self) -> Option<&Way> {
        match self {
            Target::One(way) | Target::Pooled(way, _) => Some(way),
            Target::Primary(ways, _) => ways.first(),
        }
    }
}

async fn to_primary(ways: &[Way], servers: &Servers) -> Result<Link, DbError> {
    loop {
        let leader = servers.found(CONNECT_TIMEOUT).await?;
        let error = tokio::select! {
            linked = link(&ways[leader.at], leader, servers) => match linked {
                Ok(link) => return Ok(link),
                Err(error) => error,
            },
            () = another(servers, leader) => continue,
        };
        if timeout(NEWS, another(servers, leader)).await.is_err() {
            return Err(error);
        }
    }
}

/// Returns when somebody else than `leader` is.
async fn another(servers: &Servers, leader: Leader) {
    if servers.leader().wait_for(|now| now.is_some_and(|now| now != leader)).await.is_err() {
        pending().await
    }
}

/// Connects to where the primary was last seen and makes sure that it is.
async fn link(way: &Way, leader: Leader, servers: &Servers) -> Result<Link, DbError> {
    let (client, mut connection) = way.connect().await.map_err(|error| connect_error(&error))?;
    let identity = {
        let mut asked = std::pin::pin!(identify(&client));
        tokio::select! {
            identity = &mut asked => identity?,
            ended = std::future::poll_fn(|cx| drive(&mut connection, cx)) => {
                return Err(DbError::Unavailable(format!("closed while it was asked what it is: {ended}")));
            }
        }
    };
    let is_leader = identity.writable() && identity.timeline() == leader.timeline && identity.system() == leader.system;
    if !is_leader {
        return Err(DbError::Unavailable("the server takes no writes, or is no primary any more".into()));
    }
    Ok(Link { client, connection, tenure: Tenure { timeline: leader.timeline, leader: Some(servers.leader()) } })
}

/// Moves the connection's messages; ready only when it ended.
fn drive(connection: &mut Connection<Socket, Stream>, cx: &mut std::task::Context<'_>) -> std::task::Poll<String> {
    loop {
        match connection.poll_message(cx) {
            std::task::Poll::Pending => return std::task::Poll::Pending,
            std::task::Poll::Ready(None) => return std::task::Poll::Ready(String::new()),
            std::task::Poll::Ready(Some(Err(error))) => return std::task::Poll::Ready(error.to_string()),
            std::task::Poll::Ready(Some(Ok(_notice))) => {}
        }
    }
}
