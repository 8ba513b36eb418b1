//! Mail composer: from content to a mail, by templates, headers, encoding. Pure but for the boundary between its parts.

use askama::Template;
use jiff::Timestamp;
use lettre::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use souk_kernel::Problem;

use crate::ShopConfig;
use crate::content::{AccountMail, AccountMatter, Confirmation, Contact, Content, Line, Sum, one_line};

/// A configured shop, checked.
pub struct Shop {
    name: String,
    url: String,
    /// Host of the shop, for Message-IDs.
    pub host: String,
    from: Mailbox,
}

/// A message ready to go.
pub struct Mail {
    /// Without brackets.
    pub message_id: String,
    /// When it was asked for: the Date header, the same in every repetition.
    pub date: Timestamp,
    /// Who sends it and who gets it, for SMTP.
    pub envelope: lettre::address::Envelope,
    /// RFC 5322.
    pub bytes: Vec<u8>,
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
        let address: Address = config.from.parse().map_err(|_| wrong("the sender is not a mail address"))?;
        let name = one_line(&config.name);
        let from = Mailbox::new(Some(name.clone()), address);
        Ok(Self { name, url: config.public_url.trim_end_matches('/').to_owned(), host, from })
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
        let address: Address = email.parse().map_err(|_| "not a mail address".to_owned())?;
        let name = Some(one_line(name)).filter(|name| !name.is_empty());
        let mut message = lettre::Message::builder()
            .message_id(Some(format!("<{message_id}>")))
            .date(date.into())
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(one_line(&subject))
            .multipart(MultiPart::alternative_plain_html(text, html))
            .map_err(|error| error.to_string())?;
        // RFC 3834: no holiday notice answers it.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        message.headers_mut().insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let (envelope, bytes) = (message.envelope().clone(), message.formatted());
        Ok(Mail { message_id: message_id.to_owned(), date, envelope, bytes })
    }

    fn render_account(&self, mail: &AccountMail) -> askama::Result<Rendered> {
        let (shop, home) = (self.name.as_str(), self.url.as_str());
        Ok(match &mail.about {
            AccountMatter::Confirm { token } => {
                let link = &format!("{home}/account/confirm?token={token}");
                let (text, html) = (ConfirmText { shop, link }.render()?, ConfirmHtml { shop, link }.render()?);
                (format!("{shop}: choose your password"), text, html)
            }
            AccountMatter::Known { token } => {
                let link = &format!("{home}/account/confirm?token={token}");
                let sign_in = &format!("{home}/account");
                let text = KnownText { shop, link, sign_in }.render()?;
                (format!("{shop}: your account"), text, KnownHtml { shop, link, sign_in }.render()?)
            }
            AccountMatter::Attempts => {
                let link = &format!("{home}/account/recover");
                let (text, html) = (AttemptsText { shop, link }.render()?, AttemptsHtml { shop, link }.render()?);
                (format!("{shop}: wrong passwords for your account"), text, html)
            }
        })
    }

    fn render(&self, to: &Contact, link: &str, content: &Content) -> askama::Result<Rendered> {
        let (shop, name, number) = (self.name.as_str(), to.name.as_str(), to.number.as_str());
        Ok(match content {
            Content::Account(mail) => return self.render_account(mail),
            Content::Confirmation(Confirmation { lines, sums, address }) => {
                let text = ConfirmationText { shop, name, number, link, lines, sums, address }.render()?;
                let html = ConfirmationHtml { shop, name, number, link, lines, sums, address }.render()?;
                (format!("{shop}: your order {number}"), text, html)
            }
            Content::Cancelled => {
                let text = CancelledText { shop, name, number, link }.render()?;
                let html = CancelledHtml { shop, name, number, link }.render()?;
                (format!("{shop}: your order {number} is cancelled"), text, html)
            }
            Content::Shipped { carrier, tracking } => {
                let text = ShippedText { shop, name, number, link, carrier, tracking }.render()?;
                let html = ShippedHtml { shop, name, number, link, carrier, tracking }.render()?;
                (format!("{shop}: your order {number} is on its way"), text, html)
            }
        })
    }
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

