//! Test SMTP server (RFC 5321): notes what it is told, and refuses what the test wants refused.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use souk_notification::{MailTransport, SmtpConfig};
use souk_notification_api::DeliveryStatus;
use souk_runtime::Tasks;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{World, order};

#[derive(Clone, Debug)]
struct Received {
    to: Vec<String>,
    data: String,
}

#[derive(Clone)]
struct MailServer {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    /// Temporary failures still to come.
    busy: Arc<Mutex<u32>>,
    /// Mails that it takes over one connection.
    patience: Arc<Mutex<usize>>,
    /// What was said to log in.
    logins: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    async fn start(tasks: &Tasks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self {
            address,
            received: Arc::default(),
            busy: Arc::default(),
            patience: Arc::new(Mutex::new(100)),
            logins: Arc::default(),
        };
        let (accepting, tasks_of) = (server.clone(), tasks.clone());
        tasks.spawn("mail server", async move {
            let token = tasks_of.token().clone();
            loop {
                let socket = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap().0,
                    () = token.cancelled() => return,
                };
                let server = accepting.clone();
                tasks_of.spawn("mail conversation", async move {
                    // A client may hang up whenever it likes.
                    let _ = server.talk(socket).await;
                });
            }
        });
        server
    }

    fn transport(&self) -> MailTransport {
        MailTransport::Smtp(self.config())
    }

    fn config(&self) -> SmtpConfig {
        SmtpConfig::plain(self.address.ip().to_string(), self.address.port())
    }

    async fn talk(&self, socket: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 sink ESMTP\r\n").await?;
        let (mut to, mut taken) = (Vec::new(), 0);
        while let Some(line) = lines.next_line().await? {
            let upper = line.to_ascii_uppercase();
            let answer = if upper.starts_with("EHLO") {
                "250-sink\r\n250-AUTH LOGIN\r\n250 8BITMIME\r\n".to_owned()
            } else if upper == "AUTH LOGIN" {
                for question in ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"] {
                    write.write_all(format!("334 {question}\r\n").as_bytes()).await?;
                    let answer = lines.next_line().await?.unwrap_or_default();
                    self.logins.lock().unwrap().push(answer);
                }
                "235 welcome\r\n".to_owned()
            } else if upper.starts_with("MAIL FROM:") && taken >= *self.patience.lock().unwrap() {
                write.write_all(b"421 enough for one connection\r\n").await?;
                return Ok(());
            } else if upper.starts_with("MAIL FROM:") {
                to.clear();
                let mut busy = self.busy.lock().unwrap();
                let is_busy = *busy > 0;
                *busy = busy.saturating_sub(1);
                if is_busy { "451 busy\r\n".to_owned() } else { "250 ok\r\n".to_owned() }
            } else if upper.starts_with("RCPT TO:") {
                to.push(line[8..].trim().to_owned());
                if line.contains("nobody@") { "550 no such mailbox\r\n".to_owned() } else { "250 ok\r\n".to_owned() }
            } else if upper == "DATA" {
                write.write_all(b"354 go on\r\n").await?;
                let mut data = String::new();
                while let Some(line) = lines.next_line().await? {
                    if line == "." {
                        break;
                    }
                    data.push_str(&line);
                    data.push('\n');
                }
                self.received.lock().unwrap().push(Received { to: std::mem::take(&mut to), data });
                taken += 1;
                "250 queued\r\n".to_owned()
            } else if upper == "QUIT" {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            } else {
                "250 ok\r\n".to_owned()
            };
            write.write_all(answer.as_bytes()).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn a_mail_reaches_the_server_whole_and_addressed() {
    let tasks = Tasks::new();
    let server = MailServer::start(&tasks).await;
    let world = World::new(server.transport()).await;
    world.run();
    let order = order(42, "ada@example.org");
    world.placed(&order).await;
    let sent = world.wait(&order, 1, DeliveryStatus::Sent).await;
    let received = server.received.lock().unwrap().clone();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].to, ["<ada@example.org>"]);
    assert!(received[0].data.contains(&format!("Message-ID: <{}>", sent[0].message_id)));
    assert!(received[0].data.contains("Cup & saucer") && received[0].data.contains("Cup &#38; saucer"));
    world.tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_busy_server_is_tried_again_and_an_unknown_mailbox_is_not() {
    let tasks = Tasks::new();
    let server = MailServer::start(&tasks).await;
    let world = World::new(server.transport()).await;
    world.run_consumers();
    let (ada, nobody) = (order(1, "ada@example.org"), order(2, "nobody@example.org"));
    *server.busy.lock().unwrap() = 1;
    world.placed(&ada).await;
    world.wait(&ada, 1, DeliveryStatus::Queued).await;
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    assert_eq!(world.deliveries(&ada).await[0].status, DeliveryStatus::Queued);
    assert_eq!(
        world.count("select count(*) from delivery where last_error like '%busy%' and next_at > now()").await,
        1
    );

    world.placed(&nobody).await;
    world.wait(&nobody, 1, DeliveryStatus::Queued).await;
    world.db.write_one("update delivery set next_at = now()", &[]).await.unwrap();
    assert_eq!(world.service.send_due().await.unwrap(), 2);
    assert_eq!(world.deliveries(&ada).await[0].status, DeliveryStatus::Sent);
    assert_eq!(world.deliveries(&nobody).await[0].status, DeliveryStatus::Failed);
    assert_eq!(server.received.lock().unwrap().len(), 1);
    // The last try of a mail whose server never recovers.
    *server.busy.lock().unwrap() = 1;
    let last = "update delivery set status = 'queued', attempts = 19, next_at = now(), content = '\"cancelled\"'
        where order_id = $1";
    world.db.write_one(last, &[&ada.id.0]).await.unwrap();
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    assert_eq!(world.deliveries(&ada).await[0].status, DeliveryStatus::Failed, "given up");
}

