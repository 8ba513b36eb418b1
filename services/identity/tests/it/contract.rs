//! Contract tests, call by call: in process and encoded.

use souk_db::{Json, RowExt};
use souk_identity::{consumers, schedules, store};
use souk_identity_api::{
    CreateStaff, CustomerRegistered, IdentityClient, JwksRequest, Login, Logout, MeRequest, PutAddress, RefreshTokens,
    Register, RemoveAddress, SessionRequest, UpdateMe, serve_identity, token,
};
use souk_kernel::{Event, Kind};
use souk_rpc::{Actor, Channel, Cx, Permission};
use uuid::Uuid;

use crate::shop::{PASSWORD, Shop, address, as_customer, guest, secret};

#[tokio::test]
async fn every_statement_prepares_against_the_migrated_schema() {
    let shop = Shop::open().await;
    souk_db::assert_all_prepare(&shop.test_db.db("identity").await, &store::statements()).await;
}

#[tokio::test]
async fn the_same_story_in_process_and_encoded() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let contract = serve_identity(here.service.clone());
    let encoded = IdentityClient::Remote(Channel::loopback(contract));
    for (n, client) in [(1, here.client.clone()), (2, encoded)] {
        let email = format!("Ada{n}@Example.com");
        let register = Register { email: email.clone(), password: secret(PASSWORD), name: " Ada ".into() };
        let first = client.register(&guest(), register.clone()).await.unwrap();
        assert_eq!((first.customer.email, &*first.customer.name), (format!("ada{n}@example.com"), "Ada"));
        let taken = client.register(&guest(), register).await.unwrap_err();
        assert_eq!((taken.kind, &*taken.code), (Kind::Conflict, "email_taken"));

        let login = Login { email: email.clone(), password: secret(PASSWORD) };
        let signed_in = client.login(&guest(), login).await.unwrap();
        assert_eq!((signed_in.customer.id, signed_in.expires_in), (first.customer.id, 600));
        let keys = client.jwks(&guest(), JwksRequest {}).await.unwrap();
        let claims = token::verify(signed_in.access_token.reveal(), &keys, database_now(&shop).await).unwrap();
        assert_eq!((claims.sub, claims.exp - claims.iat), (first.customer.id.0, 600));

        let session = SessionRequest { session_token: signed_in.session_token.clone() };
        let seen = client.session(&guest(), session.clone()).await.unwrap();
        assert_eq!((seen.customer_id, &*seen.name), (first.customer.id, "Ada"));
        let me = as_customer(&signed_in.customer);
        let rename = UpdateMe { name: Some("Countess".into()), ..UpdateMe::default() };
        assert_eq!(client.update_me(&me, rename).await.unwrap().name, "Countess");
        let put = PutAddress { id: None, address: address("Berlin"), make_default: false };
        let stored = client.put_address(&me, put).await.unwrap().addresses.remove(0);
        assert_eq!((&stored.address, stored.is_default), (&address("Berlin"), true));
        assert_eq!(client.me(&me, MeRequest {}).await.unwrap().addresses, std::slice::from_ref(&stored));
        assert!(client.remove_address(&me, RemoveAddress { id: stored.id }).await.unwrap().addresses.is_empty());

        let again = RefreshTokens { refresh_token: signed_in.refresh_token };
        let renewed = client.refresh(&guest(), again).await.unwrap();
        let ended = client.session(&guest(), session).await.unwrap_err();
        assert_eq!((ended.kind, &*ended.code), (Kind::Unauthenticated, "session_ended"), "the cookie was replaced");
        let logout = Logout { session_token: Some(renewed.session_token.clone()), ..Logout::default() };
        client.logout(&guest(), logout.clone()).await.unwrap();
        client.logout(&guest(), logout).await.unwrap();
        let session = SessionRequest { session_token: renewed.session_token };
        assert!(client.session(&guest(), session).await.unwrap_err().is("session_ended"));
        let staff = CreateStaff {
            email: format!("Staff{n}@example.com"),
            password: secret(PASSWORD),
            name: "Grace".into(),
            permissions: vec![Permission::Orders, Permission::Catalog, Permission::Orders],
        };
        let made = client.create_staff(&Cx::system("test"), staff.clone()).await.unwrap();
        assert_eq!(made.permissions, [Permission::Orders, Permission::Catalog]);
        assert!(client.create_staff(&Cx::system("test"), staff).await.unwrap_err().is("email_taken"));
    }
}

async fn database_now(shop: &Shop) -> jiff::Timestamp {
    jiff::Timestamp::from_second(shop.number("select extract(epoch from now())::bigint").await).unwrap()
}