template!(ConfirmText in "account_confirm.txt", ConfirmHtml in "account_confirm.html", {});
template!(KnownText in "account_known.txt", KnownHtml in "account_known.html", { sign_in: &'a str });
template!(AttemptsText in "account_attempts.txt", AttemptsHtml in "account_attempts.html", {});
template!(ConfirmationText in "order_confirmation.txt", ConfirmationHtml in "order_confirmation.html", {
    name: &'a str,
    number: &'a str,
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
    carrier: &'a Option<String>,
    tracking: &'a Option<String>,
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use souk_kernel::{Currency, Money};
    use uuid::Uuid;

    use super::*;

    fn shop() -> Shop {
        let config = ShopConfig {
            name: "Souk & Söhne".into(),
            public_url: "https://shop.example.org/".into(),
            from: "shop@example.org".into(),
        };
        Shop::new(config).unwrap()
    }

    fn contact(name: &str, email: &str) -> Contact {
        let (number, token) = ("S-1000042".into(), "tok".into());
        Contact { order_id: Uuid::from_u128(7), email: email.into(), name: name.into(), number, token }
    }

    fn confirmation(title: &str) -> Content {
        let total: Money = Currency::EUR.of(1998);
        let lines = vec![Line { quantity: 2, title: title.into(), options: "Red / L".into(), total }];
        let sums = vec![Sum { label: "Total".into(), amount: total }];
        Content::Confirmation(Confirmation { lines, sums, address: vec!["Ada".into(), "1 Street".into()] })
    }

    fn text_of(mail: &Mail) -> String {
        String::from_utf8(mail.bytes.clone()).unwrap()
    }

    #[test]
    fn a_mail_says_what_was_bought_in_text_and_html() {
        let (shop, to) = (shop(), contact("Ada Lovelace", "ada@example.org"));
        let link = "https://shop.example.org/orders/00000000-0000-0000-0000-000000000007?token=tok";
        let (subject, text, html) = shop.render(&to, link, &confirmation("Cup <b>&</b>")).unwrap();
        assert_eq!(subject, "Souk & Söhne: your order S-1000042");
        assert!(text.contains("2 x Cup <b>&</b> (Red / L)\n    19.98 EUR\n"), "{text}");
        assert!(text.contains("Total: 19.98 EUR\n\nWe send it to:\n\n    Ada\n    1 Street\n"), "{text}");
        assert!(text.contains(link), "{text}");
        assert!(html.contains("Cup &#60;b&#62;&#38;&#60;/b&#62;"), "{html}");
        let mail = shop.compose("a.b@shop.example.org", Timestamp::UNIX_EPOCH, &to, &confirmation("Cup")).unwrap();
        let source = text_of(&mail);
        for header in [
            "Message-ID: <a.b@shop.example.org>\r\n",
            "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n",
            "To: \"Ada Lovelace\" <ada@example.org>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: multipart/alternative;",
        ] {
            assert!(source.contains(header), "{header} in {source}");
        }
    }

    #[test]
    fn nobody_adds_headers_or_recipients() {
        let shop = shop();
        let attacks =
            ["Eve\r\nBcc: victim@example.org", "Eve\nBcc: v@example.org", "Eve\r\n\r\n<html>", "\"E\" <v@x.org>,"];
        for attack in attacks {
            let mut to = contact(attack, "eve@example.org");
            to.number = attack.into();
            let mail = shop.compose("a@b", Timestamp::UNIX_EPOCH, &to, &Content::Cancelled).unwrap();
            let source = text_of(&mail);
            let (headers, _) = source.split_once("\r\n\r\n").unwrap();
            assert!(!headers.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{headers}");
            assert_eq!(headers.lines().filter(|line| line.starts_with("To:")).count(), 1);
            assert_eq!(mail.envelope.to().len(), 1, "{attack}");
        }
        for wrong in ["", "nobody", "a@b\r\nBcc: c@d", "a@b, c@d", "<a@b>", "a b@c.d"] {
            let to = contact("Eve", wrong);
            assert!(shop.compose("a@b", Timestamp::UNIX_EPOCH, &to, &Content::Cancelled).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_name_breaks_a_mail(name in any::<String>(), number in any::<String>()) {
            let (shop, mut to) = (shop(), contact(&name, "ada@example.org"));
            to.number = number;
            let mail = shop.compose("a@b", Timestamp::UNIX_EPOCH, &to, &Content::Cancelled).unwrap();
            let source = text_of(&mail);
            let (headers, _) = source.split_once("\r\n\r\n").unwrap();
            let of_its_own = |line: &&str| !line.starts_with([' ', '\t']);
            prop_assert_eq!(headers.lines().filter(of_its_own).count(), 8, "{}", headers);
        }
    }

    #[test]
    fn every_template_renders() {
        let (shop, to) = (shop(), contact("Ada", "ada@example.org"));
        let shipped = Content::Shipped { carrier: Some("DHL".into()), tracking: Some("JD1".into()) };
        let (subject, text, html) = shop.render(&to, "l", &shipped).unwrap();
        assert!(subject.ends_with("is on its way") && html.contains("JD1"));
        assert!(text.contains("Carrier: DHL\nTracking number: JD1\n"), "{text}");
        let (_, text, _) = shop.render(&to, "l", &Content::Shipped { carrier: None, tracking: None }).unwrap();
        assert!(!text.contains("Carrier") && !text.contains("Tracking"), "{text}");
        let (subject, text, html) = shop.render(&to, "l", &Content::Cancelled).unwrap();
        assert!(subject.contains("cancelled") && text.contains("paid back") && html.contains("paid back"));
    }

    /// A change of a mail is a change of a file in `snapshots/`, to be read in the diff (CONTRIBUTING.md).
    #[test]
    fn mails_read_as_they_did() {
        let (shop, to) = (shop(), contact("Ada Lovelace", "ada@example.org"));
        let account = |about| Content::Account(AccountMail { email: "ada@example.org".into(), about });
        let token = || "tok".to_owned();
        let mails = [
            confirmation("Cup <b>&</b>"),
            Content::Cancelled,
            Content::Shipped { carrier: Some("DHL".into()), tracking: Some("JD0146".into()) },
            account(AccountMatter::Confirm { token: token() }),
            account(AccountMatter::Known { token: token() }),
            account(AccountMatter::Attempts),
        ];
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let link = "https://shop.example.org/orders/7?token=tok";
        let mut shown = std::collections::BTreeSet::new();
        for content in &mails {
            let (subject, text, html) = shop.render(&to, link, content).unwrap();
            let whole = format!("Subject: {subject}\n\n{text}\n==== HTML ====\n{html}");
            settings.bind(|| insta::assert_snapshot!(content.template(), whole));
            shown.insert(content.template().to_owned());
        }
        let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates")).unwrap();
        let names = folder.map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned());
        assert_eq!(shown, names.filter(|name| !name.starts_with('_')).collect(), "every template");
    }

    #[test]
    fn mails_about_an_account_lead_to_where_a_password_is_chosen() {
        let shop = shop();
        let token = || "tok".to_owned();
        for (about, subject, parts) in [
            (
                AccountMatter::Confirm { token: token() },
                "Souk & Söhne: choose your password",
                vec!["https://shop.example.org/account/confirm?token=tok"],
            ),
            (
                AccountMatter::Known { token: token() },
                "Souk & Söhne: your account",
                vec!["https://shop.example.org/account/confirm?token=tok", "https://shop.example.org/account\n"],
            ),
            (
                AccountMatter::Attempts,
                "Souk & Söhne: wrong passwords for your account",
                vec!["https://shop.example.org/account/recover"],
            ),
        ] {
            let mail = AccountMail { email: "ada@example.org".into(), about };
            let (said, text, html) = shop.render_account(&mail).unwrap();
            assert_eq!(said, subject);
            for part in parts {
                assert!(text.contains(part), "{part} in {text}");
                assert!(html.contains(&format!("\"{}\"", part.trim())), "{part} in {html}");
            }
            assert!(!html.contains("See your order"), "{html}");
            let mail = shop.compose_account("a@b", Timestamp::UNIX_EPOCH, &mail).unwrap();
            assert!(text_of(&mail).contains("To: ada@example.org\r\n"), "{}", text_of(&mail));
        }
        let bad = AccountMail { email: "a@b\r\nBcc: c@d".into(), about: AccountMatter::Attempts };
        assert!(shop.compose_account("a@b", Timestamp::UNIX_EPOCH, &bad).is_err());
    }

    #[test]
    fn a_wrong_configuration_is_refused() {
        let good = ShopConfig { name: "S".into(), public_url: "http://127.0.0.1:8080".into(), from: "a@b.c".into() };
        assert_eq!(Shop::new(good.clone()).unwrap().host, "127.0.0.1");
        for url in ["", "shop.example.org", "ftp://x", "/relative"] {
            assert!(Shop::new(ShopConfig { public_url: url.into(), ..good.clone() }).is_err(), "{url}");
        }
        assert!(Shop::new(ShopConfig { from: "nobody".into(), ..good }).is_err());
    }
}
