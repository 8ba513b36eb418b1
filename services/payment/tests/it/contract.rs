//! Contract tests, encoded: what crosses a wire comes out as it went in.

use std::sync::Arc;

use souk_kernel::Kind;
use souk_payment_api::{ByOrder, ByPayment, PaymentApi, PaymentClient, PaymentStatus, serve_payment};
use souk_rpc::Channel;

use crate::support::{World, cx, eur, order_of, request};

#[tokio::test]
async fn loopback_says_what_local_says() {
    let world = World::new().await;
    let contract = serve_payment(world.service.clone() as Arc<dyn PaymentApi>);
    let remote = PaymentClient::Remote(Channel::loopback(contract));
    let id = world.new_payment();
    let authorised = remote.authorise(&cx(), request(id, 1000, "tok_ok")).await.unwrap();
    assert_eq!(Some(&authorised), world.payment(id).await.as_ref());
    let captured = remote.capture(&cx(), ByPayment { payment_id: id }).await.unwrap();
    assert_eq!((captured.status, captured.captured), (PaymentStatus::Captured, eur(1000)));
    assert_eq!(remote.by_order(&cx(), ByOrder { order_id: order_of(id) }).await.unwrap().items, [captured]);
    let declined = remote.authorise(&cx(), request(world.new_payment(), 5, "tok_nonsense")).await.unwrap_err();
    assert_eq!((declined.kind, &*declined.code), (Kind::Invalid, "payment_token_unknown"));
    let audit = remote.audit(&cx(), Default::default()).await.unwrap();
    assert_eq!(audit, world.client.audit(&cx(), Default::default()).await.unwrap());
}
