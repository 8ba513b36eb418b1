//! Ownership of carts: guests by its id, customers alone; and what happens at login.

use futures_util::future::join_all;
use souk_cart_api::{AddLine, Cart, CartId, ClaimCart, CreateCart, GetCart, UpdateCart};
use souk_kernel::Kind;
use souk_rpc::Cx;

use crate::shop::{Process, Shop, customer, cx, eur, update};

async fn claim(here: &Process, cx: &Cx, guest: Option<CartId>) -> Cart {
    here.client.claim(cx, ClaimCart { guest_cart_id: guest }).await.unwrap()
}

fn lines(cart: &Cart) -> Vec<(&str, u32)> {
    cart.lines.iter().map(|line| (line.sku.as_str(), line.quantity)).collect()
}

#[tokio::test]
async fn another_customers_cart_is_not_there() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let (ada, bob) = (customer(1), customer(2));
    let cart_id = here.client.create(&ada, CreateCart {}).await.unwrap().id;
    here.client.add_line(&ada, AddLine { cart_id, sku: "lamp".into(), quantity: 1, if_version: None }).await.unwrap();
    for stranger in [&bob, &cx()] {
        let get = here.client.get(stranger, GetCart { cart_id }).await.unwrap_err();
        let add = AddLine { cart_id, sku: "book".into(), quantity: 1, if_version: None };
        let add = here.client.add_line(stranger, add).await.unwrap_err();
        let update = UpdateCart { email: Some("b@example.com".into()), ..update(cart_id) };
        let update = here.client.update(stranger, update).await.unwrap_err();
        let buy = here.client.for_checkout(stranger, GetCart { cart_id }).await.unwrap_err();
        for problem in [get, add, update, buy] {
            assert_eq!(problem.kind, Kind::NotFound);
        }
    }
    let stolen = claim(&here, &bob, Some(cart_id)).await;
    assert_ne!(stolen.id, cart_id);
    assert!(stolen.lines.is_empty());
    assert_eq!(lines(&here.client.get(&ada, GetCart { cart_id }).await.unwrap()), [("lamp", 1)]);
}

#[tokio::test]
async fn a_login_takes_the_guests_cart_along_and_may_be_repeated() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = customer(1);
    let guest = here.create().await;
    here.add(guest, "lamp", 1).await.unwrap();
    let own = claim(&here, &ada, Some(guest)).await;
    assert_eq!((own.id, lines(&own)), (guest, vec![("lamp", 1)]), "the first cart becomes theirs");
    assert_eq!(here.client.get(&cx(), GetCart { cart_id: guest }).await.unwrap_err().kind, Kind::NotFound);

    let second = here.create().await;
    here.add(second, "lamp", 2).await.unwrap();
    here.add(second, "book", 3).await.unwrap();
    let email = UpdateCart { email: Some("ada@example.com".into()), ..update(second) };
    here.client.update(&cx(), email).await.unwrap();
    for _ in 0..2 {
        let merged = claim(&here, &ada, Some(second)).await;
        assert_eq!((merged.id, lines(&merged)), (own.id, vec![("lamp", 3), ("book", 3)]));
        assert_eq!((merged.email.as_deref(), merged.totals.total), (Some("ada@example.com"), eur(9_000)));
    }
    assert_eq!(here.client.get(&cx(), GetCart { cart_id: second }).await.unwrap_err().kind, Kind::NotFound);
    assert_eq!(claim(&here, &ada, None).await.id, own.id);
    let nobody = here.client.claim(&cx(), ClaimCart { guest_cart_id: None }).await.unwrap_err();
    assert_eq!(nobody.kind, Kind::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_logins_at_once_give_one_cart() {
    let shop = Shop::open().await;
    let processes = [shop.process().await, shop.process().await];
    for n in 1..=5 {
        let (ada, guest) = (customer(n), processes[0].create().await);
        processes[0].add(guest, "book", 2).await.unwrap();
        let claims = (0..8).map(|i| claim(&processes[i % 2], &ada, if i < 4 { Some(guest) } else { None }));
        let carts = join_all(claims).await;
        let own = claim(&processes[0], &ada, None).await;
        assert!(carts.iter().all(|cart| cart.id == own.id));
        assert_eq!(lines(&own), [("book", 2)], "merged once");
    }
}

#[tokio::test]
async fn a_new_cart_becomes_the_customers_own_and_the_old_one_stays_readable() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = customer(1);
    let old = here.client.create(&ada, CreateCart {}).await.unwrap().id;
    let new = here.client.create(&ada, CreateCart {}).await.unwrap().id;
    assert_eq!(claim(&here, &ada, None).await.id, new);
    assert!(here.client.get(&ada, GetCart { cart_id: old }).await.is_ok());
    shop.sql("update cart set expires_at = now()").await;
    let after_a_week = claim(&here, &ada, None).await;
    assert!(after_a_week.id != new && after_a_week.id != old, "what has run out is not found again");
}
