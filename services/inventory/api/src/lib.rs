//! Contract of inventory: how much is there, who holds it, and where every unit went.

use serde::{Deserialize, Serialize};
use souk_kernel::Event;
use uuid::Uuid;

/// SKUs of one question or one batch.
pub const MAX_BATCH: usize = 2_000;
/// Lines of one reservation.
pub const MAX_LINES: usize = 200;
/// Units of one line: far above any order, far below an overflow.
pub const MAX_QUANTITY: u32 = 100_000;

souk_rpc::service! {
    /// Stock.
    pub trait InventoryApi at "/rpc/inventory/v1", client InventoryClient, serve serve_inventory, fake InventoryFake {
        /// Units that can be bought now (`on_hand - reserved`), from the primary; unknown SKUs are left out. At most [`MAX_BATCH`].
        fn availability(AvailabilityRequest) -> Availabilities [idempotent];
        /// Sets or corrects stock; each entry is a movement in the ledger. At most [`MAX_BATCH`]. Permission: inventory.
        /// With an idempotency key in the context the same request is carried out once, so that it may be repeated.
        fn adjust(Adjust) -> Adjusted;
        /// Says what happens when the units of SKUs run out. At most [`MAX_BATCH`]; unknown SKUs are passed over. Permission:
        /// inventory.
        fn set_policies(SetPolicies) -> PoliciesSet [idempotent];
        /// Holds all lines or none until it expires. The key names the reservation: repeating it returns the first outcome.
        /// 409 `out_of_stock` with the lines (`data: [{sku, wanted, available}]`).
        fn reserve(Reserve) -> Reservation [idempotent];
        /// Makes the hold permanent for its order; 409 `reservation_gone` when it expired or was released.
        fn allocate(ByKey) -> Reservation [idempotent];
        /// Gives the hold back, also an allocated one (a cancelled order). Unknown keys are fine: they are barred from
        /// being reserved later, since the release may overtake the reservation.
        fn release(ByKey) -> Reservation [idempotent];
        /// Takes an order's allocated units out of the warehouse.
        fn ship(ByKey) -> Reservation [idempotent];
        /// Ledger and balances for checks: what the invariants I2 and I3 are computed from. Permission: inventory.
        fn audit(AuditRequest) -> Audit [idempotent];
    }
}

/// Asks for stock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AvailabilityRequest {
    /// At most [`MAX_BATCH`].
    pub skus: Vec<String>,
}

/// What happens when the units of a SKU run out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockPolicy {
    /// It is sold out.
    #[default]
    Deny,
    /// It is sold on, and delivered when more units come in.
    Backorder,
    /// Its units are not counted: services, downloads, what is made to order.
    Untracked,
}

impl StockPolicy {
    /// True when no more is sold than there is.
    pub fn is_limited(self) -> bool {
        self == Self::Deny
    }
}

/// Stock of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// The SKU.
    pub sku: String,
    /// Units that can be bought now; zero or more, and [`MAX_QUANTITY`] where the policy sets no limit.
    pub available: i64,
    /// What happens when its units run out.
    #[serde(default)]
    pub policy: StockPolicy,
    /// Units that are there and held by none; below zero where more are sold than there are.
    #[serde(default)]
    in_stock: i64,
    /// Units that are held.
    #[serde(default)]
    reserved: i64,
}

impl Availability {
    /// Of a SKU with so many units that are there and held by none.
    pub fn new(sku: impl Into<String>, in_stock: i64, policy: StockPolicy) -> Self {
        let available = if policy.is_limited() { in_stock.max(0) } else { i64::from(MAX_QUANTITY) };
        Self { sku: sku.into(), available, policy, in_stock, reserved: 0 }
    }

    /// With so many units that are held beside those.
    pub fn holding(self, reserved: i64) -> Self {
        Self { reserved, ..self }
    }

    /// Units in the warehouse, held or not: what a count finds.
    pub fn on_hand(&self) -> i64 {
        self.in_stock + self.reserved
    }

    /// True when it can be bought and has to come in first.
    pub fn is_backordered(&self) -> bool {
        self.policy == StockPolicy::Backorder && self.in_stock <= 0
    }
}

