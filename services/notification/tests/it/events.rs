//! Event consumers: facts become mails, once each.

use std::sync::Arc;

use souk_db::assert_all_prepare;
use souk_identity_api::{EmailChangeRequested, EmailChanged, LinkRequested, LoginAttempts};
use souk_kernel::Kind;
use souk_notification_api::{ByOrder, DeliveryStatus, NotificationApi, NotificationClient, serve_notification};
use souk_order_api::OrderStatus;
use souk_rpc::{Actor, Channel, Cx};
use uuid::Uuid;

use crate::support::{World, folder, mails, order};

#[tokio::test]
async fn all_statements_prepare() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(folder(directory.path())).await;
    assert_all_prepare(&world.db, souk_notification::STATEMENTS).await;
}

#[tokio::test]
async fn an_orders_life_makes_one_mail_for_each_thing_a_buyer_wants_to_know() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(folder(directory.path())).await;
    world.run();
    let order = order(42, "ada@example.org");
    world.placed(&order).await;
    world.wait(&order, 1, DeliveryStatus::Sent).await;
    world.shipped(&order, 7, "JD014600").await;
    world.changed(&order, OrderStatus::Shipped, OrderStatus::Confirmed).await;
    let sent = world.wait(&order, 2, DeliveryStatus::Sent).await;
    let templates: Vec<&str> = sent.iter().map(|delivery| delivery.template.as_str()).collect();
    assert_eq!(templates, ["order_confirmation", "order_shipped"]);

    let found = mails(directory.path());
    assert_eq!(found.len(), 2, "a changed status alone makes no mail");
    let confirmation = &found.iter().find(|(path, _)| path.to_string_lossy().contains("confirmation")).unwrap().1;
    // Long lines are folded by the encoding.
    let confirmation = confirmation.replace("=\r\n", "").replace("=3D", "=");
    for part in [
        format!("Message-ID: <{}>\r\n", sent[0].message_id),
        "Subject: Souk: your order S-42\r\n".to_owned(),
        "To: \"Ada Lovelace\" <ada@example.org>\r\n".to_owned(),
        "Total: 24.88 EUR".to_owned(),
        "https://shop.example.org/orders/00000000-0000-0000-0000-00000000002a?token=order-token".to_owned(),
    ] {
        assert!(confirmation.contains(&part), "{part} in {confirmation}");
    }
    let shipped = &found.iter().find(|(path, _)| path.to_string_lossy().contains("shipped")).unwrap().1;
    assert!(shipped.contains("Tracking number: JD014600"), "{shipped}");
    assert_eq!(world.count("select count(*) from delivery where content is not null").await, 0, "sent is forgotten");

    let cancelled = super::support::order(43, "eve@example.org");
    world.placed(&cancelled).await;
    world.changed(&cancelled, OrderStatus::Cancelled, OrderStatus::Confirmed).await;
    let sent = world.wait(&cancelled, 2, DeliveryStatus::Sent).await;
    assert_eq!(sent.iter().filter(|delivery| delivery.template == "order_cancelled").count(), 1);
}

#[tokio::test]
async fn events_that_come_again_make_no_second_mail() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::new(folder(directory.path())).await;
    world.run();
    let order = order(42, "ada@example.org");
    world.placed(&order).await;
    world.shipped(&order, 7, "JD1").await;
    world.wait(&order, 2, DeliveryStatus::Sent).await;
    for (path, _) in mails(directory.path()) {
        std::fs::remove_file(path).unwrap();
    }
    // First everything is read again; then the inbox has forgotten it as well.
    for forget in ["select 1", "delete from inbox"] {
        world.tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
        world.db.write_one(forget, &[]).await.unwrap();
        world.db.write_one("update consumer_cursor set xid = '0', seq = 0", &[]).await.unwrap();
        world.restart().await;
        world.drained().await;
        assert_eq!(world.wait(&order, 2, DeliveryStatus::Sent).await.len(), 2);
        assert_eq!(world.service.send_due().await.unwrap(), 0);
        assert!(mails(directory.path()).is_empty(), "nothing was sent again");
    }
}

