//! Cancellation by clients that leave: the future of their request is dropped at every await point. The cart is then as it
//! was before or as it is after, its version tells which, and the request can be made again.

use std::future::Future;

use souk_cart_api::{AddLine, Cart, ClaimCart, CreateCart, GetCart, RemoveLine, SetQuantity, UpdateCart};
use souk_kernel::Problem;
use souk_rpc::Cx;

use crate::shop::{Process, Shop, customer, cx, update};

/// What of a cart a change may change.
type Content = (Vec<(String, u32)>, Option<String>);

fn content(cart: &Cart) -> Content {
    (cart.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect(), cart.email.clone())
}

/// What was queued is written with the next batch, and no earlier one is under way: a cart of its own goes through the same
/// queue, which has an order.
async fn settled(here: &Process) {
    here.create().await;
}

/// Abandons `change` of a cart with a lamp and two books at every await point, each time of another cart; `done` is what it
/// comes to when it is made once.
async fn either_before_or_after<F: Future<Output = Result<Cart, Problem>>>(
    what: &str,
    here: &Process,
    change: impl Fn(Cart) -> F,
    done: impl Fn(Content) -> Content,
) {
    let (mut before, mut after) = (0, 0);
    for polls in 1..1_000 {
        let id = here.ready().await;
        let was = here.get(id).await;
        let ended = souk_runtime::abandoned_after(polls, change(was.clone())).await;
        settled(here).await;
        let is = here.get(id).await;
        match is.version - was.version {
            0 => {
                before += 1;
                assert_eq!(content(&is), content(&was), "{what} after {polls} polls");
            }
            1 => {
                after += 1;
                assert_eq!(content(&is), done(content(&was)), "{what} after {polls} polls");
            }
            more => panic!("{what} after {polls} polls: {more} versions"),
        }
        if is.version == was.version {
            change(is).await.unwrap_or_else(|problem| panic!("{what} again after {polls} polls: {problem:?}"));
            assert_eq!(content(&here.get(id).await), done(content(&was)), "{what} again after {polls} polls");
        } else {
            here.add(id, "book", 1).await.unwrap_or_else(|problem| panic!("the next one after {what}: {problem:?}"));
        }
        if let Some(ended) = ended {
            ended.unwrap();
            println!("{what}: {polls} polls, {before} left it as it was, {after} changed it");
            assert!(before > 0 && after > 0, "{what}: one of the two was never seen");
            return;
        }
    }
    panic!("{what} does not end");
}

#[tokio::test]
async fn changes_are_made_as_a_whole_or_not_at_all() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    let quantities = |lamps: Option<u32>, books: u32| {
        let lamps = lamps.map(|units| ("lamp".to_owned(), units));
        Vec::from_iter(lamps.into_iter().chain([("book".to_owned(), books)]))
    };

    let add = |cart: Cart| async move { here.add(cart.id, "book", 3).await };
    either_before_or_after("adding", here, add, |(_, email)| (quantities(Some(1), 5), email)).await;

    let set = |cart: Cart| async move {
        let request = SetQuantity { cart_id: cart.id, line_id: cart.lines[1].id, quantity: 7, if_version: None };
        here.client.set_quantity(&cx(), request).await
    };
    either_before_or_after("setting", here, set, |(_, email)| (quantities(Some(1), 7), email)).await;

    let remove = |cart: Cart| async move {
        let request = RemoveLine { cart_id: cart.id, line_id: cart.lines[0].id, if_version: None };
        here.client.remove_line(&cx(), request).await
    };
    either_before_or_after("removing", here, remove, |(_, email)| (quantities(None, 2), email)).await;

    let change = |cart: Cart| async move {
        let request = UpdateCart { email: Some("bob@example.com".into()), ..update(cart.id) };
        here.client.update(&cx(), request).await
    };
    either_before_or_after("updating", here, change, |(lines, _)| (lines, Some("bob@example.com".into()))).await;
}

/// A cart that was queued when its buyer left is one that no one knows the id of; a customer has one of their own at most.
#[tokio::test]
async fn carts_are_made_whole() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    for who in [cx(), customer(1)] {
        let create = |_| here.client.create(&who, CreateCart {});
        let polls = souk_runtime::abandon_everywhere(create, async |polls, _| {
            settled(here).await;
            let odd = "select count(*) from cart where version <> 1 or body::text <> '{}'";
            assert_eq!(shop.number(odd).await, 0, "after {polls} polls");
            let own = "select count(*) from cart where customer_id is not null and own";
            assert!(shop.number(own).await <= 1, "after {polls} polls");
            let next = here.client.create(&who, CreateCart {}).await.unwrap();
            let add = AddLine { cart_id: next.id, sku: "lamp".into(), quantity: 1, if_version: None };
            here.client.add_line(&who, add).await.unwrap();
            shop.sql("delete from cart").await;
        })
        .await;
        println!("creating as {}: {polls} polls", who.actor.scope());
    }
}

/// A guest's cart is the guest's or the customer's, with the same lines, and is merged once however often it is claimed.
#[tokio::test]
async fn a_cart_is_claimed_once() {
    let shop = Shop::open().await;
    let here = &shop.process().await;
    for has_own in [false, true] {
        let who = |polls: usize| customer(u128::try_from(polls).unwrap() + if has_own { 1_000_000 } else { 0 });
        let mut polls = 0;
        loop {
            polls += 1;
            let ada: Cx = who(polls);
            if has_own {
                let own = here.client.create(&ada, CreateCart {}).await.unwrap();
                let add = AddLine { cart_id: own.id, sku: "book".into(), quantity: 1, if_version: None };
                here.client.add_line(&ada, add).await.unwrap();
            }
            let guest = here.create().await;
            here.add(guest, "lamp", 1).await.unwrap();
            let claim = ClaimCart { guest_cart_id: Some(guest) };
            let ended = souk_runtime::abandoned_after(polls, here.client.claim(&ada, claim)).await;
            let cart = here.client.claim(&ada, claim).await.unwrap();
            let mut lines = content(&cart).0;
            lines.sort();
            let expected: &[(&str, u32)] = if has_own { &[("book", 1), ("lamp", 1)] } else { &[("lamp", 1)] };
            let expected: Vec<(String, u32)> = expected.iter().map(|(sku, n)| ((*sku).to_owned(), *n)).collect();
            assert_eq!(lines, expected, "after {polls} polls");
            let gone = here.client.get(&cx(), GetCart { cart_id: guest }).await;
            assert!(gone.is_err(), "after {polls} polls: it is no longer anybody's");
            if ended.is_some() {
                println!("claiming, own cart {has_own}: {polls} polls");
                break;
            }
        }
    }
}
