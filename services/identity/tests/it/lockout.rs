//! Login throttling: another who guesses does not lock a customer out, and guesses little.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use souk_identity_api::LoginAttempts;
use souk_kernel::Problem;

use crate::shop::{PASSWORD, Process, Shop, as_customer, secret};

const ADA: &str = "ada@example.com";
const HOME: &str = "192.0.2.1";
const ELSEWHERE: &str = "198.51.100.7";
const AWAY: &str = "203.0.113.5";

fn is_wrong(result: &Result<souk_identity_api::SignedIn, Problem>) -> bool {
    result.as_ref().is_err_and(|problem| problem.is("wrong_credentials"))
}

/// The longest that an owner waits on an unknown device for what others do.
const SHORT: u64 = 30;

async fn guess(here: &Process, client: &str, tries: u32) -> Vec<bool> {
    let mut checked = Vec::new();
    for _ in 0..tries {
        checked.push(is_wrong(&here.sign_in(client, ADA, "wrong password", None).await));
    }
    checked
}

#[tokio::test]
async fn tries_from_elsewhere_do_not_keep_the_owner_out() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    let known = here.sign_in(HOME, ADA, PASSWORD, None).await.unwrap().device_token.unwrap();

    let mut longest = 0;
    for round in 0..200 {
        guess(&here, ELSEWHERE, 6).await;
        let back = here.sign_in(HOME, ADA, PASSWORD, Some(&known)).await;
        assert!(back.is_ok(), "round {round}: the right password on a known device: {back:?}");
        // The control is what an unknown device at the guesser's own address meets: as every client did.
        let control = here.sign_in(ELSEWHERE, ADA, PASSWORD, None).await.unwrap_err();
        assert!(control.is("too_many_tries"), "round {round}: {control:?}");
        longest = longest.max(control.retry_after.unwrap());
        shop.wait(4.0 * 60.0).await;
    }
    assert_eq!(longest, 15 * 60, "whoever guesses waits long");

    // At another address, without the device: at most a short wait, although the guesser goes on for every second of it.
    guess(&here, ELSEWHERE, 1).await;
    if let Err(refused) = here.sign_in(AWAY, ADA, PASSWORD, None).await {
        assert!(refused.is("too_many_tries") && refused.retry_after.unwrap() <= SHORT, "{refused:?}");
        for _ in 0..SHORT {
            shop.wait(1.0).await;
            guess(&here, ELSEWHERE, 1).await;
        }
        here.sign_in(AWAY, ADA, PASSWORD, None).await.unwrap();
    }
}

/// Of the five seconds after five tries, which run from the last of them, some may have passed.
fn waits_five_seconds(refused: &Problem) -> bool {
    refused.is("too_many_tries") && refused.retry_after.is_some_and(|seconds| (1..=5).contains(&seconds))
}

/// The wait after five tries from one address: none at home, five seconds on a new device, and then one's own tries.
#[tokio::test]
async fn five_tries_cost_the_owner_five_seconds_on_a_new_device_only() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    let known = here.sign_in(HOME, ADA, PASSWORD, None).await.unwrap().device_token.unwrap();
    assert_eq!(guess(&here, ELSEWHERE, 6).await, [true, true, true, true, true, false]);
    here.sign_in(HOME, ADA, PASSWORD, Some(&known)).await.unwrap();
    let refused = here.sign_in(AWAY, ADA, PASSWORD, None).await.unwrap_err();
    assert!(waits_five_seconds(&refused), "{refused:?}");
    shop.wait(5.0).await;
    here.sign_in(AWAY, ADA, PASSWORD, None).await.unwrap();
}

