//! Addresses of many countries, and what is none.

use proptest::prelude::*;

use super::*;

fn key(text: &str) -> String {
    MailAddress::parse(text).unwrap_or_else(|error| panic!("{text:?} {error}")).key()
}

fn refused(text: &str) -> MailAddressError {
    MailAddress::parse(text).err().unwrap_or_else(|| panic!("{text:?} is taken for an address"))
}

/// As typed; as people see it; as accounts are named by it.
#[test]
fn addresses_of_every_script_are_addresses() {
    for (typed, shown, key) in [
        ("ada@example.com", "ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace+Shop@Example.COM ", "Ada.Lovelace+Shop@example.com", "ada.lovelace+shop@example.com"),
        ("o'neil@a.example", "o'neil@a.example", "o'neil@a.example"),
        ("a@1.2.example", "a@1.2.example", "a@1.2.example"),
        ("user@münchen.example", "user@münchen.example", "user@xn--mnchen-3ya.example"),
        ("user@MÜNCHEN.example", "user@münchen.example", "user@xn--mnchen-3ya.example"),
        ("user@xn--mnchen-3ya.example", "user@münchen.example", "user@xn--mnchen-3ya.example"),
        ("user@mu\u{308}nchen.example", "user@münchen.example", "user@xn--mnchen-3ya.example"),
        ("用户@例子.广告", "用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("ユーザー@ドメイン.テスト", "ユーザー@ドメイン.テスト", "ユーザー@xn--eckwd4c7c.xn--zckzah"),
        ("ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｊｐ", "user@example.jp", "user@example.jp"),
        ("ﾊﾞﾅﾅ@例え。jp", "バナナ@例え.jp", "バナナ@xn--r8jz45g.jp"),
        ("संपर्क@डाटामेल.भारत", "संपर्क@डाटामेल.भारत", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"),
        ("аДа@Почта.РФ", "аДа@почта.рф", "ада@xn--80a1acny.xn--p1ai"),
        ("علي@مثال.إختبار", "علي@مثال.إختبار", "علي@xn--mgbh0fb.xn--kgbechtv"),
        ("user@نامه\u{200c}ای.com", "user@نامه\u{200c}ای.com", "user@xn--mgba3gch31f060k.com"),
        ("דוגמה@example.org", "דוגמה@example.org", "דוגמה@example.org"),
        ("ผู้ใช้@ตัวอย่าง.ไทย", "ผู้ใช้@ตัวอย่าง.ไทย", "ผู้ใช้@xn--72c1a1bt4awk9o.xn--o3cw4h"),
        ("사용자@예제.테스트", "사용자@예제.테스트", "사용자@xn--2j5b21b.xn--9t4b11yi5a"),
        ("ΟΔΥΣΣΕΥΣ@παράδειγμα.gr", "ΟΔΥΣΣΕΥΣ@παράδειγμα.gr", "οδυσσευς@xn--hxajbheg2az3al.gr"),
        ("Dörte@Sörensen.example.com", "Dörte@sörensen.example.com", "dörte@xn--srensen-90a.example.com"),
        ("jose\u{301}@example.es", "josé@example.es", "josé@example.es"),
        ("straße@fußball.example", "straße@fußball.example", "straße@xn--fuball-cta.example"),
        ("ada..l.@docomo.ne.jp", "ada..l.@docomo.ne.jp", "ada..l.@docomo.ne.jp"),
    ] {
        let address = MailAddress::parse(typed).unwrap_or_else(|error| panic!("{typed} {error}"));
        assert_eq!((address.to_string().as_str(), address.key().as_str()), (shown, key), "{typed}");
        assert_eq!(MailAddress::parse(shown).unwrap(), address, "{typed}: as it is shown it is the same");
        assert_eq!(self::key(key), key, "{typed}: the key is an address, and its own key");
        assert_eq!(address.needs_smtputf8(), !address.local().is_ascii());
        assert!(address.ascii_domain().is_ascii());
    }
}

#[test]
fn mailboxes_that_differ_are_never_one() {
    let ascii = key("strasse@example.com");
    for other in ["straße@example.com", "ſtrasse@example.com", "strasse@exämple.com"] {
        assert_ne!(key(other), ascii, "{other}");
    }
    // Turkish: the dot of the i is part of the letter, and no other language's rule is applied.
    assert_ne!(key("ırmak@example.com"), key("irmak@example.com"));
    assert_ne!(key("İrmak@example.com"), key("irmak@example.com"));
    assert_eq!(key("IRMAK@example.com"), key("irmak@example.com"));
    // The sign for Kelvin is, to Unicode, the letter K.
    assert_eq!(key("\u{212a}ate@example.com"), key("kate@example.com"));
    // Cyrillic letters that look like Latin ones are others.
    assert_ne!(key("аdа@example.com"), key("ada@example.com"));
}

#[test]
fn what_cannot_be_seen_is_refused_and_named() {
    for (text, code) in [
        ("a\u{202e}da@example.com", 0x202e),
        ("ada\u{200b}@example.com", 0x200b),
        ("a\u{200d}da@example.com", 0x200d),
        ("ada@exam\u{ad}ple.com", 0xad),
        ("ada@exam\u{200b}ple.com", 0x200b),
        ("ada@\u{200f}example.com", 0x200f),
        ("\u{feff}ada@example.com", 0xfeff),
        ("a\u{3164}@example.com", 0x3164),
        ("a\u{fe0f}@example.com", 0xfe0f),
        ("a\u{2066}b\u{2069}@example.com", 0x2066),
        ("a\0@b.cd", 0),
        ("a@b.cd\r\nbcc: c@d.ef", 0x0d),
        ("a\u{a0}b@example.com", 0xa0),
    ] {
        let error = refused(text);
        if !text.contains("bcc") {
            assert_eq!(error, MailAddressError::Invisible(code), "{text:?}");
            assert!(error.to_string().contains(&format!("U+{code:04X}")), "{error}");
        }
    }
}

#[test]
fn what_is_none_is_refused_with_a_reason() {
    use MailAddressError::{Character, Domain, Dots, Shape, TooLong};
    let domain = |text: &str| Domain(text.to_owned());
    let cases = [
        ("", Shape),
        ("@", Shape),
        ("a@", Shape),
        ("@b.cd", Shape),
        ("a", Shape),
        ("a@@b.cd", Shape),
        ("a@b@c.de", Shape),
        ("a@b", domain("b")),
        ("ada@localhost", domain("localhost")),
        (".a@b.cd", Dots),
        ("a.@b.cd", Dots),
        ("a..b@c.de", Dots),
        (".a@docomo.ne.jp", Dots),
        ("a..b@notdocomo.example", Dots),
        ("a b@c.de", Character(' ')),
        ("\"a\"@b.cd", Character('"')),
        ("<a@b.cd>", domain("b.cd>")),
        ("a,b@c.de", Character(',')),
        ("a\u{ff0c}b@c.de", Character(',')),
        ("user。name@example.com", Character('。')),
        ("a\u{fffd}@b.cd", Character('\u{fffd}')),
        ("a\u{e000}@b.cd", Character('\u{e000}')),
        ("\u{301}a@b.cd", Character('\u{301}')),
        ("a.\u{93f}@b.cd", Character('\u{93f}')),
        ("a@b c.de", domain("b c.de")),
        ("a@-b.cd", domain("-b.cd")),
        ("a@b-.cd", domain("b-.cd")),
        ("a@b..cd", domain("b..cd")),
        ("a@b.cd.", domain("b.cd.")),
        ("a@exa_mple.com", domain("exa_mple.com")),
        ("a@[127.0.0.1]", domain("[127.0.0.1]")),
        ("a@127.0.0.1", domain("127.0.0.1")),
        ("a@１２７.0.0.1", domain("127.0.0.1")),
        ("a@xn--a.com", domain("xn--a.com")),
        ("a@exa\u{200d}mple.com", domain("exa\u{200d}mple.com")),
        ("a@\u{301}b.com", domain("\u{301}b.com")),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text:?}");
    }
    assert_eq!(refused(&format!("{}@b.cd", "a".repeat(65))), TooLong);
    assert_eq!(refused(&format!("{}@b.cd", "й".repeat(33))), TooLong, "bytes are counted, as servers count them");
    assert!(MailAddress::parse(&format!("{}@b.cd", "й".repeat(32))).is_ok());
    assert!(MailAddress::parse(&format!("{}@b.cd", "a".repeat(64))).is_ok());
    assert!(matches!(refused(&format!("a@{}.cd", "b".repeat(64))), Domain(_)));
    assert!(matches!(refused(&format!("a@{}cd", "b.".repeat(130))), Domain(_)));
    assert_eq!(
        refused(&format!("{}@{}.cd", "a".repeat(64), ["b".repeat(62), "c".repeat(62), "d".repeat(62)].join("."))),
        TooLong
    );
    assert_eq!(refused(&"a".repeat(1_000_000)), TooLong);
}

#[test]
fn loose_dots_stand_in_quotes_on_the_wire() {
    let wire = |text: &str| MailAddress::parse(text).unwrap().wire_local();
    assert_eq!(wire("ada..l.@docomo.ne.jp"), "\"ada..l.\"");
    assert_eq!(wire("ada.l@docomo.ne.jp"), "ada.l");
    assert_eq!(wire("用户@例子.广告"), "用户");
    assert!(MailAddress::parse("a..b@mail.docomo.ne.jp").is_ok());
    assert_eq!(refused("a..b@evildocomo.ne.jp"), MailAddressError::Dots);
}

proptest! {
    #[test]
    fn what_is_accepted_is_one_visible_line_and_stays_itself(text in "\\PC{0,30}@\\PC{0,30}|[a-z.]{1,9}@[a-z\\-.äß。例]{1,20}") {
        if let Ok(address) = MailAddress::parse(&text) {
            let shown = address.to_string();
            prop_assert!(!shown.chars().any(|c| c.is_control() || c.is_whitespace()), "{:?}", shown);
            prop_assert_eq!(shown.matches('@').count(), 1);
            prop_assert!(shown.len() <= MAX_MAIL_ADDRESS);
            prop_assert_eq!(&MailAddress::parse(&shown).unwrap(), &address);
            let key = address.key();
            prop_assert_eq!(&MailAddress::parse(&key).unwrap().key(), &key);
            prop_assert!(address.ascii_domain().bytes().all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase()));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = MailAddress::parse(&text);
    }
}
