//! Addresses: a limit and one default, also when many come at once; and no customer reaches another's.

use futures_util::future::join_all;
use souk_address::Address;
use souk_identity_api::{Customer, PutAddress, RemoveAddress};
use souk_kernel::Kind;

use crate::shop::{Process, Shop, address, as_customer};

fn cities(customer: &Customer) -> Vec<(&str, bool)> {
    customer.addresses.iter().map(|stored| (stored.address.city.as_str(), stored.is_default)).collect()
}

async fn change(here: &Process, customer: &Customer, at: usize, city: &str, make_default: bool) -> Customer {
    let put = PutAddress { id: Some(customer.addresses[at].id), address: address(city), make_default };
    here.client.put_address(&as_customer(customer), put).await.unwrap()
}

#[tokio::test]
async fn there_is_one_default_as_long_as_there_is_an_address() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await.customer;
    here.add_address(&ada, "Berlin", false).await.unwrap();
    here.add_address(&ada, "Köln", false).await.unwrap();
    let now = here.add_address(&ada, "Ulm", true).await.unwrap();
    assert_eq!(cities(&now), [("Ulm", true), ("Berlin", false), ("Köln", false)]);
    let now = change(&here, &now, 2, "Bonn", true).await;
    assert_eq!(cities(&now), [("Bonn", true), ("Berlin", false), ("Ulm", false)]);
    let now = change(&here, &now, 0, "Kiel", false).await;
    assert_eq!(cities(&now), [("Kiel", true), ("Berlin", false), ("Ulm", false)], "a default stays it");
    let remove = RemoveAddress { id: now.addresses[0].id };
    let now = here.client.remove_address(&as_customer(&ada), remove).await.unwrap();
    assert_eq!(cities(&now), [("Berlin", true), ("Ulm", false)]);
    let gone = here.client.remove_address(&as_customer(&ada), remove).await.unwrap_err();
    assert_eq!(gone.kind, Kind::NotFound);
    assert_eq!(here.me(&ada).await, now);
}

#[tokio::test]
async fn at_most_twenty_and_one_default_however_many_come_at_once() {
    let shop = Shop::open().await;
    let (one, two) = (shop.process().await, shop.process().await);
    let ada = one.register("ada@example.com").await.customer;
    let adds = (0..30).map(|n| if n % 2 == 0 { &one } else { &two }.add_address(&ada, "Berlin", true));
    let results = join_all(adds).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 20);
    for problem in results.into_iter().filter_map(Result::err) {
        assert!(problem.is("too_many_addresses"), "{problem:?}");
    }
    let now = one.me(&ada).await;
    assert_eq!(now.addresses.len(), 20);
    assert_eq!(now.addresses.iter().filter(|stored| stored.is_default).count(), 1);
    change(&one, &now, 19, "Ulm", true).await;
}

#[tokio::test]
async fn a_wrong_address_is_refused_with_its_place() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await.customer;
    let mut wrong = address("Berlin\r\n");
    wrong.country = "de".into();
    let put = PutAddress { id: None, address: wrong, make_default: false };
    let problem = here.client.put_address(&as_customer(&ada), put).await.unwrap_err();
    let pointers: Vec<_> = problem.fields.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!((problem.kind, pointers), (Kind::Invalid, vec!["/address/city", "/address/country"]));
    assert!(here.me(&ada).await.addresses.is_empty());
}

/// I8, with its control: the row is there and the statement without the customer would reach it.
#[tokio::test]
async fn nobody_reaches_anothers_address() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await.customer;
    let eve = here.register("eve@example.com").await.customer;
    here.add_address(&eve, "Paris", false).await.unwrap();
    let ada = here.add_address(&ada, "Berlin", false).await.unwrap();
    let id = ada.addresses[0].id;

    let as_eve = as_customer(&eve);
    let put = |id| PutAddress { id: Some(id), address: address("Elsewhere"), make_default: true };
    let foreign = here.client.put_address(&as_eve, put(id)).await.unwrap_err();
    let absent = here.client.put_address(&as_eve, put(uuid::Uuid::nil().into())).await.unwrap_err();
    assert_eq!((foreign.kind, &foreign.code, &foreign.detail), (Kind::NotFound, &absent.code, &absent.detail));
    let removed = here.client.remove_address(&as_eve, RemoveAddress { id }).await.unwrap_err();
    assert_eq!(removed.kind, Kind::NotFound);
    assert_eq!(here.me(&ada).await, ada);
    assert_eq!(cities(&here.me(&eve).await), [("Paris", true)], "and a refused change takes no default away");

    let db = shop.test_db.superuser("identity").await;
    let tx = db.begin().await.unwrap();
    let naive = "update address set address = address where id = $1";
    assert_eq!(tx.execute(naive, &[&id.0]).await.unwrap(), 1, "control: without the customer it is reached");
    tx.rollback().await.unwrap();
}

#[tokio::test]
async fn an_address_is_judged_by_its_country() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    let ada = here.register("ada@example.com").await.customer;
    let customer = as_customer(&ada);
    let put = |address| here.client.put_address(&customer, PutAddress { id: None, address, make_default: false });
    let texas = || Address {
        region: Some("TX".into()),
        postal_code: "78701".into(),
        country: "US".into(),
        ..address("Austin")
    };
    put(texas()).await.unwrap();
    for (field, wrong) in [
        ("region", Address { region: None, ..texas() }),
        ("region", Address { region: Some("Bavaria".into()), ..texas() }),
        ("postal_code", Address { postal_code: "H3Z 2Y7".into(), ..texas() }),
        ("country", Address { country: "UK".into(), ..texas() }),
        ("name", Address { name: "\u{200b}".into(), ..texas() }),
    ] {
        let problem = put(wrong).await.unwrap_err();
        let pointers: Vec<_> = problem.fields.iter().map(|field| field.pointer.as_str()).collect();
        assert_eq!(pointers, [format!("/address/{field}")]);
    }
    assert_eq!(here.me(&ada).await.addresses.len(), 1);
}
