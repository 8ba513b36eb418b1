//! Cancellation by clients that leave: the future of their request is dropped at every await point. What it does is done as
//! a whole or not at all, and the request can be made again.

use souk_engines::Redis as Server;
use souk_eventually::eventually;
use souk_identity_api::{Customer, CustomerRegistered, LinkRequested, Logout, PutAddress, SignedIn, UpdateMe};
use souk_kernel::{Problem, Secret};
use souk_runtime::{abandon_everywhere, abandoned_after};

use crate::shop::{PASSWORD, Process, Shop, address, as_customer, guest, secret};

const OTHER: &str = "another horse battery";
const SESSIONS: &str = "select count(*) from session";

impl Shop {
    /// Waits until what was left behind has ended: statements that were under way, and tasks that go on without the client.
    async fn quiet(&self) {
        let busy = "select count(*) from pg_stat_activity
            where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()";
        let (mut looks, mut quiet) = (0, 0);
        while quiet < 3 {
            looks += 1;
            assert!(looks < 5_000, "something never ends");
            quiet = if self.number(busy).await == 0 { quiet + 1 } else { 0 };
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
    }
}

fn everywhere(token: &Secret<String>) -> Logout {
    Logout { refresh_token: Some(token.clone()), session_token: None, everywhere: true }
}

/// Lives, by its browser's token.
async fn lives(here: &Process, signed_in: &SignedIn) -> bool {
    here.session(&signed_in.session_token).await.is_ok()
}

/// The session is there or it is not, and a right password gets in however often its owner has left.
#[tokio::test]
async fn signing_in() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    here.register("ada@example.com").await;
    let sign_in = |_| here.sign_in("192.0.2.1", "ada@example.com", PASSWORD, None);
    let mut before = 1;
    let polls = abandon_everywhere(sign_in, async |polls, ended| {
        shop.quiet().await;
        let made = shop.number(SESSIONS).await - before;
        assert!((0..=1).contains(&made) && (ended.is_none() || made == 1), "after {polls} polls: {made}");
        let again = here.sign_in("192.0.2.1", "ada@example.com", PASSWORD, None).await.unwrap();
        assert!(lives(here, &again).await, "after {polls} polls");
        before = shop.number(SESSIONS).await;
    })
    .await;
    println!("signing in: {polls} polls");
}

/// A dropped refresh revokes nothing: the session has its old tokens or its new ones. Its client repeats it with the old one,
/// and learns which; when the swap was made, that is a token that came back, as documented, and ends this one session.
#[tokio::test]
async fn refreshing() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    let other = here.register("ada@example.com").await;
    let (mut old, mut new) = (0, 0);
    for polls in 1.. {
        let ada = here.login("ada@example.com", PASSWORD).await.unwrap();
        let ended = abandoned_after(polls, here.refresh(&ada.refresh_token)).await;
        shop.quiet().await;
        assert_eq!(shop.number(SESSIONS).await, 2, "after {polls} polls: nothing is revoked");
        let unchanged = lives(here, &ada).await;
        if let Some(ended) = ended {
            assert!(lives(here, &ended.unwrap()).await && !unchanged);
            println!("refreshing: {polls} polls, {old} with the old tokens, {new} with new ones");
            break;
        }
        let again = here.refresh(&ada.refresh_token).await;
        assert_eq!(again.is_ok(), unchanged, "after {polls} polls");
        *(if unchanged { &mut old } else { &mut new }) += 1;
        assert!(lives(here, &other).await, "after {polls} polls: another sign-in is another family");
        shop.sql("delete from session where created_at > (select min(created_at) from session)").await;
    }
}

/// Who brings a spent token and leaves has ended its family all the same. Before, who left between the two statements, after
/// the first poll of the second, left it alive.
#[tokio::test]
async fn a_spent_token_ends_its_family_also_when_its_bearer_leaves() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    here.register("ada@example.com").await;
    for polls in 1.. {
        let ada = here.login("ada@example.com", PASSWORD).await.unwrap();
        let next = here.refresh(&ada.refresh_token).await.unwrap();
        let ended = abandoned_after(polls, here.refresh(&ada.refresh_token)).await;
        here.settled(&shop).await;
        assert!(!lives(here, &next).await, "after {polls} polls");
        if ended.is_some() {
            println!("a spent token: {polls} polls");
            break;
        }
    }
}

/// Before, who left after their own session had ended and before the others did could not repeat it: the token was no one's
/// any more, and the repetition succeeded without ending anything.
#[tokio::test]
async fn logging_out_everywhere() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    let mut ada = here.register("ada@example.com").await;
    for polls in 1.. {
        let phone = here.login("ada@example.com", PASSWORD).await.unwrap();
        let ended = abandoned_after(polls, here.client.logout(&guest(), everywhere(&ada.refresh_token))).await;
        here.settled(&shop).await;
        here.client.logout(&guest(), everywhere(&ada.refresh_token)).await.unwrap();
        assert_eq!(shop.number(SESSIONS).await, 0, "after {polls} polls");
        assert!(!lives(here, &phone).await);
        if ended.is_some() {
            println!("logging out everywhere: {polls} polls");
            break;
        }
        ada = here.login("ada@example.com", PASSWORD).await.unwrap();
    }
}

impl Process {
    /// [`Shop::quiet`], for what goes on in a task that may not have begun.
    async fn settled(&self, shop: &Shop) {
        tokio::task::yield_now().await;
        shop.quiet().await;
    }
}

fn change(laptop: &SignedIn, from: &str, to: &str) -> UpdateMe {
    UpdateMe {
        current_password: Some(secret(from)),
        new_password: Some(secret(to)),
        session_token: Some(laptop.session_token.clone()),
        ..UpdateMe::default()
    }
}

