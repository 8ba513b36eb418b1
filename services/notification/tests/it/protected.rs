//! A real mail server (aiosmtpd) as providers run theirs: TLS, login, addresses of every script or not.

use std::path::PathBuf;

use souk_engines::{SmtpOptions, SmtpSink};
use souk_kernel::ShopTime;
use souk_notification::{MailTransport, ShopConfig, SmtpConfig, SmtpTls, send_test_message};
use souk_notification_api::{DeliveryStatus, ListUnsent, RetryMails};
use souk_rpc::{Actor, Cx};
use souk_tls::{Authority, Validity};

use crate::support::{World, order};

/// Files of an authority and of a certificate that it gave to 127.0.0.1.
struct Certificate {
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
    _dir: tempfile::TempDir,
}

impl Certificate {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::new(Validity::around_now(1)).unwrap();
        let issued = authority.issue_host("127.0.0.1", Validity::around_now(1)).unwrap();
        let write = |name: &str, text: &str| {
            let file = dir.path().join(name);
            std::fs::write(&file, text).unwrap();
            file
        };
        let ca = write("ca.pem", authority.pem());
        let (certificate, key) = (write("tls.crt", &issued.certificate), write("tls.key", &issued.key));
        Self { ca, certificate, key, _dir: dir }
    }

    fn options(&self) -> SmtpOptions {
        let certificate = Some((self.certificate.clone(), self.key.clone()));
        SmtpOptions { smtputf8: true, certificate, login: Some(login()), ..SmtpOptions::default() }
    }
}

fn login() -> (String, String) {
    ("shop@example.org".to_owned(), "pass wörd".to_owned())
}

/// The settings that fit such a server.
fn settings(server: &SmtpSink, certificate: &Certificate, tls: SmtpTls) -> SmtpConfig {
    SmtpConfig {
        tls: Some(tls),
        username: Some(login().0),
        password: Some(login().1.into()),
        hello: Some("shop.example.org".into()),
        ca_file: Some(certificate.ca.clone()),
        ..SmtpConfig::plain("127.0.0.1", server.port())
    }
}

#[tokio::test]
async fn mails_go_with_starttls_or_tls_and_a_login() {
    let certificate = Certificate::new();
    for (tls, implicit_tls) in [(SmtpTls::Starttls, false), (SmtpTls::Implicit, true)] {
        let server = SmtpSink::with(SmtpOptions { implicit_tls, ..certificate.options() }).await.unwrap();
        let world = World::new(MailTransport::Smtp(settings(&server, &certificate, tls))).await;
        world.run();
        let order = order(42, "Ada@grün.example");
        world.placed(&order).await;
        world.wait(&order, 1, DeliveryStatus::Sent).await;
        let mails = server.mails().unwrap();
        assert_eq!(mails.len(), 1);
        for part in [
            "X-Protected: yes",
            "X-Hello: shop.example.org",
            "X-RcptTo: Ada@xn--grn-ioa.example\r\n",
            "X-MailOptions: \r\n",
            "To: \"Ada Lovelace\" <Ada@xn--grn-ioa.example>",
        ] {
            assert!(mails[0].contains(part), "{tls:?}: {part} in {}", mails[0]);
        }
        world.tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
    }
}

