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
}

impl MailServer {
    async fn start(tasks: &Tasks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, received: Arc::default(), busy: Arc::default() };
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
        MailTransport::Smtp(SmtpConfig { host: self.address.ip().to_string(), port: self.address.port() })
    }

    async fn talk(&self, socket: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = socket.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 sink ESMTP\r\n").await?;
        let mut to = Vec::new();
        while let Some(line) = lines.next_line().await? {
            let upper = line.to_ascii_uppercase();
            let answer = if upper.starts_with("EHLO") {
                "250-sink\r\n250 8BITMIME\r\n".to_owned()
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
    let away = MailTransport::Smtp(SmtpConfig { host: closed.ip().to_string(), port: closed.port() });
    let world = World::new(away).await;
    world.run_consumers();
    let order = order(1, "ada@example.org");
    world.placed(&order).await;
    world.wait(&order, 1, DeliveryStatus::Queued).await;
    assert_eq!(world.service.send_due().await.unwrap(), 1);
    assert_eq!(world.deliveries(&order).await[0].status, DeliveryStatus::Queued);
    assert!(server.received.lock().unwrap().is_empty());
}
