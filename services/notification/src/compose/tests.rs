//! Mails as they are composed: what they say, and what nothing in them can do.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use souk_kernel::{Currency, Money};
use uuid::Uuid;

use super::*;

/// A moment that is of another day in the shop's zone.
const MOMENT: &str = "2026-07-01T22:30:00Z";

fn shop() -> Shop {
    let config = ShopConfig {
        name: "Souk & Söhne".into(),
        public_url: "https://shop.example.org/".into(),
        from: "shop@example.org".into(),
        reply_to: None,
        time: ShopTime::in_zone("Europe/Berlin").unwrap(),
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
    let address = vec!["Ada".into(), "1 Street".into()];
    Content::Confirmation(Confirmation { lines, sums, address, placed_at: Some(MOMENT.parse().unwrap()) })
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
        "Date: Thu, 01 Jan 1970 01:00:00 +0100\r\n",
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
    let shipped = Content::Shipped {
        carrier: Some("DHL".into()),
        tracking: Some("JD1".into()),
        at: Some(MOMENT.parse().unwrap()),
    };
    let (subject, text, html) = shop.render(&to, "l", &shipped).unwrap();
    assert!(subject.ends_with("is on its way") && html.contains("JD1"));
    assert!(text.contains("Carrier: DHL\nTracking number: JD1\n"), "{text}");
    let (_, text, _) = shop.render(&to, "l", &Content::Shipped { carrier: None, tracking: None, at: None }).unwrap();
    assert!(!text.contains("Carrier") && !text.contains("Tracking"), "{text}");
    let (subject, text, html) = shop.render(&to, "l", &Content::Cancelled).unwrap();
    assert!(subject.contains("cancelled") && text.contains("paid back") && html.contains("paid back"));
}

/// A change of a mail is a change of a file in `snapshots/`, to be read in the diff (CONTRIBUTING.md).
#[test]
fn mails_read_as_they_did() {
    let (shop, to) = (shop(), contact("Ada Lovelace", "ada@example.org"));
    let at = Some(MOMENT.parse().unwrap());
    let account = |about| Content::Account(AccountMail { email: "ada@example.org".into(), about, at });
    let token = || "tok".to_owned();
    let mails = [
        confirmation("Cup <b>&</b>"),
        Content::Cancelled,
        Content::Shipped {
            carrier: Some("DHL".into()),
            tracking: Some("JD0146".into()),
            at: Some(MOMENT.parse().unwrap()),
        },
        account(AccountMatter::Confirm { token: token() }),
        account(AccountMatter::Known { token: token() }),
        account(AccountMatter::Attempts),
        account(AccountMatter::NewEmail { token: token() }),
        account(AccountMatter::EmailTaken),
        account(AccountMatter::EmailChanged),
        account(AccountMatter::Test),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../snapshots");
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
            AccountMatter::NewEmail { token: token() },
            "Souk & Söhne: your new e-mail address",
            vec!["https://shop.example.org/account/email?token=tok"],
        ),
        (
            AccountMatter::Attempts,
            "Souk & Söhne: wrong passwords for your account",
            vec!["https://shop.example.org/account/recover"],
        ),
    ] {
        let mail = AccountMail { email: "ada@example.org".into(), about, at: None };
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
    let bad = AccountMail { email: "a@b\r\nBcc: c@d".into(), about: AccountMatter::Attempts, at: None };
    assert!(shop.compose_account("a@b", Timestamp::UNIX_EPOCH, &bad).is_err());
}

#[test]
fn a_wrong_configuration_is_refused() {
    let good = ShopConfig {
        name: "S".into(),
        public_url: "http://127.0.0.1:8080".into(),
        from: "a@b.cd".into(),
        reply_to: Some("answers@münchen.example".into()),
        time: ShopTime::default(),
    };
    assert_eq!(Shop::new(good.clone()).unwrap().host, "127.0.0.1");
    for url in ["", "shop.example.org", "ftp://x", "/relative"] {
        assert!(Shop::new(ShopConfig { public_url: url.into(), ..good.clone() }).is_err(), "{url}");
    }
    assert!(Shop::new(ShopConfig { reply_to: Some("nobody".into()), ..good.clone() }).is_err());
    assert!(Shop::new(ShopConfig { from: "nobody".into(), ..good }).is_err());
}

/// Headers as a reader gets them: names of any script in encoded words (RFC 2047), addresses of any script with their domain in
/// ASCII, and the letters before the `@` as they are (RFC 6532).
#[test]
fn names_and_addresses_of_every_script_stand_right_in_the_headers() {
    let config = ShopConfig {
        name: "متجر 商店 Käufer".into(),
        public_url: "https://shop.example.org".into(),
        from: "laden@münchen.example".into(),
        reply_to: Some("Antwort@münchen.example".into()),
        time: ShopTime::default(),
    };
    let shop = Shop::new(config).unwrap();
    for (name, email, on_the_wire) in [
        ("Ada Lovelace", "ada@example.org", "ada@example.org"),
        ("Jürgen Groß", "juergen@grün.example", "juergen@xn--grn-ioa.example"),
        ("用户", "用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("संपर्क", "संपर्क@डाटामेल.भारत", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"),
        ("علي بن محمد", "علي@مثال.إختبار", "علي@xn--mgbh0fb.xn--kgbechtv"),
        ("Ольга Ивановна Константинопольская-Преображенская", "ольга@почта.рф", "ольга@xn--80a1acny.xn--p1ai"),
        ("木村 \"ken\" <x@y.zz>,", "ada..l.@docomo.ne.jp", "\"ada..l.\"@docomo.ne.jp"),
        ("👩🏽‍🚀 Zoë", "zoe@example.org", "zoe@example.org"),
    ] {
        let mail = shop.compose("a@b", Timestamp::UNIX_EPOCH, &contact(name, email), &Content::Cancelled).unwrap();
        assert_eq!(mail.envelope.to().iter().map(ToString::to_string).collect::<Vec<_>>(), [on_the_wire]);
        assert_eq!(mail.envelope.from().unwrap().to_string(), "laden@xn--mnchen-3ya.example");
        assert_eq!(mail.needs_smtputf8(), !on_the_wire.is_ascii(), "{email}");
        assert_eq!(mail.bytes.is_ascii(), on_the_wire.is_ascii(), "{email}: all else is encoded");
        let source = text_of(&mail);
        let (headers, _) = source.split_once("\r\n\r\n").unwrap();
        let unfolded = headers.replace("\r\n ", " ");
        let header = |name: &str| unfolded.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
        assert!(header("To").ends_with(&format!("<{on_the_wire}>")), "{headers}");
        assert_eq!(decoded(header("To").rsplit_once(" <").unwrap().0), name, "{headers}");
        assert!(header("From").ends_with("<laden@xn--mnchen-3ya.example>"), "{headers}");
        assert!(header("Reply-To").ends_with("<Antwort@xn--mnchen-3ya.example>"), "{headers}");
        assert_eq!(decoded(header("Subject")), "متجر 商店 Käufer: your order S-1000042 is cancelled");
        assert!(headers.lines().all(|line| line.len() <= 998), "{headers}");
    }
}

#[test]
fn what_turns_the_direction_of_text_is_not_passed_on() {
    let turned = "moc.elpmaxe\u{202e}evil\u{2066}\u{2069}";
    let mail =
        shop().compose("a@b", Timestamp::UNIX_EPOCH, &contact(turned, "ada@example.org"), &Content::Cancelled).unwrap();
    assert!(mail.bytes.is_ascii() && text_of(&mail).contains("moc.elpmaxeevil"), "{}", text_of(&mail));
}

#[test]
fn times_are_those_of_the_shop() {
    let (shop, to) = (shop(), contact("Ada", "ada@example.org"));
    let (_, text, html) = shop.render(&to, "l", &confirmation("Cup")).unwrap();
    for shown in [text, html] {
        assert!(shown.contains("2 July 2026, 00:30 (UTC+02:00)"), "{shown}");
    }
    let at = Some(MOMENT.parse().unwrap());
    let shipped = Content::Shipped { carrier: None, tracking: None, at };
    assert!(shop.render(&to, "l", &shipped).unwrap().1.contains("2 July 2026"));
    for about in [AccountMatter::Known { token: "t".into() }, AccountMatter::NewEmail { token: "t".into() }] {
        let mail = AccountMail { email: "ada@example.org".into(), about, at };
        let (_, text, html) = shop.render_account(&mail).unwrap();
        assert!([text, html].iter().all(|shown| shown.contains("until 2 July 2026, 00:30 (UTC+02:00)")));
    }
    // What the release before has queued says no time.
    let old: Content =
        serde_json::from_str(r#"{"account":{"email":"a@b.cd","about":{"known":{"token":"t"}}}}"#).unwrap();
    assert!(shop.render(&to, "l", &old).unwrap().1.contains("for a day"));
    let old: Content = serde_json::from_str(r#"{"shipped":{"carrier":null,"tracking":null}}"#).unwrap();
    assert!(shop.render(&to, "l", &old).unwrap().1.contains("is on its way"));
}

/// The text of a header: encoded words (RFC 2047, of kind B) and quoted strings as what they stand for.
fn decoded(header: &str) -> String {
    let mut text = String::new();
    let mut after_word = false;
    for word in header.split(' ') {
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|rest| rest.strip_suffix("?="));
        match encoded {
            // Blanks between encoded words are none of the text.
            Some(encoded) => {
                if !after_word && !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(std::str::from_utf8(&STANDARD.decode(encoded).unwrap()).unwrap());
            }
            None => {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(word);
            }
        }
        after_word = encoded.is_some();
    }
    let unquoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(|inner| inner.replace('\\', ""));
    unquoted.unwrap_or(text)
}