#[tokio::test]
async fn an_account_and_its_event_are_one_commit() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.service.prepare().await.unwrap();
    let before = here.db.counters();
    let ada = here.register("ada@example.com").await;
    let cost = here.db.counters() - before;
    assert!(cost.statements <= 2 && cost.commits == 1, "{cost:?}");
    let taken = Register { email: "ADA@example.com".into(), password: secret(PASSWORD), name: String::new() };
    here.client.register(&guest(), taken).await.unwrap_err();

    let db = shop.test_db.superuser("identity").await;
    let rows = db.primary().query("select type, aggregate, data::jsonb from outbox", &[]).await.unwrap();
    assert_eq!(rows.len(), 1, "no account, no event");
    let Json(event): Json<CustomerRegistered> = rows[0].get_col(2).unwrap();
    assert_eq!(rows[0].get_col::<&str>(0).unwrap(), CustomerRegistered::TYPE);
    assert_eq!(rows[0].get_col::<Uuid>(1).unwrap(), ada.customer.id.0);
    assert_eq!((event.customer_id, &**event.email.reveal()), (ada.customer.id, "ada@example.com"));
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_place() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let register = |email: &str, password: &str, name: &str| {
        let request = Register { email: email.into(), password: secret(password), name: name.into() };
        let client = here.client.clone();
        async move {
            let problem = client.register(&guest(), request).await.unwrap_err();
            let pointers: Vec<String> = problem.fields.into_iter().map(|field| field.pointer).collect();
            (problem.kind, pointers)
        }
    };
    let invalid = |pointers: &[&str]| (Kind::Invalid, pointers.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
    assert_eq!(register("no", "password", "a\nb").await, invalid(&["/email", "/password", "/name"]));
    assert_eq!(register("a\0@b.cd", PASSWORD, "").await, invalid(&["/email"]));
    assert_eq!(register("a@b.cd", "1234567", "").await, invalid(&["/password"]));
    assert_eq!(register("a@b.cd", &"ä ".repeat(65), "").await, invalid(&["/password"]));
    assert_eq!(shop.number("select count(*) from customer").await, 0);
    for login in ["", "nobody", "a\0@b.cd"] {
        assert!(here.login(login, PASSWORD).await.unwrap_err().is("wrong_credentials"));
    }
    assert!(here.login("a@b.cd", &"x".repeat(60_000)).await.unwrap_err().is("wrong_credentials"));
    for token in ["", "\0", "x", &"A".repeat(43), &"A".repeat(64)] {
        assert!(here.session(&secret(token)).await.unwrap_err().is("session_ended"));
        assert!(here.refresh(&secret(token)).await.unwrap_err().is("refresh_token_invalid"));
    }
}

#[tokio::test]
async fn only_who_may_makes_staff() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let staff = |permissions: &[Permission]| CreateStaff {
        email: "grace@example.com".into(),
        password: secret(PASSWORD),
        name: "Grace".into(),
        permissions: permissions.to_vec(),
    };
    let orders = Actor::Staff { id: Uuid::nil(), permissions: [Permission::Orders].into() };
    let accounts = Actor::Staff { id: Uuid::nil(), permissions: [Permission::Accounts].into() };
    let refused = [
        (Actor::Anonymous, Kind::Unauthenticated),
        (Actor::Customer(Uuid::nil()), Kind::Forbidden),
        (orders, Kind::Forbidden),
    ];
    for (actor, kind) in refused {
        let problem = here.client.create_staff(&Cx::new("test", actor), staff(&[Permission::Orders])).await;
        assert_eq!(problem.unwrap_err().kind, kind);
    }
    let cx = Cx::new("test", accounts);
    assert_eq!(here.client.create_staff(&cx, staff(&[])).await.unwrap_err().fields[0].pointer, "/permissions");
    here.client.create_staff(&cx, staff(&[Permission::Orders])).await.unwrap();
    let stored = "select count(*) from staff where permissions = '{orders}' and password_hash like '$argon2id$%'";
    assert_eq!(shop.number(stored).await, 1);
    assert!(
        here.login("grace@example.com", PASSWORD).await.unwrap_err().is("wrong_credentials"),
        "staff buy as others do"
    );
}

#[tokio::test]
async fn nobody_is_nobody() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    for actor in [Actor::Anonymous, Actor::System] {
        let cx = Cx::new("test", actor);
        let put = PutAddress { id: None, address: address("Berlin"), make_default: false };
        let kinds = [
            here.client.me(&cx, MeRequest {}).await.unwrap_err().kind,
            here.client.update_me(&cx, UpdateMe::default()).await.unwrap_err().kind,
            here.client.put_address(&cx, put).await.unwrap_err().kind,
            here.client.remove_address(&cx, RemoveAddress { id: Uuid::nil().into() }).await.unwrap_err().kind,
        ];
        assert_eq!(kinds, [Kind::Unauthenticated; 4]);
    }
    let gone = Cx::new("test", Actor::Customer(Uuid::from_u128(1)));
    assert!(here.client.me(&gone, MeRequest {}).await.unwrap_err().is("session_ended"));
}

#[tokio::test]
async fn the_worker_has_schedules_and_nothing_to_read() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    assert!(consumers(&here.service).is_empty());
    assert_eq!(
        schedules(&here.service).len(),
        2,
        "keys and sessions; the binary adds the housekeeping every service has"
    );
}
