//! Reconnector, the background task of a handle: connects, and asks what did not answer until it does, so that no request
//! has to.

use std::time::Duration;

use futures_util::future::join_all;
use souk_runtime::Tasks;

use crate::Redis;
use crate::client::Inner;
use crate::link::Link;

/// Pause between two probes of what does not answer: how long Redis stays unused after it is back.
const PROBE_EVERY: Duration = Duration::from_millis(250);

pub(crate) async fn run(redis: Redis, tasks: Tasks) {
    while !tasks.stopping() {
        let inner = redis.inner();
        probe_open_parts(inner).await;
        let open = inner.breaker.open_parts().len();
        metrics::gauge!("souk_redis_parts_open").set(open as f64);
        if open > 0 {
            tasks.pause(PROBE_EVERY).await;
            continue;
        }
        if !inner.all_connected.send_replace(true) {
            tracing::info!("redis answers");
        }
        tokio::select! {
            () = inner.trouble.notified() => {}
            () = tasks.token().cancelled() => return,
        }
    }
}

/// Connects if there is no connection, and closes the parts that answer.
async fn probe_open_parts(inner: &Inner) {
    let kept = inner.link.read().clone();
    let link = match kept {
        Some(link) => link,
        None => match inner.target.connect().await {
            Ok(link) => link,
            Err(error) => {
                tracing::debug!(%error, "no connection to redis");
                return;
            }
        },
    };
    let open = inner.breaker.open_parts();
    let answers = join_all(open.iter().map(|(_, key)| probe(link.clone(), key, inner.call))).await;
    let none = open.len() == inner.breaker.parts() && !answers.contains(&true);
    // A connection on which nothing answers is given up: what waits in it must not pile up, and it may be a dead one.
    *inner.link.write() = if none { None } else { Some(link) };
    if none {
        inner.breaker.open_all();
        return;
    }
    for ((part, _), _) in open.iter().zip(answers).filter(|(_, answers)| *answers) {
        inner.breaker.close(*part);
    }
}

async fn probe(mut link: Link, key: &str, patience: Duration) -> bool {
    let mut command = redis::cmd("EXISTS");
    command.arg(key);
    matches!(tokio::time::timeout(patience, link.send(&command)).await, Ok(Ok(_)))
}
