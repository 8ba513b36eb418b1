//! Passwords: how they are kept, how often one may guess, and that a guesser learns nothing about who has an account.

use futures_util::future::join_all;
use souk_identity_api::UpdateMe;
use souk_kernel::Kind;

use crate::shop::{PASSWORD, Shop, as_customer, secret};

#[tokio::test]
async fn stored_as_argon2id_and_upgraded_when_weak() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register("ada@example.com").await;
    let strong = "select count(*) from customer where password_hash like '$argon2id$v=19$m=19456,t=2,p=1$%'";
    assert_eq!(shop.number(strong).await, 1);
    let params = argon2::Params::new(1024, 1, 1, None).unwrap();
    let weak = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params);
    let weak = argon2::PasswordHasher::hash_password(&weak, PASSWORD.as_bytes()).unwrap().to_string();
    let db = shop.test_db.superuser("identity").await;
    db.write_one("update customer set password_hash = $1", &[&weak]).await.unwrap();
    assert!(here.login("ada@example.com", "wrong password").await.is_err());
    assert_eq!(shop.number(strong).await, 0, "only the right password tells what to hash");
    assert!(here.login("ada@example.com", PASSWORD).await.is_ok());
    assert_eq!(shop.number(strong).await, 1);
    assert!(here.login("ada@example.com", PASSWORD).await.is_ok());
}

#[tokio::test]
async fn after_five_wrong_ones_the_account_rests_whether_there_is_one_or_not() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register("ada@example.com").await;
    let mut stories = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let mut story = Vec::new();
        for _ in 0..7 {
            let problem = here.login(email, "wrong password").await.unwrap_err();
            story.push((problem.kind, problem.code.clone(), problem.detail.clone(), problem.retry_after));
        }
        assert!(story[..5].iter().all(|(kind, ..)| *kind == Kind::Unauthenticated), "{story:?}");
        assert!(
            story[5..].iter().all(|(kind, _, _, wait)| *kind == Kind::RateLimited && *wait == Some(5)),
            "{story:?}"
        );
        stories.push(story);
    }
    assert_eq!(stories[0], stories[1]);
    assert!(
        here.login("ADA@example.com ", PASSWORD).await.unwrap_err().is("too_many_tries"),
        "another spelling is the same"
    );

    // The wait is over; one more wrong one doubles it.
    shop.sql("update login_attempt set blocked_until = now()").await;
    assert!(here.login("ada@example.com", "wrong password").await.unwrap_err().is("wrong_credentials"));
    assert_eq!(here.login("ada@example.com", PASSWORD).await.unwrap_err().retry_after, Some(10));
    shop.sql("update login_attempt set failures = 1000, blocked_until = now()").await;
    assert!(here.login("ada@example.com", "wrong password").await.unwrap_err().is("wrong_credentials"));
    assert_eq!(here.login("ada@example.com", PASSWORD).await.unwrap_err().retry_after, Some(900), "the longest wait");

    shop.sql("update login_attempt set blocked_until = now()").await;
    assert!(here.login("ada@example.com", PASSWORD).await.is_ok());
    for _ in 0..5 {
        assert!(here.login("ada@example.com", "wrong").await.unwrap_err().is("wrong_credentials"), "counted from new");
    }
    shop.sql("update login_attempt set at = now() - interval '25 hours', blocked_until = null").await;
    for _ in 0..5 {
        assert!(
            here.login("ada@example.com", "wrong").await.unwrap_err().is("wrong_credentials"),
            "old ones are forgotten"
        );
    }
}

/// A guesser who sends all guesses at once gets no more of them checked.
#[tokio::test]
async fn guesses_at_the_same_moment_are_counted_one_by_one() {
    let shop = Shop::open().await;
    let (one, two) = (shop.process().await, shop.process().await);
    one.register("ada@example.com").await;
    let guesses = (0..40).map(|n| if n % 2 == 0 { &one } else { &two }.login("ada@example.com", "wrong password"));
    let results = join_all(guesses).await;
    let checked = results.iter().filter(|result| result.as_ref().is_err_and(|p| p.is("wrong_credentials"))).count();
    let refused = results.iter().filter(|result| result.as_ref().is_err_and(|p| p.is("too_many_tries"))).count();
    assert_eq!((checked, refused), (5, 35));
}

/// Control: looking at the count first and counting afterwards lets them all through.
#[tokio::test]
async fn control_counting_afterwards_lets_all_guesses_through() {
    let shop = Shop::open().await;
    let db = shop.test_db.superuser("identity").await;
    let look = async || {
        let sql = "select count(*) as count from login_attempt where failures >= 5";
        souk_db::RowExt::get_col::<i64>(&db.primary().query_one(sql, &[]).await.unwrap(), "count").unwrap() == 0
    };
    let allowed = join_all((0..40).map(|_| look())).await;
    for _ in 0..40 {
        let count = "insert into login_attempt (account, failures, at) values ('\\x00', 1, now())
            on conflict (account) do update set failures = login_attempt.failures + 1";
        db.write_one(count, &[]).await.unwrap();
    }
    assert_eq!(allowed.into_iter().filter(|allowed| *allowed).count(), 40);
}

#[tokio::test]
async fn the_password_of_a_stolen_access_token_cannot_be_guessed_either() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await;
    let me = as_customer(&ada.customer);
    let guess = || UpdateMe {
        current_password: Some(secret("wrong password")),
        new_password: Some(secret("another horse battery")),
        ..UpdateMe::default()
    };
    for _ in 0..5 {
        assert!(here.client.update_me(&me, guess()).await.unwrap_err().is("wrong_password"));
    }
    assert_eq!(here.client.update_me(&me, guess()).await.unwrap_err().kind, Kind::RateLimited);
}

/// Time is made of work, and work can be counted without a stopwatch: as many statements, as many hashes. That the hash
/// of an absent account has the same parameters is a test of the hasher.
#[tokio::test]
async fn an_unknown_account_costs_as_much_as_a_wrong_password() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register("ada@example.com").await;
    let mut costs = Vec::new();
    for email in ["ada@example.com", "nobody@example.com"] {
        let before = (here.db.counters(), here.service.hashes());
        here.login(email, "wrong password").await.unwrap_err();
        let work = here.db.counters() - before.0;
        costs.push((work.statements, work.commits, here.service.hashes() - before.1));
    }
    assert_eq!(costs, [(3, 1, 1), (3, 1, 1)]);
}

/// A look, the counted try (under the address and under the account, or under the known device), the session.
#[tokio::test]
async fn a_login_costs_two_commits() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.register("ada@example.com").await;
    let mut known = None;
    for statements in [4, 3] {
        let before = here.db.counters();
        let signed_in = here.sign_in("192.0.2.1", "ada@example.com", PASSWORD, known.as_ref()).await.unwrap();
        let cost = here.db.counters() - before;
        assert!(cost.statements == statements && cost.commits == 2, "{cost:?}");
        known = signed_in.device_token;
    }
}
