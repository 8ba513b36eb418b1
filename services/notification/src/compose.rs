//! Mail composer: from content to a mail, by templates, headers, encoding. Pure but for the boundary between its parts.

use askama::Template;
use jiff::Timestamp;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{self, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes, MultiPart};
use souk_kernel::{MailAddress, Problem, ShopTime};

use crate::content::{AccountMail, AccountMatter, Confirmation, Contact, Content, Line, Sum, one_line};
use crate::settings::ShopConfig;

/// A configured shop, checked.
pub struct Shop {
    name: String,
    url: String,
    /// Host of the shop, for Message-IDs.
    pub host: String,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    time: ShopTime,
}

/// A message ready to go.
pub struct Mail {
    /// Without brackets.
    pub message_id: String,
    /// When it was asked for: the Date header, the same in every repetition.
    pub date: Timestamp,
    /// Who sends it and who gets it, for SMTP.
    pub envelope: Envelope,
    /// RFC 5322.
    pub bytes: Vec<u8>,
}

impl Mail {
    /// True when only a server with SMTPUTF8 (RFC 6531) takes it.
    pub fn needs_smtputf8(&self) -> bool {
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        !self.envelope.from().into_iter().chain(self.envelope.to()).all(ascii)
    }
}

/// Subject, plain text and HTML.
type Rendered = (String, String, String);

impl Shop {
    /// Checks the configuration: 422 with what is wrong.
    pub fn new(config: ShopConfig) -> Result<Self, Problem> {
        let wrong = |what: &str| Problem::invalid("invalid_configuration", format!("notification: {what}"));
        let url: http::Uri = config.public_url.parse().map_err(|_| wrong("the public url is not a url"))?;
        let host = url.host().ok_or_else(|| wrong("the public url has no host"))?.to_owned();
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(wrong("the public url must begin with http:// or https://"));
        }
        let name = one_line(&config.name);
        let of_shop = |role: &str, address: &str| {
            let parsed = MailAddress::parse(address).map(|address| mailbox(&name, &address));
            parsed.map_err(|error| wrong(&format!("{role} {address:?} {error}")))
        };
        let from = of_shop("the sender", &config.from)?;
        let reply_to = config.reply_to.map(|address| of_shop("the address for answers", &address)).transpose()?;
        let url = config.public_url.trim_end_matches('/').to_owned();
        Ok(Self { name, url, host, from, reply_to, time: config.time })
    }

    /// The mail about an order, or why this contact cannot be written to.
    pub fn compose(&self, message_id: &str, date: Timestamp, to: &Contact, content: &Content) -> Result<Mail, String> {
        let link = format!("{}/orders/{}?token={}", self.url, to.order_id, to.token);
        let rendered = self.render(to, &link, content).map_err(|error| error.to_string())?;
        self.mail(message_id, date, &to.email, &to.name, rendered)
    }

    /// The mail about an account, or why it cannot be written.
    pub fn compose_account(&self, message_id: &str, date: Timestamp, mail: &AccountMail) -> Result<Mail, String> {
        let rendered = self.render_account(mail).map_err(|error| error.to_string())?;
        self.mail(message_id, date, &mail.email, "", rendered)
    }

    fn mail(
        &self,
        message_id: &str,
        date: Timestamp,
        email: &str,
        name: &str,
        (subject, text, html): Rendered,
    ) -> Result<Mail, String> {
        let address = MailAddress::parse(email).map_err(|error| format!("not a mail address: {error}"))?;
        let to = mailbox(&one_line(name), &address);
        let envelope = Envelope::new(Some(self.from.email.clone()), vec![to.email.clone()]);
        let mut message = lettre::Message::builder()
            .message_id(Some(format!("<{message_id}>")))
            .date(date.into())
            .from(Mailbox::new(None, Address::new_dangerous("shop", "localhost.localdomain")))
            .subject(one_line(&subject))
            .envelope(envelope.map_err(|error| error.to_string())?)
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|error| error.to_string())?;
        let headers = message.headers_mut();
        // Not with the builder, which reads them again by rules that many scripts do not pass.
        headers.set(header::From::from(Mailboxes::from(self.from.clone())));
        headers.set(header::To::from(Mailboxes::from(to)));
        if let Some(reply_to) = &self.reply_to {
            headers.set(header::ReplyTo::from(Mailboxes::from(reply_to.clone())));
        }
        headers.insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str("Date"), self.time.in_header(date)));
        // RFC 3834: no holiday notice answers it.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        headers.insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let (envelope, bytes) = (message.envelope().clone(), message.formatted());
        Ok(Mail { message_id: message_id.to_owned(), date, envelope, bytes })
    }

    fn render_account(&self, mail: &AccountMail) -> askama::Result<Rendered> {
        let (shop, home) = (self.name.as_str(), self.url.as_str());
        let when = mail.at.map(|at| self.time.date_and_time(at)).unwrap_or_default();
        let when = when.as_str();
        let confirm = |token: &str| format!("{home}/account/confirm?token={token}");
        // What an identity of the release before asks for is good for a day.
        let until = &if when.is_empty() { "for a day".to_owned() } else { format!("until {when}") };
        Ok(match &mail.about {
            AccountMatter::Confirm { token } => {
                let link = &confirm(token);
                let text = ConfirmText { shop, link, until }.render()?;
                (format!("{shop}: choose your password"), text, ConfirmHtml { shop, link, until }.render()?)
            }
            AccountMatter::Known { token } => {
                let (link, sign_in) = (&confirm(token), &format!("{home}/account"));
                let text = KnownText { shop, link, until, sign_in }.render()?;
                (format!("{shop}: your account"), text, KnownHtml { shop, link, until, sign_in }.render()?)
            }
            AccountMatter::Attempts => {
                let link = &format!("{home}/account/recover");
                let (text, html) = (AttemptsText { shop, link, when }, AttemptsHtml { shop, link, when });
                (format!("{shop}: wrong passwords for your account"), text.render()?, html.render()?)
            }
            AccountMatter::NewEmail { token } => {
                let link = &format!("{home}/account/email?token={token}");
                let (text, html) = (NewEmailText { shop, link, until }, NewEmailHtml { shop, link, until });
                (format!("{shop}: your new e-mail address"), text.render()?, html.render()?)
            }
            AccountMatter::EmailTaken => {
                let link = &format!("{home}/account");
                let (text, html) = (EmailTakenText { shop, link }, EmailTakenHtml { shop, link });
                (format!("{shop}: your account"), text.render()?, html.render()?)
            }
            AccountMatter::EmailChanged => {
                let link = &format!("{home}/help");
                let (text, html) = (EmailChangedText { shop, link, when }, EmailChangedHtml { shop, link, when });
                (format!("{shop}: your account has another e-mail address"), text.render()?, html.render()?)
            }
            AccountMatter::Test => {
                let (text, html) = (TestText { shop, link: home, when }, TestHtml { shop, link: home, when });
                (format!("{shop}: test message"), text.render()?, html.render()?)
            }
        })
    }

    fn render(&self, to: &Contact, link: &str, content: &Content) -> askama::Result<Rendered> {
        let (shop, name, number) = (self.name.as_str(), to.name.as_str(), to.number.as_str());
        Ok(match content {
            Content::Account(mail) => return self.render_account(mail),
            Content::Confirmation(Confirmation { lines, sums, address, placed_at }) => {
                let when = &placed_at.map(|at| self.time.date_and_time(at)).unwrap_or_default();
                let text = ConfirmationText { shop, name, number, link, when, lines, sums, address }.render()?;
                let html = ConfirmationHtml { shop, name, number, link, when, lines, sums, address }.render()?;
                (format!("{shop}: your order {number}"), text, html)
            }
            Content::Cancelled => {
                let text = CancelledText { shop, name, number, link }.render()?;
                let html = CancelledHtml { shop, name, number, link }.render()?;
                (format!("{shop}: your order {number} is cancelled"), text, html)
            }
            Content::Shipped { carrier, tracking, at } => {
                let when = &at.map(|at| self.time.date(at)).unwrap_or_default();
                let text = ShippedText { shop, name, number, link, when, carrier, tracking }.render()?;
                let html = ShippedHtml { shop, name, number, link, when, carrier, tracking }.render()?;
                (format!("{shop}: your order {number} is on its way"), text, html)
            }
        })
    }
}

