//! State machine of an order: every way it can change that is decided on its locked row, and no other. Two changes are
//! conditional updates of many rows at once and stand in `store/checkout.rs` (`FAIL`: only what is pending; `CAPTURED`: only
//! what is authorised and sold).

use jiff::Timestamp;
use souk_kernel::Problem;
use souk_order_api::{Order, OrderPayment, OrderStatus};
use souk_shipping_api::{Shipment, ShipmentStatus};

/// Something that happens to an order.
#[derive(Clone, Debug)]
pub enum Transition {
    /// Stock and money are held.
    Confirm,
    /// A parcel left or arrived.
    Parcel(Shipment),
    /// Taken back before shipping.
    Cancel,
    /// The money of a cancelled order went back, before or after it was taken.
    GiveBack(OrderPayment),
}

/// What cancelling an order means, as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelling {
    /// The sale is taken back: [`Transition::Cancel`].
    TakeBack,
    /// The checkout that waits for its buyer goes back.
    GiveUp,
    /// Nothing: that has happened.
    Already,
}

/// What cancelling means for an order that is `status`; `waits` for its buyer, or was `given_up` before.
pub fn cancelling(status: OrderStatus, waits: bool, given_up: bool) -> Result<Cancelling, TransitionError> {
    match status {
        OrderStatus::Confirmed => Ok(Cancelling::TakeBack),
        OrderStatus::Pending if given_up => Ok(Cancelling::Already),
        OrderStatus::Pending if waits => Ok(Cancelling::GiveUp),
        OrderStatus::Failed if given_up => Ok(Cancelling::Already),
        OrderStatus::Cancelled => Ok(Cancelling::Already),
        _ => Err(TransitionError::NotCancellable(status)),
    }
}

/// Why an order cannot change that way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransitionError {
    /// Shipped, failed, or not yet confirmed.
    #[error("an order that is {0:?} cannot be cancelled")]
    NotCancellable(OrderStatus),
    /// Anything else the machine does not know.
    #[error("an order that is {0:?} cannot {1}")]
    Illegal(OrderStatus, &'static str),
}

impl From<TransitionError> for Problem {
    fn from(error: TransitionError) -> Self {
        match error {
            TransitionError::NotCancellable(_) => Problem::conflict("order_not_cancellable", error.to_string()),
            TransitionError::Illegal(..) => Problem::conflict("illegal_transition", error.to_string()),
        }
    }
}

/// Applies `transition`; false when the order already is what it would become (a repeated message).
pub fn apply(order: &mut Order, transition: Transition, at: Timestamp) -> Result<bool, TransitionError> {
    use OrderStatus::{Cancelled, Confirmed, Delivered, Failed, Pending, Shipped};
    let before = order.status;
    match transition {
        Transition::Confirm => match before {
            Pending => {
                order.status = Confirmed;
                order.payment_status = OrderPayment::Authorised;
            }
            Confirmed | Shipped | Delivered => return Ok(false),
            Cancelled | Failed => return Err(TransitionError::Illegal(before, "be confirmed")),
        },
        Transition::Parcel(shipment) => return parcel(order, shipment, at),
        Transition::Cancel => match before {
            Confirmed => order.status = Cancelled,
            Cancelled => return Ok(false),
            Pending | Shipped | Delivered | Failed => return Err(TransitionError::NotCancellable(before)),
        },
        Transition::GiveBack(payment) => match before {
            Cancelled if order.payment_status == payment => return Ok(false),
            Cancelled => order.payment_status = payment,
            _ => return Err(TransitionError::Illegal(before, "have its money given back")),
        },
    }
    order.version += 1;
    order.updated_at = at;
    Ok(true)
}

