//! Shared kernel, the types every crate uses: ids, money, time, errors, secrets. No I/O, no async, no SQL.

mod clock;
mod event;
mod id;
mod invisible;
mod mail_address;
mod money;
pub mod pan;
mod problem;
pub mod schema;
mod secret;
mod shop_time;
mod slug;

pub use clock::Clock;
pub use event::Event;
pub use id::{Ids, InvalidId};
pub use invisible::{is_invisible, is_visible};
pub use mail_address::{MAX_MAIL_ADDRESS, MailAddress, MailAddressError};
pub use money::{Currency, Money, MoneyError, Rounding};
pub use problem::{FieldError, Kind, Problem, Result};
pub use secret::{Secret, without_password};
pub use shop_time::ShopTime;
pub use slug::{cut_slug, slugify};

#[doc(hidden)]
pub mod hidden {
    pub use {schemars, serde, uuid};
}
