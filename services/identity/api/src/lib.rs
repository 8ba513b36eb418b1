//! Contract of identity: who a user is, how they prove it, and where they live. [`token`] checks access tokens
//! anywhere, with nothing but the public keys.

pub mod token;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use souk_kernel::schema::{ONE_LINE, ONE_LINE_IN_WORDS};
use souk_kernel::{Event, Secret};
use souk_rpc::Permission;
use souk_shipping_api::Address;
use uuid::Uuid;

souk_kernel::ids! {
    /// A customer.
    CustomerId,
    /// A member of staff.
    StaffId,
    /// A stored address of a customer.
    AddressId,
}

/// Addresses of one customer: a household, a company's branches; more is misuse as storage.
pub const MAX_ADDRESSES: usize = 20;
/// Characters of a customer's name: the longest real ones fit, an essay does not.
pub const MAX_NAME: usize = 100;
/// Characters of an e-mail address.
pub const MAX_EMAIL: usize = souk_kernel::MAX_MAIL_ADDRESS;
/// Characters of a refresh token: ours are far shorter.
pub const MAX_TOKEN: usize = 512;
/// Characters of a password (PROMISES: 8 to 128).
pub const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 8..=128;

souk_rpc::service! {
    /// Accounts, credentials, sessions.
    pub trait IdentityApi at "/rpc/identity/v1", client IdentityClient, serve serve_identity, fake IdentityFake {
        /// Makes a customer account and signs it in. 409 `email_taken`, which tells whether an address has an account. For
        /// storefronts of the previous release, which know no other way; no public route leads here. To go with the next one.
        fn register(Register) -> SignedIn;
        /// Asks for a mail with a link by which a password is chosen, for a new account or for the one there is. The answer
        /// and the work are the same in both cases.
        fn request_link(RequestLink) -> ();
        /// Chooses the password that such a link was asked for, and signs in. 404 `link_invalid` when the link was used, is
        /// too old, or was never sent.
        fn confirm(Confirm) -> SignedIn;
        /// As `sign_in`, of a client that cannot say which device it is. For storefronts of the previous release.
        fn login(Login) -> SignedIn;
        /// 401 `wrong_credentials`, the same for an unknown address and a wrong password; 429 `too_many_tries`, but never for
        /// tries from elsewhere when the device is known.
        fn sign_in(SignIn) -> SignedIn;
        /// A new pair for a refresh token, which is spent by it; reuse of a spent one revokes the whole family: 401
        /// `refresh_token_invalid`. So of two calls with one token that race, one wins and the other ends the session.
        fn refresh(RefreshTokens) -> SignedIn;
        /// Ends the session a refresh token or a session cookie belongs to; unknown ones are fine.
        fn logout(Logout) -> () [idempotent];
        /// Whom a session cookie belongs to; 401 `session_ended`. Prolongs the session's idle time.
        fn session(SessionRequest) -> Session [idempotent];
        /// Public keys that access tokens are verified with (RFC 7517).
        fn jwks(JwksRequest) -> Jwks [idempotent];
        /// The signed-in customer.
        fn me(MeRequest) -> Customer [idempotent];
        /// Changes name, or password with the old one; a password change ends all other sessions.
        fn update_me(UpdateMe) -> Customer;
        /// Asks for a mail to a new address, with a link by which the signed-in customer's account gets it. The answer is the same
        /// whether another account has the address or not.
        fn request_email_change(RequestEmailChange) -> ();
        /// Gives the signed-in customer's account the address that such a link was sent to; all other sessions end, and the old
        /// address is told. 404 `link_invalid` when the link was used, is too old, was never sent, or is another customer's.
        fn confirm_email_change(ConfirmEmailChange) -> Customer;
        /// Adds or changes an address of the signed-in customer.
        fn put_address(PutAddress) -> Customer;
        /// Removes one.
        fn remove_address(RemoveAddress) -> Customer [idempotent];
        /// Makes a staff account. Permission: accounts (the command line is the system).
        fn create_staff(CreateStaff) -> Staff;
    }
}

/// A new account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Lower-cased; unique.
    #[schemars(length(min = 1, max = MAX_EMAIL), extend("format" = "idn-email", "examples" = ["ada@example.org"]))]
    pub email: String,
    /// Not a common one.
    #[schemars(length(min = *PASSWORD_CHARS.start(), max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub password: Secret<String>,
    /// What to call them.
    #[serde(default)]
    #[schemars(length(max = MAX_NAME), extend("pattern" = ONE_LINE, "x-in-words" = ONE_LINE_IN_WORDS, "examples" = ["Ada"]))]
    pub name: String,
}