/// Stock found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Availabilities {
    /// In any order.
    pub items: Vec<Availability>,
}

/// Why units moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementReason {
    /// First stock.
    Initial,
    /// Came in.
    Received,
    /// Went out to a buyer.
    Shipped,
    /// Came back.
    Returned,
    /// Counted differently.
    Adjusted,
}

/// What an entry of [`Adjust`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Sets the stock of a SKU that has none yet; a known SKU is left alone. What a repeated import does.
    InitialIfNew(i64),
    /// Sets `on_hand` to a counted number; refused below what is reserved.
    Count(i64),
    /// Adds units, 1 or more. Not repeatable by itself: give the context an idempotency key.
    Receive(i64),
}

/// One entry.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AdjustLine {
    /// The product, for those who read the events.
    pub product_id: Uuid,
    /// The SKU.
    pub sku: String,
    /// What to do.
    pub change: Change,
}

/// Entries, each standing alone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adjust {
    /// At most [`MAX_BATCH`], each SKU once.
    pub lines: Vec<AdjustLine>,
    /// Who or what did it, for the ledger: `import icecat`.
    pub note: String,
}

/// What became of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Adjusted {
    /// Entries that moved something.
    pub changed: u64,
    /// SKUs refused because less would be left than is reserved (or more than a balance can hold).
    pub refused: Vec<String>,
}

/// Policies by SKU.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SetPolicies {
    /// At most [`MAX_BATCH`], each SKU once.
    pub items: Vec<PolicyOf>,
}

/// The policy of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyOf {
    /// The SKU.
    pub sku: String,
    /// What happens when its units run out.
    pub policy: StockPolicy,
}

/// What became of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoliciesSet {
    /// SKUs that have another policy than before.
    pub changed: u64,
}

/// Units of one SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockLine {
    /// The SKU; each at most once.
    pub sku: String,
    /// 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

/// Asks for a hold.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reserve {
    /// Names the reservation: the order's id.
    pub key: Uuid,
    /// At most [`MAX_LINES`].
    pub lines: Vec<StockLine>,
    /// Seconds until it expires, by the database's clock.
    pub ttl_seconds: u32,
}

/// Names a reservation.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ByKey {
    /// The order's id.
    pub key: Uuid,
}

/// State of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReservationStatus {
    /// Held until it expires.
    Held,
    /// Belongs to its order.
    Allocated,
    /// Given back or expired.
    Released,
    /// Left the warehouse.
    Shipped,
}

/// A hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its name.
    pub key: Uuid,
    /// Its state.
    pub status: ReservationStatus,
}

/// One line that could not be held: carried in the problem `out_of_stock`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// The SKU.
    pub sku: String,
    /// Units asked for.
    pub wanted: u32,
    /// Units there.
    pub available: i64,
}

/// Asks for the audit.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct AuditRequest {}

/// Whatever breaks I2 or I3, as SKUs or reservations; all empty when the books are right.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// `on_hand` is not the sum of the movements.
    pub balance_not_movements: Vec<String>,
    /// `reserved` is not the sum of the live reservations.
    pub reserved_not_reservations: Vec<String>,
    /// `reserved >= 0` broken, or `on_hand >= reserved` where the policy limits what is sold.
    pub out_of_bounds: Vec<String>,
    /// Units on hand, all SKUs.
    pub on_hand: i64,
    /// Units reserved, all SKUs.
    pub reserved: i64,
    /// Units shipped, all SKUs.
    pub shipped: i64,
}

/// A SKU became buyable or ceased to be, or is on backorder from now or no more: only that is published, not every unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AvailabilityChanged {
    /// The SKU's own aggregate id.
    pub stock_id: Uuid,
    /// The product it belongs to.
    pub product_id: Uuid,
    /// The SKU.
    pub sku: String,
    /// True when at least one can be bought, be it on backorder.
    pub available: bool,
    /// Version of the SKU's balance.
    pub version: i64,
}

impl Event for AvailabilityChanged {
    const TYPE: &'static str = "inventory.availability_changed.v1";
    fn aggregate(&self) -> Uuid {
        self.stock_id
    }
    fn version(&self) -> i64 {
        self.version
    }
}