#[tokio::test]
async fn a_known_device_has_its_own_counter_and_knows_no_other_account() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    here.register("eve@example.com").await;
    let ada = here.sign_in(HOME, ADA, PASSWORD, None).await.unwrap().device_token.unwrap();
    let eve = here.sign_in(AWAY, "eve@example.com", PASSWORD, None).await.unwrap().device_token.unwrap();
    for _ in 0..5 {
        assert!(is_wrong(&here.sign_in(HOME, ADA, "wrong password", Some(&ada)).await));
    }
    let refused = here.sign_in(HOME, ADA, PASSWORD, Some(&ada)).await.unwrap_err();
    assert!(waits_five_seconds(&refused), "a thief of it guesses little: {refused:?}");
    here.sign_in(HOME, ADA, PASSWORD, None).await.unwrap();
    // Eve's device is none of Ada's: it counts with the others.
    for _ in 0..5 {
        assert!(is_wrong(&here.sign_in(AWAY, ADA, "wrong password", Some(&eve)).await));
    }
    assert!(here.sign_in(AWAY, ADA, PASSWORD, Some(&eve)).await.unwrap_err().is("too_many_tries"));
    shop.wait(5.0).await;
    let shared = here.sign_in(AWAY, ADA, PASSWORD, Some(&eve)).await.unwrap().device_token.unwrap();
    assert_eq!(shared.reveal(), eve.reveal(), "a browser of two accounts keeps one token");
    let planted = secret(&"A".repeat(43));
    let given = here.sign_in(AWAY, ADA, PASSWORD, Some(&planted)).await.unwrap().device_token.unwrap();
    assert_ne!(given.reveal(), planted.reveal(), "a token that we did not make is not taken over");
    assert_eq!(shop.number("select count(*) from device where octet_length(token_hash) = 32").await, 5);
}

/// A thousand addresses, of which one or two try at every moment, for an hour.
#[tokio::test]
async fn a_thousand_addresses_guess_at_a_bounded_rate() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    let (mut checked, mut refused, mut of_address) = (0, 0, BTreeMap::<u32, u32>::new());
    let step = 10;
    for moment in 0..3_600 / step {
        for turn in 0..4 {
            let n = (moment * 7 + turn * 251) % 1_000;
            let address = format!("10.0.{}.{}", n / 250, n % 250);
            match is_wrong(&here.sign_in(&address, ADA, "wrong password", None).await) {
                true => {
                    checked += 1;
                    *of_address.entry(n).or_default() += 1;
                }
                false => refused += 1,
            }
        }
        shop.wait(f64::from(step)).await;
    }
    assert!(
        checked + refused == 1_440 && of_address.len() > 50,
        "{checked} + {refused}, {} addresses",
        of_address.len()
    );
    assert!(checked <= 2 * 130, "{checked} guesses in an hour");
    let refused = here.sign_in(AWAY, ADA, PASSWORD, None).await;
    assert!(refused.is_ok() || refused.unwrap_err().retry_after.unwrap() <= SHORT);
    // The control: without what the account remembers each address has its first try, at the same moment.
    let mut control = 0;
    for n in 0..50 {
        shop.sql("delete from login_attempt").await;
        control += usize::from(is_wrong(&here.sign_in(&format!("10.9.0.{n}"), ADA, "wrong password", None).await));
    }
    assert_eq!(control, 50);
}

#[tokio::test]
async fn the_customer_is_told_once_a_day() {
    let shop = Shop::open().await;
    let (one, two) = (shop.process().await, shop.process().await);
    let ada = one.register(ADA).await;
    let known = one.sign_in(HOME, ADA, PASSWORD, None).await.unwrap().device_token.unwrap();
    for _ in 0..4 {
        one.sign_in(HOME, ADA, "wrong password", Some(&known)).await.unwrap_err();
    }
    for client in [ELSEWHERE, AWAY] {
        let tries = (0..4).map(|n| if n % 2 == 0 { &one } else { &two }.sign_in(client, ADA, "wrong password", None));
        join_all(tries).await;
        shop.wait(60.0).await;
    }
    shop.tasks.drain(std::time::Duration::from_secs(5)).await.unwrap();
    assert_eq!(shop.events::<LoginAttempts>().await, [], "eight from elsewhere, and the owner's own typos");

    let shop_again =
        |events: Vec<LoginAttempts>| events.into_iter().map(|event| event.email.into_inner()).collect::<Vec<_>>();
    for (day, told) in [(0, 1), (0, 1), (1, 2)] {
        shop.wait(f64::from(day) * 24.0 * 3600.0).await;
        let shop_tasks = souk_runtime::Tasks::new();
        let here = shop.process_of(&shop_tasks).await;
        for n in 0..14 {
            here.sign_in(&format!("10.1.{told}.{n}"), ADA, "wrong password", None).await.unwrap_err();
            here.sign_in(&format!("10.1.{told}.{n}"), "nobody@example.com", "wrong password", None).await.unwrap_err();
            shop.wait(31.0).await;
        }
        shop_tasks.drain(std::time::Duration::from_secs(5)).await.unwrap();
        assert_eq!(shop_again(shop.events().await), vec![ADA; told], "day {day}");
    }
    let events = shop.events::<LoginAttempts>().await;
    assert!(events.iter().all(|event| event.customer_id == ada.customer.id));
}

