//! Read-your-writes tokens: a visitor that writes carries the position of it to their next reads; others do not.

use souk_gateway::Upstream;

use crate::remote::split_by;
use crate::shop::{WROTE, World, shop};

const PRIMARY: u64 = u64::MAX;

async fn both(test: impl AsyncFn(&World)) {
    let (shop, router) = shop();
    let local = World::replicated(shop, Upstream::Local(router)).await;
    test(&local).await;
    local.stop().await;
    let (split, _) = split_by(World::replicated).await;
    test(&split).await;
    split.stop().await;
}

/// What a read was told to show at least.
async fn asked(world: &World, headers: &str) -> u64 {
    world.get_with("/account", headers).await.json()["position"].as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_write_is_told_to_the_browser_and_comes_back_with_its_reads() {
    both(async |world| {
        let reply = world.post("/cart/lines", "Sec-Fetch-Site: same-origin\r\n", "{}").await;
        let cookie = reply.header("set-cookie").to_owned();
        let (pair, guards) = cookie.split_once(';').unwrap();
        assert_eq!(guards, " HttpOnly; SameSite=Lax; Path=/; Max-Age=60");
        assert_eq!(reply.header("cache-control"), "no-store");
        assert_eq!(reply.header("x-souk-lsn"), "", "the bare position stays inside");
        assert_eq!(asked(world, &format!("Cookie: {pair}\r\n")).await, WROTE);
        let token = reply.header("souk-position").to_owned();
        assert_eq!(pair, format!("souk_pos={token}"));
        assert_eq!(asked(world, &format!("souk-position: {token}\r\n")).await, WROTE);
        let seen = world.get_with("/account", &format!("souk-position: {token}\r\n")).await;
        assert!(seen.json()["headers"]["souk-position"].is_null(), "services get it checked, not as it came");
        assert_eq!(seen.header("set-cookie"), "", "a read tells nothing new");
        world.pass(61);
        assert_eq!(asked(world, &format!("Cookie: {pair}\r\n")).await, 0, "a minute later every replica has it");
    })
    .await;
}

#[tokio::test]
async fn forged_positions_do_not_send_reads_to_the_primary_and_strangers_are_on_the_safe_side() {
    both(async |world| {
        for junk in ["souk-position: 18446744073709551615\r\n", "Cookie: souk_pos=AAAA\r\n", "souk-position: \r\n"] {
            assert_eq!(asked(world, junk).await, 0, "{junk}");
        }
        assert_eq!(asked(world, "x-souk-lsn: 99\r\nCookie: a=b\r\n").await, 0);
        assert_eq!(asked(world, "").await, PRIMARY, "a program that knows of no tokens may have written just now");
    })
    .await;
}

#[tokio::test]
async fn shared_pages_never_carry_a_position() {
    let (world, _) = split_by(World::replicated).await;
    for headers in ["", "Cookie: a=b\r\n"] {
        let page = world.get_with("/p/bag", headers).await;
        assert_eq!((page.header("set-cookie"), page.header("souk-position")), ("", ""));
    }
    world.stop().await;
}

#[tokio::test]
async fn without_replicas_no_position_is_set() {
    let world = World::start().await;
    let reply = world.post("/cart/lines", "Sec-Fetch-Site: same-origin\r\n", "{}").await;
    assert_eq!((reply.header("set-cookie"), reply.header("souk-position")), ("", ""));
    assert_eq!(asked(&world, "").await, 0);
    world.stop().await;
}
