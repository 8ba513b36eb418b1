//! Postal addresses of every country: how one is written there, which of its parts are required, what a postal code looks
//! like, and which territory it lies in. No I/O: the data is part of the program (`data/`, with its source and licence).
//!
//! Everything that takes an address asks [`Address::check`], so that a form, a cart and an account refuse the same.

mod address;
mod check;
mod country;
mod format;
mod postal;
mod region;
mod territory;
mod text;

pub use address::{
    ADDRESS_LINE, ADDRESS_LINE_IN_WORDS, Address, COUNTRY, COUNTRY_IN_WORDS, FILLED_ADDRESS_LINE,
    FILLED_ADDRESS_LINE_IN_WORDS, MAX_LINE,
};
pub use country::{Country, Part, countries, country, instead_of};
pub use region::Region;
pub use territory::{Territory, territories, territory};
pub use text::{DIRECTION_MARKS, is_invisible, unprintable};

#[cfg(test)]
mod tests;