/// A name, if there is one, and an address as SMTP and headers have it: the domain in ASCII, which every server understands.
fn mailbox(name: &str, address: &MailAddress) -> Mailbox {
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    // The library's own check knows less of scripts than the kernel's.
    Mailbox::new(name, Address::new_dangerous(address.wire_local(), address.ascii_domain()))
}

/// A mail as plain text and as HTML: the same fields, two files.
macro_rules! template {
    ($Text:ident in $text:tt, $Html:ident in $html:tt, { $($field:ident: $T:ty),* $(,)? }) => {
        #[derive(Template)]
        #[template(path = $text, escape = "none")]
        struct $Text<'a> { shop: &'a str, link: &'a str, $($field: $T),* }

        #[derive(Template)]
        #[template(path = $html)]
        struct $Html<'a> { shop: &'a str, link: &'a str, $($field: $T),* }
    };
}

template!(ConfirmText in "account_confirm.txt", ConfirmHtml in "account_confirm.html", { until: &'a str });
template!(KnownText in "account_known.txt", KnownHtml in "account_known.html", {
    until: &'a str,
    sign_in: &'a str,
});
template!(AttemptsText in "account_attempts.txt", AttemptsHtml in "account_attempts.html", { when: &'a str });
template!(NewEmailText in "account_new_email.txt", NewEmailHtml in "account_new_email.html", { until: &'a str });
template!(EmailTakenText in "account_email_taken.txt", EmailTakenHtml in "account_email_taken.html", {});
template!(EmailChangedText in "account_email_changed.txt", EmailChangedHtml in "account_email_changed.html", {
    when: &'a str,
});
template!(TestText in "account_test.txt", TestHtml in "account_test.html", { when: &'a str });
template!(ConfirmationText in "order_confirmation.txt", ConfirmationHtml in "order_confirmation.html", {
    name: &'a str,
    number: &'a str,
    when: &'a str,
    lines: &'a [Line],
    sums: &'a [Sum],
    address: &'a [String],
});
template!(CancelledText in "order_cancelled.txt", CancelledHtml in "order_cancelled.html", {
    name: &'a str,
    number: &'a str,
});
template!(ShippedText in "order_shipped.txt", ShippedHtml in "order_shipped.html", {
    name: &'a str,
    number: &'a str,
    when: &'a str,
    carrier: &'a Option<String>,
    tracking: &'a Option<String>,
});

#[cfg(test)]
mod tests;