/// Credentials.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The account.
    #[schemars(length(min = 1, max = MAX_EMAIL), extend("format" = "idn-email", "examples" = ["ada@example.org"]))]
    pub email: String,
    /// Its password.
    #[schemars(length(min = 1, max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub password: Secret<String>,
}

/// Credentials, and the device they come from.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SignIn {
    /// The account.
    pub email: String,
    /// Its password.
    pub password: Secret<String>,
    /// From an earlier sign-in on this device, whichever account that was.
    #[serde(default)]
    pub device_token: Option<Secret<String>>,
}

/// Asks for a mail with a link.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RequestLink {
    /// Where it goes.
    pub email: String,
    /// What to call a new customer.
    #[serde(default)]
    pub name: String,
    /// Checked when it is given, so that a bad one is refused at once, and not kept: the one who asks need not own the mailbox,
    /// so the password is chosen with the link.
    #[serde(default)]
    pub password: Option<Secret<String>>,
}

/// Uses a link.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// From the link in the mail.
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("writeOnly" = true))]
    pub token: Secret<String>,
    /// Not a common one.
    #[schemars(length(min = *PASSWORD_CHARS.start(), max = *PASSWORD_CHARS.end()), extend("format" = "password", "writeOnly" = true))]
    pub password: Secret<String>,
}

/// What a successful login gives: a token pair for API clients and a session for browsers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SignedIn {
    /// The customer.
    pub customer: Customer,
    /// JWT, EdDSA.
    pub access_token: Secret<String>,
    /// Seconds it is valid: 600.
    pub expires_in: u64,
    /// Spent by its first use.
    pub refresh_token: Secret<String>,
    /// 256 random bits for a browser's cookie; the storefront's business only. A refresh replaces it.
    pub session_token: Secret<String>,
    /// 256 random bits by which the device is known at its next sign-in; kept over sign-outs. Only when one signs in with a
    /// password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_token: Option<Secret<String>>,
}

/// Asks for a new pair.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshTokens {
    /// From the last pair.
    #[schemars(length(min = 1, max = MAX_TOKEN), extend("writeOnly" = true))]
    pub refresh_token: Secret<String>,
}

/// Ends a session, by either of its tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Logout {
    /// An API client's.
    #[serde(default)]
    pub refresh_token: Option<Secret<String>>,
    /// A browser's.
    #[serde(default)]
    pub session_token: Option<Secret<String>>,
    /// True ends all sessions of the account.
    #[serde(default)]
    pub everywhere: bool,
}

/// Asks whom a cookie belongs to.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SessionRequest {
    /// From the cookie.
    pub session_token: Secret<String>,
}

/// A live session.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Session {
    /// Whose.
    pub customer_id: CustomerId,
    /// What to call them.
    pub name: String,
}

/// Asks for the keys.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct JwksRequest {}

/// A set of public keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Jwks {
    /// Ed25519 keys (RFC 8037).
    pub keys: Vec<Jwk>,
}

/// A public key.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Jwk {
    /// `OKP`.
    pub kty: String,
    /// `Ed25519`.
    pub crv: String,
    /// `EdDSA`.
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    pub usage: String,
    /// Names the key.
    pub kid: String,
    /// The key, base64url.
    pub x: String,
}

/// Claims of an access token. `sub` is the customer.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AccessClaims {
    /// `souk`.
    pub iss: String,
    /// `souk-api`.
    pub aud: String,
    /// The customer's id.
    pub sub: Uuid,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
}

/// Asks who is signed in.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct MeRequest {}

/// A customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// The customer.
    pub id: CustomerId,
    /// The account's address, its domain in the letters of its language.
    pub email: String,
    /// What to call them; may be empty.
    pub name: String,
    /// Stored addresses, the default first.
    pub addresses: Vec<StoredAddress>,
    /// When the account was made.
    pub created_at: Timestamp,
}

/// A stored address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StoredAddress {
    /// The entry.
    pub id: AddressId,
    /// The one a checkout starts with.
    pub is_default: bool,
    /// The address.
    #[serde(flatten)]
    pub address: Address,
}

/// What to change; absent fields stay.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateMe {
    /// What to call them.
    #[serde(default)]
    pub name: Option<String>,
    /// The password so far; required for a new one.
    #[serde(default)]
    pub current_password: Option<Secret<String>>,
    /// The new password.
    #[serde(default)]
    pub new_password: Option<Secret<String>>,
    /// Names the caller's own session, a browser's, which a new password leaves alone. Without it, that one ends too.
    #[serde(default)]
    pub session_token: Option<Secret<String>>,
    /// The same for an API client.
    #[serde(default)]
    pub refresh_token: Option<Secret<String>>,
}

