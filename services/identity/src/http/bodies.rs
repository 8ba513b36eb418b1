//! Request and reply bodies, with what the API's description says of them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use souk_address::{
    ADDRESS_LINE, ADDRESS_LINE_IN_WORDS, Address, COUNTRY, COUNTRY_IN_WORDS, FILLED_ADDRESS_LINE,
    FILLED_ADDRESS_LINE_IN_WORDS, MAX_LINE,
};
use souk_identity_api::{Customer, MAX_EMAIL, MAX_NAME, MAX_TOKEN, PASSWORD_CHARS, SignedIn, StoredAddress};
use souk_kernel::schema::{ONE_LINE, ONE_LINE_IN_WORDS};
use souk_kernel::{Problem, Secret};

/// What a client signs its calls with.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Tokens {
    /// `Bearer`.
    pub(super) token_type: String,
    /// For `Authorization: Bearer`; a JWT.
    pub(super) access_token: Secret<String>,
    /// Seconds the access token is valid.
    pub(super) expires_in: u64,
    /// Buys the next pair, once; good for 30 days after the sign-in.
    pub(super) refresh_token: Secret<String>,
    /// Names this device at its next sign-in; good for a year after the last one. Comes with a password or a link only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) device_token: Option<Secret<String>>,
    /// Who signed in.
    pub(super) customer: Customer,
}

impl From<SignedIn> for Tokens {
    fn from(signed_in: SignedIn) -> Self {
        let SignedIn { customer, access_token, expires_in, refresh_token, session_token: _, device_token } = signed_in;
        Self { token_type: "Bearer".into(), access_token, expires_in, refresh_token, device_token, customer }
    }
}

/// A new account.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// Lower-cased.
    #[schemars(length(min = 1, max = MAX_EMAIL), extend("format" = "idn-email", "examples" = ["ada@example.org"]))]
    pub(super) email: String,
    /// What to call you.
    #[serde(default)]
    #[schemars(length(max = MAX_NAME), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["Ada"]))]
    pub(super) name: String,
    /// Not needed, and not kept: it is chosen with the link. Clients of earlier releases send it, and learn here whether it
    /// may be chosen.
    #[serde(default)]
    #[schemars(length(min = *PASSWORD_CHARS.start(), max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub(super) password: Option<Secret<String>>,
}

/// Whose password is to be chosen anew.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RecoverBody {
    /// The account's address.
    #[schemars(length(min = 1, max = MAX_EMAIL), extend("format" = "idn-email", "examples" = ["ada@example.org"]))]
    pub(super) email: String,
}

/// What every visitor is told who asks for a link.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct LinkSent {
    /// `check_mail`.
    pub(super) status: String,
}

/// Credentials.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginBody {
    /// The account.
    #[schemars(length(min = 1, max = MAX_EMAIL), extend("format" = "idn-email", "examples" = ["ada@example.org"]))]
    pub(super) email: String,
    /// Its password.
    #[schemars(length(min = 1, max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub(super) password: Secret<String>,
    /// From the last sign-in on this device, if there was one.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("writeOnly" = true))]
    pub(super) device_token: Option<Secret<String>>,
}

/// Which session ends.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LogoutBody {
    /// One of the session; a spent one will do.
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("writeOnly" = true))]
    pub(super) refresh_token: Secret<String>,
    /// Ends all sessions of the account.
    #[serde(default)]
    pub(super) everywhere: bool,
}

/// What to change (RFC 7396): absent fields stay, a name that is null is taken away; the others cannot be.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MePatch {
    /// What to call you.
    #[serde(default, deserialize_with = "name_given")]
    #[schemars(with = "Option<String>", length(max = MAX_NAME), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["Ada"]))]
    pub(super) name: Option<String>,
    /// The password so far; required for a new one.
    #[serde(default)]
    #[schemars(length(min = 1, max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub(super) current_password: Option<Secret<String>>,
    /// Not a common one.
    #[serde(default)]
    #[schemars(length(min = *PASSWORD_CHARS.start(), max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub(super) new_password: Option<Secret<String>>,
    /// Yours: its session stays signed in when the password changes.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("writeOnly" = true))]
    pub(super) refresh_token: Option<Secret<String>>,
}

/// Which address the account is to have.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangeEmailBody {
    /// The new address.
    #[schemars(length(min = 1, max = MAX_EMAIL), extend("format" = "idn-email", "examples" = ["ada@example.org"]))]
    pub(super) email: String,
    /// The account's password.
    #[schemars(length(min = 1, max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub(super) current_password: Secret<String>,
}

/// Proof of the new mailbox.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmEmailBody {
    /// From the link in the mail.
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("writeOnly" = true))]
    pub(super) token: Secret<String>,
    /// Yours: its session stays signed in.
    #[serde(default)]
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("writeOnly" = true))]
    pub(super) refresh_token: Option<Secret<String>>,
}

/// A name that is null is none; what is absent stays.
fn name_given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::<String>::deserialize(deserializer).map(|name| Some(name.unwrap_or_default()))
}

/// Stored addresses.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Addresses {
    /// The default first.
    pub(super) items: Vec<StoredAddress>,
}

/// An address to store.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddressBody {
    /// Who it is for.
    #[schemars(length(min = 1, max = MAX_LINE), extend("pattern" = FILLED_ADDRESS_LINE, "x-in-words" = FILLED_ADDRESS_LINE_IN_WORDS, "examples" = ["Ada Lovelace"]))]
    pub(super) name: String,
    /// Street and number.
    #[schemars(length(min = 1, max = MAX_LINE), extend("pattern" = FILLED_ADDRESS_LINE, "x-in-words" = FILLED_ADDRESS_LINE_IN_WORDS, "examples" = ["Main Street 1"]))]
    pub(super) line1: String,
    /// Floor, company, care of, quarter.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["2nd floor"]))]
    pub(super) line2: Option<String>,
    /// Town; may be empty in the countries whose addresses have none, such as Japan and Singapore.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["Berlin"]))]
    pub(super) city: String,
    /// State, province or prefecture, by code or name, where addresses of the country have one.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["Berlin"]))]
    pub(super) region: Option<String>,
    /// Postal code; may be empty in the countries without.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["10115"]))]
    pub(super) postal_code: String,
    /// ISO 3166-1 alpha-2, capital letters.
    #[schemars(extend("pattern" = COUNTRY, "x-in-words" = COUNTRY_IN_WORDS, "examples" = ["DE"]))]
    pub(super) country: String,
    /// For the carrier.
    #[serde(default)]
    #[schemars(length(max = MAX_LINE), extend("pattern" = ADDRESS_LINE, "x-in-words" = ADDRESS_LINE_IN_WORDS, "examples" = ["+49 30 901820"]))]
    pub(super) phone: Option<String>,
    /// Make it the default. The default stays it until another one is.
    #[serde(default)]
    pub(super) is_default: bool,
}

impl AddressBody {
    /// The address, checked, and whether it is to be the default.
    pub(super) fn checked(self) -> Result<(Address, bool), Problem> {
        let AddressBody { name, line1, line2, city, region, postal_code, country, phone, is_default } = self;
        let address = Address { name, line1, line2, city, region, postal_code, country, phone };
        address.check("")?;
        Ok((address, is_default))
    }
}