/// Nothing leaves unprotected or to whoever answers, and nothing is given up for what is wrong with the settings.
#[tokio::test]
async fn what_is_wrong_with_server_or_settings_keeps_mails_and_says_why() {
    let certificate = Certificate::new();
    let server = SmtpSink::with(certificate.options()).await.unwrap();
    let open = SmtpSink::start().await.unwrap();
    let fits = || settings(&server, &certificate, SmtpTls::Starttls);
    let anonymous = || SmtpConfig { username: None, password: None, ..fits() };
    for (config, why) in [
        (SmtpConfig { password: Some("wrong".to_owned().into()), ..fits() }, "logging in"),
        (SmtpConfig { ca_file: None, ..fits() }, "certificate"),
        (SmtpConfig { host: "localhost".into(), ..fits() }, "certificate"),
        (SmtpConfig { port: open.port(), ..fits() }, "does not offer STARTTLS"),
        (anonymous(), "530"),
        (SmtpConfig { tls: Some(SmtpTls::None), ca_file: None, ..anonymous() }, "530"),
    ] {
        let world = World::new(MailTransport::Smtp(config.clone())).await;
        world.run_consumers();
        let order = order(1, "ada@example.org");
        world.placed(&order).await;
        world.wait(&order, 1, DeliveryStatus::Queued).await;
        assert_eq!(world.service.send_due().await.unwrap(), 1);
        let found = world.client.unsent(&Cx::system("test"), ListUnsent { limit: 10 }).await.unwrap().items;
        let told = found[0].error.clone().unwrap_or_default();
        assert!(told.contains(why) && found[0].next_try_at.is_some(), "{config:?}: {told}");
        assert!(!told.contains("pass w"), "{told}");
    }
    assert!(server.mails().unwrap().is_empty() && open.mails().unwrap().is_empty());
}

#[tokio::test]
async fn letters_of_every_script_before_the_at_need_a_server_that_takes_them() {
    let (knows, does_not) = (SmtpOptions { smtputf8: true, ..SmtpOptions::default() }, SmtpOptions::default());
    let (knows, does_not) = (SmtpSink::with(knows).await.unwrap(), SmtpSink::with(does_not).await.unwrap());
    let at = |server: &SmtpSink| MailTransport::Smtp(SmtpConfig::plain("127.0.0.1", server.port()));
    let people = [
        ("用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"),
        ("संपर्क@डाटामेल.भारत", "संपर्क@xn--c2bd4bq1db8d.xn--h2brj9c"),
        ("علي@مثال.إختبار", "علي@xn--mgbh0fb.xn--kgbechtv"),
        ("jörg@example.org", "jörg@example.org"),
    ];
    let world = World::new(at(&knows)).await;
    world.run();
    for (n, (email, wire)) in people.into_iter().enumerate() {
        let order = order(n as u128, email);
        world.placed(&order).await;
        world.wait(&order, 1, DeliveryStatus::Sent).await;
        let mails = knows.mails().unwrap();
        let mail = mails.iter().find(|mail| mail.contains(&format!("X-RcptTo: {wire}\r\n"))).unwrap();
        assert!(mail.contains("X-MailOptions: SMTPUTF8 BODY=8BITMIME\r\n"), "{mail}");
        assert!(mail.contains(&format!("To: \"Ada Lovelace\" <{wire}>\r\n")), "{mail}");
    }
    world.tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();

    let world = World::new(at(&does_not)).await;
    world.run_consumers();
    let (parked, fine) = (order(1, people[0].0), order(2, "user@münchen.example"));
    for order in [&parked, &fine] {
        world.placed(order).await;
        world.wait(order, 1, DeliveryStatus::Queued).await;
    }
    assert_eq!(world.service.send_due().await.unwrap(), 2);
    assert_eq!(world.deliveries(&fine).await[0].status, DeliveryStatus::Sent, "a domain has a form in ASCII");
    assert!(does_not.mails().unwrap()[0].contains("X-RcptTo: user@xn--mnchen-3ya.example\r\n"));
    assert_eq!(world.deliveries(&parked).await[0].status, DeliveryStatus::Failed, "and is tried no more");
    let cx = Cx::system("test");
    let list = world.client.unsent(&cx, ListUnsent { limit: 10 }).await.unwrap().items;
    assert_eq!((list.len(), list[0].email.as_deref(), list[0].next_try_at), (1, Some(people[0].0), None));
    let why = list[0].error.as_deref().unwrap();
    assert!(why.contains("127.0.0.1 does not offer SMTPUTF8") && !why.contains("用户"), "{why}");

    // After another server was configured.
    for (message, queued) in [(Some("no such message".to_owned()), 0), (Some(list[0].message_id.clone()), 1), (None, 0)]
    {
        let retried = world.client.retry(&cx, RetryMails { message_id: message }).await.unwrap();
        assert_eq!(retried.queued, queued);
    }
    assert_eq!(world.deliveries(&parked).await[0].status, DeliveryStatus::Queued);
    let customer = Cx::new("test", Actor::Customer(parked.id.0));
    assert!(world.client.unsent(&customer, ListUnsent { limit: 1 }).await.is_err());
    assert!(world.client.retry(&customer, RetryMails::default()).await.is_err());
}

