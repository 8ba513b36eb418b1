//! No buyer is sold what is not there, and what is given back is there again.

use souk_order_api::{OrderPayment, OrderStatus};
use souk_testkit::{Guest, Outcome, World, tokens};

everywhere!(crate::crowded(); out_of_stock, last_item, cancelled, shipped_and_delivered);

/// Buyers of the last item.
const CROWD: usize = 100;

async fn out_of_stock(world: &World) {
    let (lamp, shade) = (world.product("Lamp", 2_000, 3).await, world.product("Shade", 900, 5).await);
    let mut guest = world.guest();
    let refused = guest.add(&lamp.sku, 4).await.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (409, "out_of_stock"), "{refused:?}");
    assert_eq!(refused.problem["data"], serde_json::json!([{ "sku": lamp.sku, "wanted": 4, "available": 3 }]));

    guest.add(&shade.sku, 1).await.unwrap();
    guest.fill(&lamp.sku, 3).await;
    world.stock(&lamp, 2).await;
    let refused = guest.checkout(tokens::OK).await.refused();
    assert_eq!((refused.status, refused.code.as_str()), (409, "out_of_stock"));
    assert_eq!(refused.problem["data"], serde_json::json!([{ "sku": lamp.sku, "wanted": 3, "available": 2 }]));
    assert_eq!(world.available(&shade).await, 5, "all lines or none");
    let cart = guest.look().await;
    let line = cart.lines.iter().find(|line| line.sku == lamp.sku).unwrap();
    assert!(
        cart.messages.iter().any(|m| m.code == "less_in_stock" && m.line_id == Some(line.id)),
        "{:?}",
        cart.messages
    );
}

/// Every buyer wants the last one at the same moment.
async fn last_item(world: &World) {
    let lamp = world.product("Last Lamp", 2_000, 1).await;
    let ready = (0..CROWD).map(|_| async {
        let mut guest = world.guest();
        guest.fill(&lamp.sku, 1).await;
        guest
    });
    let crowd: Vec<Guest> = crate::get_ready(ready).await;
    let buying = crowd.into_iter().map(|mut guest| async move { guest.checkout(tokens::OK).await });
    let outcomes = futures_util::future::join_all(buying).await;
    let sold = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Bought(_))).count();
    assert_eq!(sold, 1);
    for outcome in outcomes {
        if let Outcome::Refused(refusal) = outcome {
            assert_eq!((refusal.status, refusal.code.as_str()), (409, "out_of_stock"), "{refusal:?}");
        } else {
            assert!(matches!(outcome, Outcome::Bought(_)), "everybody is told at once: {outcome:?}");
        }
    }
    assert_eq!(world.available(&lamp).await, 0);
}

async fn cancelled(world: &World) {
    let lamp = world.product("Lamp", 2_000, 3).await;
    world.coupon("BACK10", 1).await;
    let (mut guest, staff) = (world.guest(), world.staff());
    guest.fill(&lamp.sku, 2).await;
    guest.enter("BACK10").await.unwrap();
    let placed = guest.checkout(tokens::OK).await.bought();
    assert_eq!((world.available(&lamp).await, world.coupon_uses("BACK10").await), (1, 1));
    staff.order_when(placed.order.id, "captured", |order| order.payment_status == OrderPayment::Captured).await;
    staff.cancel(placed.order.id).await;
    let order = staff.order_when(placed.order.id, "refunded", |o| o.payment_status == OrderPayment::Refunded).await;
    assert_eq!(order.status, OrderStatus::Cancelled);
    let payments = staff.payments(order.id).await;
    assert_eq!((payments[0].captured, payments[0].refunded), (order.total, order.total));
    assert_eq!(world.available(&lamp).await, 3);
    // Twice is once.
    assert_eq!(staff.cancel(placed.order.id).await.status, OrderStatus::Cancelled);
    assert_eq!(world.available(&lamp).await, 3);
    staff.mail(order.id, "order_cancelled").await;
}

async fn shipped_and_delivered(world: &World) {
    let lamp = world.product("Lamp", 2_000, 3).await;
    let (mut guest, staff) = (world.guest(), world.staff());
    guest.register().await;
    guest.fill(&lamp.sku, 1).await;
    let placed = guest.checkout(tokens::OK).await.bought();
    staff.ship(placed.order.id).await;
    let order = staff.order_when(placed.order.id, "shipped", |order| order.status == OrderStatus::Shipped).await;
    assert_eq!(order.shipments[0].tracking_number.as_deref(), Some("0034"));
    let mail = staff.mail(order.id, "order_shipped").await;
    assert!(mail.contains("0034"), "{mail}");
    let refused = guest.cancel(&order).await.unwrap_err();
    assert_eq!((refused.status, refused.code.as_str()), (409, "order_not_cancellable"));
    staff.deliver(order.id).await;
    staff.order_when(order.id, "delivered", |order| order.status == OrderStatus::Delivered).await;
    assert_eq!(guest.order(&placed).await.status, OrderStatus::Delivered);
    assert_eq!(world.available(&lamp).await, 2);
}
