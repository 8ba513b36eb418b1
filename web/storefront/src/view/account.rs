//! View models of signing in, the account, and the forms of it.

use askama::Template;
use souk_identity_api::{Customer, PASSWORD_CHARS};
use souk_kernel::{MAX_MAIL_ADDRESS, ShopTime};
use souk_order_api::Order;

use super::Notice;
use super::checkout::Saved;
use super::form::Field;
use super::layout::Layout;
use super::order::OrderRow;

/// Sign in, or make an account.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// Frame.
    pub layout: Layout,
    /// Messages.
    pub notices: Vec<Notice>,
    /// Where to go afterwards.
    pub next: String,
    /// Fields of one form.
    pub login: Vec<Field>,
    /// Fields of the other.
    pub register: Vec<Field>,
}

/// The account.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// Frame.
    pub layout: Layout,
    /// Messages.
    pub notices: Vec<Notice>,
    /// `Hello Ana`.
    pub greeting: String,
    /// The account's address.
    pub email: String,
    /// Newest orders.
    pub orders: Vec<OrderRow>,
    /// Where older ones are.
    pub older: Option<String>,
    /// Stored addresses.
    pub addresses: Vec<Saved>,
}

/// A form of the account.
#[derive(Clone, Debug)]
pub struct FormView {
    /// Where it is sent.
    pub action: String,
    /// Its heading.
    pub title: &'static str,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What the form brings along, by its name.
    pub hidden: Option<(&'static str, String)>,
    /// Of an address: a tick box "use this one first", and whether it is ticked; and a button for another country's fields.
    pub make_default: Option<bool>,
    /// Its button.
    pub button: &'static str,
}

/// A page of forms.
#[derive(Template)]
#[template(path = "account_form.html")]
pub struct AccountFormPage {
    /// Frame.
    pub layout: Layout,
    /// Heading.
    pub heading: &'static str,
    /// Messages.
    pub notices: Vec<Notice>,
    /// The forms.
    pub forms: Vec<FormView>,
}

/// Fields of the sign-in form.
pub fn login_fields(email: &str) -> Vec<Field> {
    vec![email_field("login").value(email), password_field("login", "password", "Password", "current-password")]
}

/// Fields of the registration form; the password is chosen with the link.
pub fn register_fields(name: &str, email: &str) -> Vec<Field> {
    vec![
        Field::text("register", "name", "Name", "name").value(name).optional(),
        email_field("register").value(email).hint("We send you a link to choose a password with."),
    ]
}

/// The same with a password: while identity is of the previous release.
pub fn with_password(mut fields: Vec<Field>) -> Vec<Field> {
    fields.push(new_password("register", "password", "Password"));
    fields
}

/// Fields of the form that asks for a link.
pub fn recover_fields(email: &str) -> Vec<Field> {
    vec![email_field("recover").value(email)]
}

/// Fields of the form that a link leads to.
pub fn confirm_fields() -> Vec<Field> {
    vec![new_password("confirm", "password", "Password")]
}

/// Fields of the profile form.
pub fn profile_fields(name: &str) -> Vec<Field> {
    vec![Field::text("profile", "name", "Name", "name").value(name).optional()]
}

/// Fields of the form that asks for another e-mail address.
pub fn email_fields(email: &str) -> Vec<Field> {
    vec![
        email_field("email")
            .value(email)
            .hint("We send a link there; your account has the address when you follow it."),
        password_field("email", "current_password", "Your password", "current-password"),
    ]
}

/// Fields of the password form.
pub fn password_fields() -> Vec<Field> {
    vec![
        password_field("password", "current_password", "Password so far", "current-password"),
        new_password("password", "new_password", "New password"),
    ]
}

/// An e-mail address. Not of the browser's type `email`: browsers refuse letters before the `@` that are not ASCII, and send
/// another address than was typed when the domain is international.
pub fn email_field(form: &'static str) -> Field {
    Field { max: MAX_MAIL_ADDRESS, ..Field::text(form, "email", "E-mail", "email") }
}

fn password_field(form: &'static str, name: &'static str, label: &'static str, auto: &'static str) -> Field {
    Field { max: *PASSWORD_CHARS.end(), ..Field::text(form, name, label, auto).kind("password") }
}

fn new_password(form: &'static str, name: &'static str, label: &'static str) -> Field {
    let hint = "At least 8 characters. A sentence is easier to remember than a riddle.";
    Field { min: *PASSWORD_CHARS.start(), ..password_field(form, name, label, "new-password").hint(hint) }
}

/// The page of an account.
pub fn account_page(
    layout: Layout,
    customer: &Customer,
    orders: &[Order],
    older: Option<String>,
    notices: Vec<Notice>,
    time: &ShopTime,
) -> AccountPage {
    let greeting = match customer.name.trim() {
        "" => "Your account".to_owned(),
        name => format!("Hello {name}"),
    };
    AccountPage {
        layout,
        notices,
        greeting,
        email: customer.email.clone(),
        orders: orders.iter().map(|order| OrderRow::of(order, time)).collect(),
        older,
        addresses: customer.addresses.iter().map(Saved::from).collect(),
    }
}