fn shop() -> ShopConfig {
    ShopConfig {
        name: "متجر".into(),
        public_url: "https://shop.example.org".into(),
        from: "laden@münchen.example".into(),
        reply_to: Some("frage@münchen.example".into()),
        time: ShopTime::in_zone("Asia/Tokyo").unwrap(),
    }
}

/// What `souk mail test` tells; an error is its last line.
async fn told(transport: &MailTransport, address: &str) -> (Vec<(String, String)>, Result<(), String>) {
    let mut steps = Vec::new();
    let now = "2026-11-20T23:30:00Z".parse().unwrap();
    let listener = &mut |step: &str, what: &str| steps.push((step.to_owned(), what.to_owned()));
    let done = send_test_message(shop(), transport, address, now, listener).await;
    (steps, done)
}

#[tokio::test]
async fn a_test_message_tells_each_step() {
    let certificate = Certificate::new();
    let server = SmtpSink::with(certificate.options()).await.unwrap();
    let fits = settings(&server, &certificate, SmtpTls::Starttls);
    let (steps, done) = told(&MailTransport::Smtp(fits.clone()), "用户@例子.广告").await;
    done.unwrap();
    let names: Vec<&str> = steps.iter().map(|(name, _)| name.as_str()).collect();
    let all = ["connect", "offers", "starttls", "offers", "login", "sender", "recipient", "mail"];
    assert_eq!(names, all, "{steps:?}");
    assert!(steps[3].1.contains("AUTH PLAIN") && steps[3].1.contains("SMTPUTF8"), "{steps:?}");
    assert!(steps[4].1.contains("235") && !format!("{steps:?}").contains("pass w"), "{steps:?}");
    assert_eq!(steps[6].1, "用户@xn--fsqu00a.xn--4rr70v: 250 OK");
    let mails = server.mails().unwrap();
    for part in [
        "X-MailFrom: laden@xn--mnchen-3ya.example\r\n",
        "Reply-To: =?utf-8?b?",
        "<frage@xn--mnchen-3ya.example>\r\n",
        "Date: Sat, 21 Nov 2026 08:30:00 +0900\r\n",
        "21 November 2026, 08:30 (UTC+09:00)",
    ] {
        assert!(mails[0].replace("=\r\n", "").contains(part), "{part} in {}", mails[0]);
    }

    let wrong = SmtpConfig { password: Some("wrong".to_owned().into()), ..fits.clone() };
    let (steps, done) = told(&MailTransport::Smtp(wrong), "ada@example.org").await;
    assert_eq!(steps.last().unwrap().0, "offers", "{steps:?}");
    assert!(done.unwrap_err().contains("logging in as \"shop@example.org\""));
    let (steps, done) = told(&MailTransport::Smtp(fits), "no address").await;
    assert!(steps.is_empty() && done.unwrap_err().contains("must be an e-mail address"));
    let closed = SmtpConfig::plain("127.0.0.1", souk_engines::free_port());
    assert!(told(&MailTransport::Smtp(closed), "ada@example.org").await.1.unwrap_err().contains("connecting to"));
    let nonsense = SmtpConfig { hello: Some("a b".into()), ..SmtpConfig::plain("127.0.0.1", 25) };
    assert!(told(&MailTransport::Smtp(nonsense), "ada@example.org").await.1.unwrap_err().contains("mail.smtp.hello"));
    let folder = tempfile::tempdir().unwrap();
    let (steps, done) = told(&MailTransport::Folder(folder.path().join("mail")), "ada@example.org").await;
    assert!(done.is_ok() && steps[0].1.contains("no mail server is configured"), "{steps:?}");
    assert_eq!(std::fs::read_dir(folder.path().join("mail")).unwrap().count(), 1);
}
