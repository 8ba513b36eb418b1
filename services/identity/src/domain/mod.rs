//! Rules without database, time or randomness: what is an address, a password, a token; how long to wait.

mod common_passwords;
mod email;
mod input;
mod throttle;
mod token;

pub use email::Email;
pub use input::{Checks, check_account, normalised_password};
pub use throttle::{FIRST_WAIT, FORGET_AFTER, FREE_FAILURES, LONGEST_WAIT};
pub use token::{Digest, RefreshToken, SessionToken};