#[tokio::test]
async fn a_parcel_before_its_order_waits_for_the_order() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(folder(directory.path())).await;
    world.run_consumers();
    let order = order(42, "ada@example.org");
    world.shipped(&order, 7, "JD1").await;
    world.wait(&order, 1, DeliveryStatus::Queued).await;
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    assert_eq!(world.deliveries(&order).await[0].status, DeliveryStatus::Queued, "to nobody yet");
    world.placed(&order).await;
    world.wait(&order, 2, DeliveryStatus::Queued).await;
    world.db.write_one("update delivery set next_at = now()", &[]).await.unwrap();
    assert_eq!(world.service.send_due().await.unwrap(), 2);
    assert_eq!(mails(directory.path()).len(), 2);
}

#[tokio::test]
async fn a_sender_that_dies_between_sending_and_marking_repeats_the_same_message() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(folder(directory.path())).await;
    world.run_consumers();
    let order = order(42, "ada@example.org");
    world.placed(&order).await;
    world.wait(&order, 1, DeliveryStatus::Queued).await;
    let content = "select content::text from delivery";
    let content: String =
        souk_db::RowExt::get_col(&world.db.primary().query_one(content, &[]).await.unwrap(), 0).unwrap();
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    let first = mails(directory.path());
    // As if the mark had never been written.
    let unmark = "update delivery set status = 'queued', attempts = 0, next_at = now(), content = $1::text::json";
    world.db.write_one(unmark, &[&content]).await.unwrap();
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    let second = mails(directory.path());
    let names = |mails: &[(std::path::PathBuf, String)]| mails.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!((second.len(), names(&second)), (1, names(&first)), "the same file");
    let header = |mails: &[(std::path::PathBuf, String)], name: &str| -> String {
        mails[0].1.lines().find(|line| line.starts_with(name)).unwrap().to_owned()
    };
    for name in ["Message-ID:", "Date:"] {
        assert_eq!(header(&first, name), header(&second, name));
    }
}

#[tokio::test]
async fn a_bad_address_or_an_unwritable_folder_stops_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(folder(directory.path())).await;
    world.run_consumers();
    let (bad, good) = (order(1, "a@b\r\nBcc: victim@example.org"), order(2, "ada@example.org"));
    world.placed(&bad).await;
    world.placed(&good).await;
    world.wait(&bad, 1, DeliveryStatus::Queued).await;
    world.wait(&good, 1, DeliveryStatus::Queued).await;
    // A file stands where the folder should be.
    std::fs::write(directory.path().join("mail"), "").unwrap();
    assert_eq!(world.service.send_due().await.unwrap(), 2);
    assert_eq!(world.deliveries(&bad).await[0].status, DeliveryStatus::Failed);
    assert_eq!(world.deliveries(&good).await[0].status, DeliveryStatus::Queued);
    assert_eq!(world.service.send_due().await.unwrap(), 0, "not at once again");
    std::fs::remove_file(directory.path().join("mail")).unwrap();
    world.db.write_one("update delivery set next_at = now()", &[]).await.unwrap();
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    assert_eq!(world.deliveries(&good).await[0].status, DeliveryStatus::Sent);
    assert_eq!(mails(directory.path()).len(), 1);
}

#[tokio::test]
async fn two_workers_send_each_mail_once_and_a_hundred_share_commits() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(folder(directory.path())).await;
    world.run_consumers();
    let orders: Vec<_> = (1..=100).map(|number| order(number, "ada@example.org")).collect();
    for order in &orders {
        world.placed(order).await;
    }
    world.wait(orders.last().unwrap(), 1, DeliveryStatus::Queued).await;
    let before = world.db.counters();
    for _ in 0..2 {
        souk_notification::run_sender(&world.tasks, &world.service);
    }
    for order in &orders {
        world.wait(order, 1, DeliveryStatus::Sent).await;
    }
    assert_eq!(world.count("select count(*) from delivery where attempts <> 1").await, 0);
    assert_eq!(mails(directory.path()).len(), 100);
    let commits = (world.db.counters() - before).commits;
    assert!(commits < 20, "{commits} commits for 100 mails");
}