/// Asks for a mail to a new address of the account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RequestEmailChange {
    /// The new address.
    pub email: String,
    /// The account's password: who has a session only may not take the account along.
    pub current_password: Secret<String>,
}

/// Uses the link in that mail.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConfirmEmailChange {
    /// From the link.
    pub token: Secret<String>,
    /// Names the caller's own session, a browser's, which stays. Without it, that one ends too.
    #[serde(default)]
    pub session_token: Option<Secret<String>>,
    /// The same for an API client.
    #[serde(default)]
    pub refresh_token: Option<Secret<String>>,
}

/// An address to store.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PutAddress {
    /// Which one to change; none adds one.
    pub id: Option<AddressId>,
    /// The address.
    pub address: Address,
    /// Make it the default. The first one is, whatever this says, and the default stays it until another one is.
    pub make_default: bool,
}

/// An address to remove.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RemoveAddress {
    /// Which.
    pub id: AddressId,
}

/// A new staff account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CreateStaff {
    /// Unique among staff.
    pub email: String,
    /// As for customers.
    pub password: Secret<String>,
    /// Shown in the audit log.
    pub name: String,
    /// What the account may do.
    #[schemars(with = "Vec<String>")]
    pub permissions: Vec<Permission>,
}

/// A member of staff.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Staff {
    /// The account.
    pub id: StaffId,
    /// Login.
    pub email: String,
    /// Shown in the audit log.
    pub name: String,
    /// What it may do.
    #[schemars(with = "Vec<String>")]
    pub permissions: Vec<Permission>,
}

/// An account was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CustomerRegistered {
    /// The customer.
    pub customer_id: CustomerId,
    /// Where to greet them.
    pub email: Secret<String>,
    /// What to call them.
    pub name: Secret<String>,
}

impl Event for CustomerRegistered {
    const TYPE: &'static str = "identity.customer_registered.v1";
    fn aggregate(&self) -> Uuid {
        self.customer_id.0
    }
    fn version(&self) -> i64 {
        1
    }
}

/// A visitor asked for a link to choose a password with. The mailbox decides; the token is good for one use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkRequested {
    /// This request.
    pub id: Uuid,
    /// Where the link goes.
    pub email: Secret<String>,
    /// The link's token.
    pub token: Secret<String>,
    /// The address has an account: the password of that one is chosen.
    pub has_account: bool,
    /// Until when the link is good. What the release before wrote says none: a day.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

impl Event for LinkRequested {
    const TYPE: &'static str = "identity.link_requested.v1";
    fn aggregate(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        1
    }
}

/// A customer asked for another address of the account. The new mailbox decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailChangeRequested {
    /// This request.
    pub id: Uuid,
    /// The new address, where the link goes.
    pub email: Secret<String>,
    /// The link's token; good for one use, and for this customer only.
    pub token: Secret<String>,
    /// Another account has the address: its mailbox is told, and there is no link.
    pub taken: bool,
    /// Until when the link is good.
    pub expires_at: Timestamp,
}

impl Event for EmailChangeRequested {
    const TYPE: &'static str = "identity.email_change_requested.v1";
    fn aggregate(&self) -> Uuid {
        self.id
    }
    fn version(&self) -> i64 {
        1
    }
}

/// An account has another address.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EmailChanged {
    /// The account.
    pub customer_id: CustomerId,
    /// The address it had, which is told.
    pub old_email: Secret<String>,
    /// The address it has.
    pub email: Secret<String>,
    /// When, by the database's clock.
    pub at: Timestamp,
}

impl Event for EmailChanged {
    const TYPE: &'static str = "identity.email_changed.v1";
    fn aggregate(&self) -> Uuid {
        self.customer_id.0
    }
    fn version(&self) -> i64 {
        self.at.as_microsecond()
    }
}

/// Wrong passwords for an account came from devices it was never signed in on. At most once a day for each account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoginAttempts {
    /// The account.
    pub customer_id: CustomerId,
    /// Whom to tell.
    pub email: Secret<String>,
    /// When they had become so many, by the database's clock.
    pub at: Timestamp,
}

impl Event for LoginAttempts {
    const TYPE: &'static str = "identity.login_attempts.v1";
    fn aggregate(&self) -> Uuid {
        self.customer_id.0
    }
    fn version(&self) -> i64 {
        self.at.as_second()
    }
}
