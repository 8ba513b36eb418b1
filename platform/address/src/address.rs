//! The postal address that carts, orders, accounts and mails have.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Characters of each line of an address.
pub const MAX_LINE: usize = 200;
/// `pattern` of a country (ISO 3166-1 alpha-2).
pub const COUNTRY: &str = "^[A-Z]{2}$";
/// What [`COUNTRY`] asks for, for people.
pub const COUNTRY_IN_WORDS: &str = "must be a two-letter country code in capitals, such as DE";
/// `pattern` of a line: no control characters, no marks for the direction of text.
pub const ADDRESS_LINE: &str = r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$";
/// What [`ADDRESS_LINE`] asks for, for people.
pub const ADDRESS_LINE_IN_WORDS: &str =
    "must be one line without control characters and marks for the direction of text";

/// The same for a line that must say something.
pub const FILLED_ADDRESS_LINE: &str = concat!(
    r"^[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*",
    r"[^\s\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]",
    r"[^\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]*$",
);
/// What [`FILLED_ADDRESS_LINE`] asks for, for people.
pub const FILLED_ADDRESS_LINE_IN_WORDS: &str =
    "must not be blank, and be one line without control characters and marks for the direction of text";

/// A postal address. Which parts it must have, and what they look like, its country says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Who it is for.
    #[schemars(length(min = 1, max = MAX_LINE), extend("pattern" = FILLED_ADDRESS_LINE, "x-in-words" = FILLED_ADDRESS_LINE_IN_WORDS, "examples" = ["Ada Lovelace"]))]
    pub name: String,
    /// Street and number.
    #[schemars(length(min = 1, max = MAX_LINE), extend("pattern" = FILLED_ADDRESS_LINE, "x-in-words" = FILLED_ADDRESS_LINE_IN_WORDS, "examples" = ["Main Street 1"]))]
    pub line1: String,
    /// Floor, company, care of, quarter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["2nd floor"]))]
    pub line2: Option<String>,
    /// Town; may be empty in the countries whose addresses have none, such as Japan and Singapore.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["Berlin"]))]
    pub city: String,
    /// State, province or prefecture, by code or name, where addresses of the country have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["Berlin"]))]
    pub region: Option<String>,
    /// Postal code; may be empty in the countries without.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["10115"]))]
    pub postal_code: String,
    /// ISO 3166-1 alpha-2, capital letters.
    #[schemars(extend("pattern" = COUNTRY, "x-in-words" = COUNTRY_IN_WORDS, "examples" = ["DE"]))]
    pub country: String,
    /// For the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["+49 30 901820"]))]
    pub phone: Option<String>,
}
