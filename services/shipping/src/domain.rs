//! Domain rules of shipments: what noting a departure or an arrival changes, given an order's parcels so far. Pure.

use jiff::Timestamp;
use souk_shipping_api::{Shipment, ShipmentId, ShipmentStatus};
use uuid::Uuid;

/// Characters of a carrier's name or number: longer than any in use.
const MAX_LABEL: usize = 100;
/// Parcels of one order: more is a mistake in a caller's script.
pub const MAX_PARCELS: usize = 100;

/// Why a parcel is not noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// Not a name or number.
    #[error("must be one line of at most 100 characters")]
    Label,
    /// [`MAX_PARCELS`].
    #[error("this order has too many parcels")]
    TooMany,
    /// Nothing of the order has left.
    #[error("nothing of this order was shipped yet")]
    NothingShipped,
}

/// What a carrier calls something, without spaces around it; none for an empty text.
pub fn label(text: Option<String>) -> Result<Option<String>, ParcelError> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.chars().count() > MAX_LABEL || text.chars().any(char::is_control) {
        return Err(ParcelError::Label);
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A parcel with the number of its last change among the order's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// The parcel.
    pub shipment: Shipment,
    /// Its last change.
    pub version: i64,
}

/// Notes a departure; one with a tracking number that was noted before changes nothing.
pub fn ship(
    so_far: &[Parcel],
    order_id: Uuid,
    id: ShipmentId,
    carrier: Option<String>,
    tracking_number: Option<String>,
    now: Timestamp,
) -> Result<Departure, ParcelError> {
    if let Some(same) = so_far.iter().find(|parcel| parcel.shipment.tracking_number == tracking_number) {
        return Ok(Departure::Known(same.clone()));
    }
    if so_far.len() >= MAX_PARCELS {
        return Err(ParcelError::TooMany);
    }
    let status = ShipmentStatus::Shipped;
    let shipment = Shipment { id, order_id, status, carrier, tracking_number, shipped_at: now, delivered_at: None };
    Ok(Departure::New(Parcel { shipment, version: next(so_far) }))
}

/// What noting a departure comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Departure {
    /// It was noted before.
    Known(Parcel),
    /// It is new.
    New(Parcel),
}

/// Notes that everything on its way arrived: the parcels that changed, and the order's last parcel.
pub fn deliver(so_far: &[Parcel], now: Timestamp) -> Result<(Vec<Parcel>, Parcel), ParcelError> {
    let on_the_way = so_far.iter().filter(|parcel| parcel.shipment.status == ShipmentStatus::Shipped);
    let arrived: Vec<Parcel> = (next(so_far)..)
        .zip(on_the_way)
        .map(|(version, parcel)| {
            let delivered_at = Some(now.max(parcel.shipment.shipped_at));
            let shipment = Shipment { status: ShipmentStatus::Delivered, delivered_at, ..parcel.shipment.clone() };
            Parcel { shipment, version }
        })
        .collect();
    let last = arrived.last().or_else(|| so_far.iter().max_by_key(|parcel| parcel.version));
    let last = last.ok_or(ParcelError::NothingShipped)?.clone();
    Ok((arrived, last))
}

/// An order's changes are numbered through, whichever parcel they are about.
fn next(so_far: &[Parcel]) -> i64 {
    so_far.iter().map(|parcel| parcel.version).max().unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_are_one_short_line() {
        assert_eq!(label(Some("  DHL ".into())), Ok(Some("DHL".into())));
        assert_eq!(label(Some("   ".into())), Ok(None));
        assert_eq!(label(None), Ok(None));
        for wrong in ["a\nb", "a\u{7}", &"x".repeat(101)] {
            assert_eq!(label(Some(wrong.to_owned())), Err(ParcelError::Label));
        }
    }

    proptest! {
        #[test]
        fn every_change_has_its_own_number_and_nothing_happens_twice(
            calls in prop::collection::vec(prop::option::of(0..5u8), 1..40)
        ) {
            let (mut parcels, mut numbers, now): (Vec<Parcel>, _, _) = (Vec::new(), BTreeSet::new(), Timestamp::UNIX_EPOCH);
            for (at, call) in (1u128..).zip(calls) {
                match call {
                    Some(number) => {
                        let number = (number > 0).then(|| number.to_string());
                        let known = parcels.iter().any(|parcel| parcel.shipment.tracking_number == number);
                        let id = ShipmentId(Uuid::from_u128(at));
                        match ship(&parcels, Uuid::nil(), id, None, number, now).unwrap() {
                            Departure::Known(_) => prop_assert!(known),
                            Departure::New(parcel) => {
                                prop_assert!(!known && numbers.insert(parcel.version));
                                parcels.push(parcel);
                            }
                        }
                    }
                    None => match deliver(&parcels, now) {
                        Err(error) => prop_assert!(parcels.is_empty() && error == ParcelError::NothingShipped),
                        Ok((arrived, _)) => {
                            for parcel in arrived {
                                prop_assert!(numbers.insert(parcel.version));
                                let old = parcels.iter_mut().find(|old| old.shipment.id == parcel.shipment.id).unwrap();
                                prop_assert_eq!(old.shipment.status, ShipmentStatus::Shipped);
                                *old = parcel;
                            }
                            prop_assert!(deliver(&parcels, now).unwrap().0.is_empty());
                        }
                    },
                }
            }
            prop_assert!(numbers.iter().copied().eq(1..=numbers.len() as i64), "without gaps");
        }
    }
}