#[tokio::test]
async fn a_server_that_is_away_loses_nothing() {
    let tasks = Tasks::new();
    let server = MailServer::start(&tasks).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = MailTransport::Smtp(SmtpConfig::plain(closed.ip().to_string(), closed.port()));
    let world = World::new(away).await;
    world.run_consumers();
    let order = order(1, "ada@example.org");
    world.placed(&order).await;
    world.wait(&order, 1, DeliveryStatus::Queued).await;
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    assert_eq!(world.deliveries(&order).await[0].status, DeliveryStatus::Queued);
    assert!(server.received.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_server_that_knows_only_login_gets_name_and_password() {
    let tasks = Tasks::new();
    let server = MailServer::start(&tasks).await;
    let (username, password) = (Some("shop".to_owned()), Some("s3cret".to_owned().into()));
    let world = World::new(MailTransport::Smtp(SmtpConfig { username, password, ..server.config() })).await;
    world.run();
    let order = order(42, "ada@example.org");
    world.placed(&order).await;
    world.wait(&order, 1, DeliveryStatus::Sent).await;
    assert_eq!(*server.logins.lock().unwrap(), ["c2hvcA==", "czNjcmV0"], "base64 of shop and s3cret");
    world.tasks.drain(std::time::Duration::from_secs(10)).await.unwrap();
}

#[tokio::test]
async fn a_server_that_takes_two_mails_over_a_connection_gets_all_of_them_once() {
    let tasks = Tasks::new();
    let server = MailServer::start(&tasks).await;
    *server.patience.lock().unwrap() = 2;
    let world = World::new(server.transport()).await;
    world.run_consumers();
    let orders: Vec<_> = (1..=32).map(|number| order(number, "ada@example.org")).collect();
    for order in &orders {
        world.placed(order).await;
    }
    world.wait(orders.last().unwrap(), 1, DeliveryStatus::Queued).await;
    assert_eq!(world.service.send_due().await.unwrap(), 32);
    assert_eq!(world.count("select count(*) from delivery where status = 'sent' and attempts = 1").await, 32);
    assert_eq!(server.received.lock().unwrap().len(), 32);
}

/// It accepts, and says nothing: each mail is tried again later, and none waits for ever.
#[tokio::test]
async fn a_server_that_hangs_holds_nothing_up_for_longer_than_its_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let silent = SmtpConfig { timeout_seconds: 1, ..SmtpConfig::plain("127.0.0.1", port) };
    let world = World::new(MailTransport::Smtp(silent)).await;
    world.run_consumers();
    let orders: Vec<_> = (1..=20).map(|number| order(number, "ada@example.org")).collect();
    for order in &orders {
        world.placed(order).await;
    }
    world.wait(orders.last().unwrap(), 1, DeliveryStatus::Queued).await;
    let started = std::time::Instant::now();
    assert_eq!(world.service.send_due().await.unwrap(), 20);
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
    let waits = "select count(*) from delivery where status = 'queued' and last_error like '%no answer within 1 s%'";
    assert_eq!(world.count(waits).await, 20);
}