fn parcel(order: &mut Order, shipment: Shipment, at: Timestamp) -> Result<bool, TransitionError> {
    use OrderStatus::{Confirmed, Delivered, Shipped};
    if !matches!(order.status, Confirmed | Shipped | Delivered) {
        return Err(TransitionError::Illegal(order.status, "be shipped"));
    }
    match order.shipments.iter_mut().find(|known| known.id == shipment.id) {
        Some(known) if *known == shipment || known.status == ShipmentStatus::Delivered => return Ok(false),
        Some(known) => *known = shipment,
        None => order.shipments.push(shipment),
    }
    let all_delivered = order.shipments.iter().all(|parcel| parcel.status == ShipmentStatus::Delivered);
    order.status = if all_delivered { Delivered } else { Shipped };
    order.version += 1;
    order.updated_at = at;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use souk_kernel::Currency;
    use souk_order_api::OrderId;
    use souk_shipping_api::ShipmentId;
    use uuid::Uuid;

    use super::*;

    fn order() -> Order {
        let nothing = Currency::EUR.of(0);
        Order {
            id: OrderId(Uuid::nil()),
            number: "S-1".into(),
            status: OrderStatus::Pending,
            payment_status: OrderPayment::None,
            customer_id: None,
            email: String::new(),
            shipping_address: Default::default(),
            shipping_name: String::new(),
            lines: vec![],
            coupons: vec![],
            subtotal: nothing,
            discount: nothing,
            shipping: nothing,
            tax: nothing,
            total: nothing,
            failure: None,
            shipments: vec![],
            version: 1,
            placed_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    fn shipment(id: u128, status: ShipmentStatus) -> Shipment {
        Shipment {
            id: ShipmentId(Uuid::from_u128(id)),
            order_id: Uuid::nil(),
            status,
            carrier: None,
            tracking_number: None,
            shipped_at: Timestamp::UNIX_EPOCH,
            delivered_at: None,
        }
    }

    fn transition() -> impl Strategy<Value = Transition> {
        prop_oneof![
            Just(Transition::Confirm),
            Just(Transition::Cancel),
            Just(Transition::GiveBack(OrderPayment::Voided)),
            Just(Transition::GiveBack(OrderPayment::Refunded)),
            (0u128..2).prop_map(|id| Transition::Parcel(shipment(id, ShipmentStatus::Shipped))),
            (0u128..2).prop_map(|id| Transition::Parcel(shipment(id, ShipmentStatus::Delivered))),
        ]
    }

    proptest! {
        #[test]
        fn no_history_breaks_the_rules(history in prop::collection::vec(transition(), 0..20)) {
            let mut order = order();
            for transition in history {
                let before = order.clone();
                let result = apply(&mut order, transition.clone(), Timestamp::UNIX_EPOCH);
                match result {
                    Ok(true) => prop_assert_eq!(order.version, before.version + 1),
                    Ok(false) | Err(_) => prop_assert_eq!(&order, &before, "what is refused or repeated changes nothing"),
                }
                // Repeating what was just accepted is never an error and never a second change.
                if result.is_ok() {
                    prop_assert_eq!(apply(&mut order.clone(), transition, Timestamp::UNIX_EPOCH), Ok(false));
                }
                let sold = matches!(order.status, OrderStatus::Confirmed | OrderStatus::Shipped | OrderStatus::Delivered);
                prop_assert!(!sold || order.payment_status != OrderPayment::None, "sold without money");
                let shipped = !order.shipments.is_empty();
                prop_assert!(!shipped || matches!(order.status, OrderStatus::Shipped | OrderStatus::Delivered));
            }
        }
    }

    #[test]
    fn what_is_shipped_cannot_be_cancelled() {
        let mut order = order();
        apply(&mut order, Transition::Confirm, Timestamp::UNIX_EPOCH).unwrap();
        apply(&mut order, Transition::Parcel(shipment(1, ShipmentStatus::Shipped)), Timestamp::UNIX_EPOCH).unwrap();
        let refused = apply(&mut order, Transition::Cancel, Timestamp::UNIX_EPOCH);
        assert_eq!(refused, Err(TransitionError::NotCancellable(OrderStatus::Shipped)));
    }
}