/// The password is the old one and all sessions live, or it is the new one and only the one that changed it does: also for the
/// other process, which believes Redis. Before, it believed an ended session for a minute when the client had left after
/// the commit.
#[tokio::test]
async fn changing_the_password() {
    let (shop, server) = (Shop::open().await, Server::start().await.unwrap());
    let (here, other) = (&shop.process_on(&server).await, shop.process_on(&server).await);
    let ada = here.register("ada@example.com").await.customer;
    let (mut now, mut then) = (PASSWORD, OTHER);
    let (mut before, mut after) = (0, 0);
    for polls in 1.. {
        let laptop = here.login("ada@example.com", now).await.unwrap();
        let phone = here.login("ada@example.com", now).await.unwrap();
        assert!(lives(&other, &phone).await, "and it is kept");
        let request = change(&laptop, now, then);
        let ended = abandoned_after(polls, here.client.update_me(&as_customer(&ada), request)).await;
        here.settled(&shop).await;
        let changed = here.login("ada@example.com", then).await.is_ok();
        assert_eq!(here.login("ada@example.com", now).await.is_err(), changed, "after {polls} polls");
        // The recall follows the commit.
        if changed {
            soon(async || !lives(&other, &phone).await, polls).await;
            std::mem::swap(&mut now, &mut then);
        } else {
            assert!(lives(&other, &phone).await, "after {polls} polls");
        }
        assert!(lives(here, &laptop).await, "after {polls} polls");
        *(if changed { &mut after } else { &mut before }) += 1;
        forget_tries(&shop).await;
        if let Some(ended) = ended {
            ended.unwrap();
            println!("changing the password: {polls} polls, {before} before, {after} after");
            assert!(before > 0 && after > 0);
            break;
        }
        let again = change(&laptop, now, then);
        here.client.update_me(&as_customer(&ada), again).await.unwrap();
        std::mem::swap(&mut now, &mut then);
    }
}

/// Wrong passwords of the checks here do not lock the next round out.
async fn forget_tries(shop: &Shop) {
    shop.sql("delete from login_attempt").await;
}

async fn soon(done: impl AsyncFnMut() -> bool, polls: usize) {
    eventually(&format!("after {polls} polls"), std::time::Duration::from_secs(2), done).await;
}

/// One address more or none, and always one default.
#[tokio::test]
async fn storing_an_address() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    let ada: Customer = here.register("ada@example.com").await.customer;
    let mut before = 0;
    let cx = as_customer(&ada);
    let put = |polls: usize| {
        let request = PutAddress { id: None, address: address(&format!("City {polls}")), make_default: true };
        here.client.put_address(&cx, request)
    };
    let polls = abandon_everywhere(put, async |polls, _| {
        shop.quiet().await;
        let made = i64::try_from(here.me(&ada).await.addresses.len()).unwrap() - before;
        assert!((0..=1).contains(&made), "after {polls} polls: {made}");
        let me = here.add_address(&ada, "Berlin", true).await.unwrap();
        let defaults = me.addresses.iter().filter(|address| address.is_default).count();
        assert_eq!(defaults, 1, "after {polls} polls");
        before = i64::try_from(me.addresses.len()).unwrap();
    })
    .await;
    println!("storing an address: {polls} polls");
}

/// No link without its mail, no mail without its link; one that was not made can be asked for again.
#[tokio::test]
async fn asking_for_a_link() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    let ask = |polls: usize| async move { here.ask_for_link(&format!("ada{polls}@example.com"), "Ada").await };
    let polls = abandon_everywhere(ask, async |polls, _| {
        shop.quiet().await;
        let links = shop.number("select count(*) from account_link").await;
        assert_eq!(usize::try_from(links).unwrap(), shop.events::<LinkRequested>().await.len(), "after {polls} polls");
        here.ask_for_link(&format!("ada{polls}@example.com"), "Ada").await.unwrap();
        let asked = shop.events::<LinkRequested>().await.len();
        assert_eq!(asked, polls, "after {polls} polls: one mail each, whether it was abandoned or not");
    })
    .await;
    println!("asking for a link: {polls} polls");
}

/// The link is used and the account there with its session and its event, or neither.
#[tokio::test]
async fn using_a_link() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    let (mut before, mut after) = (0, 0);
    for polls in 1.. {
        let email = format!("ada{polls}@example.com");
        here.ask_for_link(&email, "Ada").await.unwrap();
        let link = shop.last_link().await;
        let ended: Option<Result<SignedIn, Problem>> =
            abandoned_after(polls, here.confirm(&link.token, PASSWORD)).await;
        shop.quiet().await;
        let made = shop.events::<CustomerRegistered>().await.len() == polls;
        assert_eq!(shop.number("select count(*) from account_link").await, i64::from(!made), "after {polls} polls");
        *(if made { &mut after } else { &mut before }) += 1;
        let rows = i64::try_from(polls - usize::from(!made)).unwrap();
        assert_eq!(shop.number("select count(*) from customer").await, rows, "after {polls} polls");
        assert_eq!(shop.number(SESSIONS).await, rows, "after {polls} polls");
        match (made, ended) {
            (true, Some(ended)) => {
                assert!(lives(here, &ended.unwrap()).await);
                println!("using a link: {polls} polls, {before} left it good, {after} used it");
                break;
            }
            (true, None) => {
                assert!(here.confirm(&link.token, PASSWORD).await.unwrap_err().is("link_invalid"));
                here.login(&email, PASSWORD).await.unwrap();
                let extra = "delete from session where id in (select id from session order by created_at desc limit 1)";
                shop.sql(extra).await;
            }
            (false, ended) => {
                assert!(ended.is_none());
                assert!(lives(here, &here.confirm(&link.token, PASSWORD).await.unwrap()).await);
            }
        }
    }
}