#[tokio::test]
async fn who_is_signed_in_changes_the_password_whatever_others_try() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register(ADA).await;
    for _ in 0..3 {
        guess(&here, ELSEWHERE, 6).await;
    }
    let change = souk_identity_api::UpdateMe {
        current_password: Some(secret(PASSWORD)),
        new_password: Some(secret("another horse battery")),
        ..Default::default()
    };
    here.client.update_me(&as_customer(&ada.customer), change).await.unwrap();
}

/// A login turned away for load has not tried.
#[tokio::test]
async fn tries_refused_for_load_are_not_counted() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let accounts: Vec<String> = (0..200).map(|n| format!("nobody{n}@example.com")).collect();
    let results = join_all(accounts.iter().map(|email| here.login(email, "wrong password"))).await;
    let refused = results.iter().filter(|result| result.as_ref().is_err_and(|p| p.is("overloaded"))).count();
    let checked = results.iter().filter(|result| is_wrong(result)).count();
    assert!(refused > 0 && refused + checked == 200, "{refused} + {checked}");
    let counted = shop.number("select count(*) from login_attempt").await;
    assert_eq!(counted, 2 * i64::try_from(checked).unwrap(), "each checked one under its address and its account");
}

/// The queue of registrations is full, and every login is done.
#[tokio::test]
async fn registrations_starve_no_login() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    let flood = join_all((0..120).map(|n| {
        let client = here.client.clone();
        async move {
            let request = souk_identity_api::Register {
                email: format!("flood{n}@example.com"),
                password: secret(PASSWORD),
                name: String::new(),
            };
            client.register(&crate::shop::guest(), request).await
        }
    }));
    let logins = join_all((0..20).map(|n| {
        let (here, email) = (&here, format!("nobody{n}@example.com"));
        async move { here.login(&email, "wrong password").await }
    }));
    let (flood, logins) = tokio::join!(flood, logins);
    let refused = flood.iter().filter(|result| result.as_ref().is_err_and(|p| p.is("overloaded"))).count();
    assert!(refused >= 60, "the flood fills its queue: {refused} refused");
    assert_eq!(logins.iter().filter(|result| is_wrong(result)).count(), 20, "each login is looked at");
}

#[tokio::test]
async fn devices_are_bounded_and_forgotten() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register(ADA).await;
    let known = here.sign_in(HOME, ADA, PASSWORD, None).await.unwrap().device_token.unwrap();
    here.sign_in(HOME, ADA, PASSWORD, Some(&known)).await.unwrap();
    shop.sql(
        "insert into device (token_hash, customer_id, created_at, seen_at)
         select sha256(n::text::bytea), c.id, now() + interval '1 hour', now() + interval '1 hour'
         from customer c, generate_series(1, 150) n",
    )
    .await;
    here.sign_in(AWAY, ADA, PASSWORD, None).await.unwrap();
    assert_eq!(shop.number("select count(*) from device").await, 100);
    let again = here.sign_in(HOME, ADA, PASSWORD, Some(&known)).await.unwrap();
    assert_eq!(again.device_token.unwrap().reveal(), known.reveal(), "one that came back stays");
    shop.sql("update device set seen_at = now() - interval '366 days'").await;
    let store = souk_identity::store::Store::new(here.db.clone());
    assert_eq!(store.purge().await.unwrap(), 100);
}