#[tokio::test]
async fn only_staff_sees_what_was_sent_and_loopback_says_what_local_says() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::new(folder(directory.path())).await;
    world.run();
    let order = order(42, "ada@example.org");
    world.placed(&order).await;
    let local = world.wait(&order, 1, DeliveryStatus::Sent).await;
    let contract = serve_notification(world.service.clone() as Arc<dyn NotificationApi>);
    let remote = NotificationClient::Remote(Channel::loopback(contract));
    let request = ByOrder { order_id: order.id.0 };
    assert_eq!(remote.by_order(&Cx::system("test"), request).await.unwrap().items, local);
    for (actor, kind) in [(Actor::Anonymous, Kind::Unauthenticated), (Actor::Customer(order.id.0), Kind::Forbidden)] {
        assert_eq!(remote.by_order(&Cx::new("test", actor), request).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn what_happens_to_an_account_is_told_once_each_and_the_links_are_forgotten() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::new(folder(directory.path())).await;
    world.run();
    let link = |n: u128, has_account| LinkRequested {
        id: Uuid::from_u128(n),
        email: "ada@example.org".to_owned().into(),
        token: format!("token-{n}").into(),
        has_account,
        expires_at: None,
    };
    world.of_account(&link(1, false)).await;
    world.of_account(&link(2, true)).await;
    let email = "ada@example.org".to_owned().into();
    let at = jiff::Timestamp::UNIX_EPOCH;
    world.of_account(&LoginAttempts { customer_id: Uuid::from_u128(3).into(), email, at }).await;
    let change = |n: u128, taken| EmailChangeRequested {
        id: Uuid::from_u128(n),
        email: "new@example.org".to_owned().into(),
        token: format!("token-{n}").into(),
        taken,
        expires_at: at,
    };
    world.of_account(&change(4, false)).await;
    world.of_account(&change(5, true)).await;
    let (old_email, email) = ("ada@example.org".to_owned().into(), "new@example.org".to_owned().into());
    world.of_account(&EmailChanged { customer_id: Uuid::from_u128(3).into(), old_email, email, at }).await;
    let sent = "select count(*) from delivery where status = 'sent' and content is null";
    for _ in 0..2 {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        while world.count(sent).await < 6 {
            assert!(tokio::time::Instant::now() < deadline, "six mails are sent");
            tokio::task::yield_now().await;
        }
        let found = mails(directory.path());
        assert_eq!(found.len(), 6);
        for (template, to, part) in [
            ("account_confirm", "ada", "https://shop.example.org/account/confirm?token=token-1"),
            ("account_known", "ada", "https://shop.example.org/account/confirm?token=token-2"),
            ("account_attempts", "ada", "https://shop.example.org/account/recover"),
            ("account_new_email", "new", "https://shop.example.org/account/email?token=token-4"),
            ("account_email_taken", "new", "https://shop.example.org/account"),
            ("account_email_changed", "ada", "1 January 1970, 00:00 (UTC)"),
        ] {
            let mail = found.iter().find(|(path, _)| path.to_string_lossy().contains(template)).unwrap();
            let text = mail.1.replace("=\r\n", "").replace("=3D", "=");
            assert!(text.contains(part) && text.contains(&format!("To: {to}@example.org\r\n")), "{text}");
        }
        // Once more, as far as the consumer knows.
        world.tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
        world.db.write_one("delete from inbox", &[]).await.unwrap();
        world.db.write_one("update consumer_cursor set xid = '0', seq = 0", &[]).await.unwrap();
        world.restart().await;
        world.drained().await;
    }
    assert_eq!(world.count("select count(*) from delivery").await, 6);
}
