//! Quotes over the database: what they read, and that nothing that decides is kept.

use souk_kernel::Kind;
use souk_pricing_api::{Discount, QuoteRequest, ShippingMethodsRequest};

use crate::shop::{Shop, cart, coupon, cx, eur, line, price, to};

#[tokio::test]
async fn a_quote_is_one_statement_and_with_coupons_two() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.set(vec![price(1, "lamp", 1_190), price(2, "book", 2_380)]).await;
    here.put(coupon("TEN", Discount::Percent(1_000), None)).await;
    let request = cart(vec![line("lamp", 2), line("book", 1), line("ghost", 1)]);
    here.client.quote(&cx(), request.clone()).await.unwrap();
    let before = here.db.counters();
    let quote = here.client.quote(&cx(), request.clone()).await.unwrap();
    assert_eq!((here.db.counters() - before).statements, 1);
    assert_eq!((quote.subtotal, quote.total, quote.unpriced), (eur(4_760), eur(5_250), vec!["ghost".to_owned()]));
    assert_eq!(quote.tax, eur(190 * 2 + 380 + 78));
    let before = here.db.counters();
    let request = QuoteRequest { coupons: vec![" ten ".into(), "TEN".into(), "nope!".into()], ..request };
    let quote = here.client.quote(&cx(), request).await.unwrap();
    assert_eq!((here.db.counters() - before).statements, 2);
    assert_eq!((quote.discount, quote.coupons), (eur(476), vec!["TEN".to_owned()]));
    assert_eq!(quote.messages.iter().map(|m| m.code.as_str()).collect::<Vec<_>>(), ["coupon_unknown"]);
}

#[tokio::test]
async fn another_process_sees_a_new_price_and_a_stopped_coupon_at_once() {
    let shop = Shop::open().await;
    let (here, there) = (shop.process().await, shop.process().await);
    here.set(vec![price(1, "lamp", 1_000)]).await;
    here.put(coupon("TEN", Discount::Percent(1_000), None)).await;
    let request = QuoteRequest { coupons: vec!["TEN".into()], ..cart(vec![line("lamp", 1)]) };
    assert_eq!(there.client.quote(&cx(), request.clone()).await.unwrap().discount, eur(100));
    here.set(vec![price(1, "lamp", 2_000)]).await;
    let mut stopped = coupon("TEN", Discount::Percent(1_000), None);
    stopped.active = false;
    here.put(stopped).await;
    let quote = there.client.quote(&cx(), request).await.unwrap();
    assert_eq!((quote.subtotal, quote.discount), (eur(2_000), eur(0)));
    assert_eq!(quote.messages[0].code, "coupon_expired");
}

#[tokio::test]
async fn methods_are_those_of_the_country_with_its_prices() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    here.set(vec![price(1, "lamp", 1_000)]).await;
    let ask =
        |country: &str| ShippingMethodsRequest { lines: vec![line("lamp", 3)], address: to(country), coupons: vec![] };
    let of = |country: &str| {
        let (client, request) = (here.client.clone(), ask(country));
        async move {
            let items = client.shipping_methods(&cx(), request).await.unwrap().items;
            items.into_iter().map(|m| (m.id, m.price)).collect::<Vec<_>>()
        }
    };
    assert_eq!(of("DE").await, [("standard".to_owned(), eur(490)), ("express".to_owned(), eur(1_090))]);
    assert_eq!(of("FR").await, [("standard".to_owned(), eur(1_090)), ("express".to_owned(), eur(2_290))]);
    assert_eq!(of("JP").await, [("standard".to_owned(), eur(2_990))]);
    let nowhere = QuoteRequest { shipping_method: Some("drone".into()), ..cart(vec![line("lamp", 1)]) };
    let quote = here.client.quote(&cx(), nowhere).await.unwrap();
    assert_eq!((quote.shipping, quote.messages[0].code.as_str()), (None, "shipping_unavailable"));
}

#[tokio::test]
async fn bad_questions_are_refused() {
    let shop = Shop::open().await;
    let here = shop.process().await;
    for lines in [vec![line("a", 0)], vec![line("a", u32::MAX)], vec![line("", 1)], vec![line("a", 1); 201]] {
        assert_eq!(here.client.quote(&cx(), cart(lines)).await.unwrap_err().kind, Kind::Invalid);
    }
    let many = QuoteRequest { coupons: vec!["A-1".into(); 6], ..cart(vec![]) };
    assert_eq!(here.client.quote(&cx(), many).await.unwrap_err().fields[0].pointer, "/coupons");
    let empty = here.client.quote(&cx(), cart(vec![])).await.unwrap();
    assert_eq!((empty.total, empty.lines.len()), (eur(490), 0));
}
