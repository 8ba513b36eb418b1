//! Connector: connects to the one server there is, or to whichever of several is the primary now.

use std::future::pending;

use tokio::{runtime::Handle, sync::watch, time::timeout};
use tokio_postgres::{Client, Config, Connection, Socket};

use crate::{
    DbError,
    connect_options::{CONNECT_TIMEOUT, ConnectOptions},
    error::connect_error,
    servers::{Leader, Servers, ServersConfig, identify},
    tls::{Stream, Tls},
};

/// After a failed attempt, wait this long for news of another primary: about two of the watchers' rounds.
const NEWS: std::time::Duration = std::time::Duration::from_millis(400);

/// The same for every connection of one kind.
#[derive(Clone)]
pub(crate) enum Connector {
    /// To this server, whatever it is.
    One(Box<ConnectOptions>),
    /// To the primary among watched servers; the options of each.
    Primary(Box<[ConnectOptions]>, Servers),
}

/// A connection that no task drives yet.
pub(crate) struct NewConnection {
    pub(crate) client: Client,
    pub(crate) connection: Connection<Socket, Stream>,
    pub(crate) term: PrimaryTerm,
}

impl NewConnection {
    /// Lets a task of `runtime` drive it until it ends by itself: when the client is dropped, when the server closes, or when
    /// another one is the primary. Returns the client, and the timeline of the primary it leads to.
    pub(crate) fn drive(self, runtime: &Handle, service: &str) -> (Client, u32) {
        let NewConnection { client, connection, term } = self;
        let (service, timeline) = (service.to_owned(), term.timeline);
        runtime.spawn(async move {
            let ended = tokio::select! {
                ended = connection => ended,
                () = term.ended() => {
                    tracing::info!(service, "another server is the primary, left the old one");
                    return;
                }
            };
            let Err(error) = ended else { return };
            let error = DbError::from_driver(&error, "");
            // A good-bye that is not heard any more, when we and the server stop together, is no news.
            if error.to_string().contains("Broken pipe") {
                tracing::debug!(service, %error, "database connection closed");
            } else if let Some(unsaid) = souk_runtime::should_log("database connection lost") {
                tracing::warn!(service, %error, unsaid, "database connection lost");
            }
        });
        (client, timeline)
    }
}

/// How long a connection is one to the primary.
pub(crate) struct PrimaryTerm {
    /// 0 where that was not asked.
    timeline: u32,
    leader: Option<watch::Receiver<Option<Leader>>>,
}

impl PrimaryTerm {
    /// Returns when there is another primary. A connection to the old one is of no use then, and a caller that still writes
    /// over it must learn that the outcome is unknown: the server may hang, or may even answer.
    pub(crate) async fn ended(mut self) {
        let Some(leader) = &mut self.leader else { return pending().await };
        let timeline = self.timeline;
        if leader.wait_for(|leader| leader.is_some_and(|leader| leader.timeline != timeline)).await.is_err() {
            pending().await
        }
    }
}

impl Connector {
    pub(crate) fn one(options: ConnectOptions) -> Connector {
        Connector::One(Box::new(options))
    }

    /// To the server of `url`, or to the primary among its servers.
    pub(crate) fn from_url(url: &str, apply: impl Fn(&mut Config)) -> Result<Connector, DbError> {
        if let Some(servers) = Servers::watch(&ServersConfig::new(url))? {
            return Ok(Self::primary(&servers, apply));
        }
        let mut options = ConnectOptions::from_url(url)?;
        apply(&mut options.driver);
        Ok(Self::one(options))
    }

    /// To the primary among `servers`; `apply` gives the options of each what the caller's connections have.
    pub(crate) fn primary(servers: &Servers, apply: impl Fn(&mut Config)) -> Connector {
        let applied = |server: &crate::servers::Server| {
            let mut options = server.options.clone();
            apply(&mut options.driver);
            options
        };
        Connector::Primary(servers.all().iter().map(applied).collect(), servers.clone())
    }

    /// Connects, at most for [`CONNECT_TIMEOUT`]: the driver's own timeout covers the socket only, not a server that accepts
    /// and then says nothing.
    pub(crate) async fn connect(&self) -> Result<NewConnection, DbError> {
        let connect = async {
            match self {
                Connector::One(options) => {
                    let (client, connection) = options.connect().await.map_err(|error| connect_error(&error))?;
                    Ok(NewConnection { client, connection, term: PrimaryTerm { timeline: 0, leader: None } })
                }
                Connector::Primary(options, servers) => to_primary(options, servers).await,
            }
        };
        match timeout(CONNECT_TIMEOUT, connect).await {
            Ok(done) => done,
            Err(_) => Err(DbError::Unavailable(format!("no answer within {CONNECT_TIMEOUT:?}"))),
        }
    }

    /// `application_name`, for messages.
    pub(crate) fn name(&self) -> &str {
        self.any().and_then(|options| options.driver.get_application_name()).unwrap_or_default()
    }

    /// How its connections are encrypted.
    pub(crate) fn tls(&self) -> Tls {
        self.any().map(|options| options.tls.clone()).unwrap_or_default()
    }

    fn any(&self) -> Option<&ConnectOptions> {
        match self {
            Connector::One(options) => Some(options),
            Connector::Primary(options, _) => options.first(),
        }
    }
}

async fn to_primary(options: &[ConnectOptions], servers: &Servers) -> Result<NewConnection, DbError> {
    loop {
        let leader = servers.found(CONNECT_TIMEOUT).await?;
        let error = tokio::select! {
            connected = connect_verified(&options[leader.at], leader, servers) => match connected {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            },
            () = another(servers, leader) => continue,
        };
        if timeout(NEWS, another(servers, leader)).await.is_err() {
            return Err(error);
        }
    }
}

/// Returns when another server than `leader` is the primary.
async fn another(servers: &Servers, leader: Leader) {
    if servers.leader().wait_for(|now| now.is_some_and(|now| now != leader)).await.is_err() {
        pending().await
    }
}

/// Connects to where the primary was last seen and makes sure that it is.
async fn connect_verified(
    options: &ConnectOptions,
    leader: Leader,
    servers: &Servers,
) -> Result<NewConnection, DbError> {
    let (client, mut connection) = options.connect().await.map_err(|error| connect_error(&error))?;
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
    let term = PrimaryTerm { timeline: leader.timeline, leader: Some(servers.leader()) };
    Ok(NewConnection { client, connection, term })
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
