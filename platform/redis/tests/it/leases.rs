//! Leased cache entries: they can be taken back, also by those who cannot reach Redis.

use std::time::Duration;

use souk_engines::Redis as Server;
use souk_redis::{Deadline, Lease, Leases};

use crate::support::{PATIENCE, Process, hasty_on, on};
use souk_eventually::eventually;

fn leases(process: &Process) -> Leases {
    Leases::new(process.redis.clone(), process.tasks.clone(), "passes", 1)
}

async fn free(leases: &Leases, id: &str) -> Deadline {
    match leases.get(id).await {
        Lease::Free(deadline) => deadline,
        other => panic!("{other:?}"),
    }
}

fn ids(id: &str) -> [String; 1] {
    [id.to_owned()]
}

#[tokio::test]
async fn what_is_revoked_is_gone_everywhere_and_a_late_reader_does_not_bring_it_back() {
    let server = Server::start().await.unwrap();
    let (one, other) = (on(&server).await, on(&server).await);
    let (one, other) = (leases(&one), leases(&other));
    let deadline = free(&one, "ada").await;
    one.keep("ada", deadline, b"old").await;
    assert_eq!(other.get("ada").await, Lease::Held(b"old".to_vec()));

    // The other has asked, read the old truth from PostgreSQL, and is slow.
    let late = free(&other, "bob").await;
    one.revoke(&["ada".to_owned(), "bob".to_owned()]).await;
    other.keep("bob", late, b"old").await;
    for id in ["ada", "bob"] {
        assert_eq!(other.get(id).await, Lease::Revoked, "{id}");
    }
    // The control: without the revocation the late one is kept.
    let late = free(&other, "eve").await;
    other.keep("eve", late, b"old").await;
    assert_eq!(one.get("eve").await, Lease::Held(b"old".to_vec()));
}

#[tokio::test]
async fn a_revocation_while_redis_hangs_is_made_up_for() {
    let server = Server::start().await.unwrap();
    let (one, other) = (hasty_on(&server).await, hasty_on(&server).await);
    let (one, other) = (leases(&one), leases(&other));
    let deadline = free(&one, "ada").await;
    one.keep("ada", deadline, b"old").await;
    server.pause().unwrap();
    let begun = std::time::Instant::now();
    one.revoke(&ids("ada")).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "logging out does not wait for redis: {:?}", begun.elapsed());
    assert_eq!(other.get("ada").await, Lease::Revoked, "nobody reads while it hangs");
    server.resume().unwrap();
    eventually("the revocation arrives", PATIENCE, async || {
        other.get("ada").await == Lease::Revoked && other.get("x").await != Lease::Revoked
    })
    .await;
}

#[tokio::test]
async fn a_revocation_while_redis_is_dead_reaches_what_it_remembers_when_it_is_back() {
    let server = Server::start().await.unwrap();
    let process = hasty_on(&server).await;
    let here = leases(&process);
    let deadline = free(&here, "ada").await;
    here.keep("ada", deadline, b"old").await;
    server.kill();
    here.revoke(&ids("ada")).await;
    server.restart().await.unwrap();
    crate::support::whole(&process.redis).await;
    let other = hasty_on(&server).await;
    let other = leases(&other);
    eventually("the revocation arrives", PATIENCE, async || other.get("ada").await == Lease::Revoked).await;
}

#[tokio::test]
async fn a_lease_ends_by_the_clock_of_redis_however_late_it_is_written() {
    let server = Server::start().await.unwrap();
    let process = on(&server).await;
    let here = leases(&process);
    // A deadline of a minute ago, as a write has that a hung server carries out late.
    let past = here.get("ada").await;
    let Lease::Free(deadline) = past else { panic!("{past:?}") };
    here.keep("ada", deadline.earlier(2 * souk_redis::LEASE), b"old").await;
    assert!(matches!(here.get("ada").await, Lease::Free(_)), "it ended before it began");
    here.keep("ada", deadline, b"old").await;
    assert!(matches!(here.get("ada").await, Lease::Held(_)), "the control");
}
