//! Domain rules without database, time or randomness: what is an address, a password, a token; how long to wait.

mod common_passwords;
mod email;
mod input;
mod throttle;
mod token;

pub use email::{Email, shown};
pub use input::{Checks, check_account, normalised_password};
pub use throttle::{Backoff, Counters, FORGET_AFTER, OWN, SHARED, TELL_AFTER, TELL_EVERY, own_password};
pub use token::{Digest, OpaqueToken, RefreshToken, SessionToken};
