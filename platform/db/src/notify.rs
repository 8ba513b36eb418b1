//! LISTEN and NOTIFY of one service over one connection of its own, opened when first needed and kept alive.
//!
//! A NOTIFY only says "look": it carries nothing, many become one, and a lost one is covered by the caller's polling.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    time::sleep,
};
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use crate::{
    DbError,
    connector::{Connector, NewConnection},
    tls::Stream,
};

/// Notifications asked for within this time of the last one go out as one: a listener that wakes up 200 times a second
/// is fast enough for people, and cheap.
const COALESCE: Duration = Duration::from_millis(5);
/// First pause before connecting again; doubles up to [`MAX_BACKOFF`], which listeners' own polling makes harmless.
const MIN_BACKOFF: Duration = Duration::from_millis(50);
const MAX_BACKOFF: Duration = Duration::from_secs(2);

pub(crate) struct Signals {
    shared: Arc<Shared>,
    connector: Connector,
    runtime: Handle,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    wake: Notify,
}

#[derive(Default)]
struct State {
    running: bool,
    closed: bool,
    pending: BTreeSet<String>,
    channels: BTreeMap<String, watch::Sender<u64>>,
}

impl Signals {
    pub(crate) fn new(connector: Connector, runtime: Handle) -> Signals {
        Signals { shared: Arc::default(), connector, runtime }
    }

    pub(crate) fn notify(&self, channel: &str) {
        let mut state = self.shared.state.lock();
        if state.pending.contains(channel) {
            return;
        }
        state.pending.insert(channel.to_owned());
        self.wake(&mut state);
    }

    pub(crate) fn listen(&self, channel: &str) -> watch::Receiver<u64> {
        let mut state = self.shared.state.lock();
        if let Some(sender) = state.channels.get(channel) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(0);
        state.channels.insert(channel.to_owned(), sender);
        self.wake(&mut state);
        receiver
    }

    fn wake(&self, state: &mut State) {
        if !state.running {
            state.running = true;
            // Ends when this is dropped.
            self.runtime.spawn(run(Arc::clone(&self.shared), self.connector.clone()));
        }
        self.shared.wake.notify_one();
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.wake.notify_one();
    }
}

async fn run(shared: Arc<Shared>, connector: Connector) {
    let mut backoff = MIN_BACKOFF;
    while !shared.state.lock().closed {
        let error = match connector.connect().await {
            Ok(NewConnection { client, connection, term }) => {
                backoff = MIN_BACKOFF;
                tokio::select! {
                    error = receive(&shared, connection) => error,
                    () = term.ended() => DbError::Unavailable("another server is the primary".into()),
                    ended = serve(&shared, &client) => match ended {
                        Ok(()) => return,
                        Err(error) => DbError::from_driver(&error, "LISTEN or NOTIFY"),
                    },
                }
            }
            Err(error) => error,
        };
        if let Some(unsaid) = souk_runtime::should_log("notification connection lost") {
            tracing::warn!(%error, service = connector.name(), unsaid, "notification connection lost, trying again");
        }
        sleep(backoff).await;
        backoff = (backoff * 2).min(MAX_BACKOFF);
    }
}

/// Drives the connection and passes notifications on, until it ends.
async fn receive(shared: &Shared, mut connection: Connection<Socket, Stream>) -> DbError {
    loop {
        match poll_fn(|cx| connection.poll_message(cx)).await {
            Some(Ok(AsyncMessage::Notification(notification))) => shared.bump(notification.channel()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return DbError::from_driver(&error, "LISTEN"),
            None => return DbError::Unavailable("closed".into()),
        }
    }
}

/// Sends what is asked for: LISTEN for new channels, one statement for all pending NOTIFYs. Returns when closed.
async fn serve(shared: &Shared, client: &Client) -> Result<(), tokio_postgres::Error> {
    let mut listening = BTreeSet::new();
    let notify = client.prepare("select pg_notify(channel, '') from unnest($1::text[]) channel").await?;
    loop {
        let (new, pending) = {
            let mut state = shared.state.lock();
            // What was committed is still told before the end.
            if state.closed && state.pending.is_empty() {
                return Ok(());
            }
            let new: Vec<String> = state.channels.keys().filter(|name| !listening.contains(*name)).cloned().collect();
            (new, std::mem::take(&mut state.pending))
        };
        for channel in new {
            client.batch_execute(&format!("LISTEN \"{}\"", channel.replace('"', "\"\""))).await?;
            // Something may have happened before this moment: look once.
            shared.bump(&channel);
            listening.insert(channel);
        }
        if pending.is_empty() {
            shared.wake.notified().await;
            continue;
        }
        let names: Vec<&str> = pending.iter().map(String::as_str).collect();
        if let Err(error) = client.query(&notify, &[&names]).await {
            if error.as_db_error().is_none() {
                shared.state.lock().pending.extend(pending);
            }
            return Err(error);
        }
        sleep(COALESCE).await;
    }
}

impl Shared {
    fn bump(&self, channel: &str) {
        if let Some(sender) = self.state.lock().channels.get(channel) {
            sender.send_modify(|count| *count += 1);
        }
    }
}
