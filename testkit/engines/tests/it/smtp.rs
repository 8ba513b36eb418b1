//! The mail server.

use souk_engines::SmtpSink;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Hands a mail over as RFC 5321 has it; each step must be answered as it should.
async fn send(port: u16, to: &str, subject: &str) {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap());
    let text = format!("Subject: {subject}\r\n\r\nHello\r\n.");
    let talk = [
        ("", "220"),
        ("HELO souk", "250"),
        ("MAIL FROM:<shop@example.org>", "250"),
        (&format!("RCPT TO:<{to}>"), "250"),
        ("DATA", "354"),
        (&text, "250"),
        ("QUIT", "221"),
    ];
    for (say, expected) in talk {
        if !say.is_empty() {
            stream.write_all(format!("{say}\r\n").as_bytes()).await.unwrap();
        }
        let mut answer = String::new();
        stream.read_line(&mut answer).await.unwrap();
        assert!(answer.starts_with(expected), "{say}: {answer}");
    }
}

#[tokio::test]
async fn it_keeps_mails_over_a_restart() {
    let sink = SmtpSink::start().await.unwrap();
    assert_eq!(sink.mails().unwrap().len(), 0);
    send(sink.port(), "ada@example.org", "One").await;
    sink.pause().unwrap();
    sink.resume().unwrap();
    sink.kill();
    assert!(TcpStream::connect(("127.0.0.1", sink.port())).await.is_err());
    sink.restart().await.unwrap();
    send(sink.port(), "bob@example.org", "Two").await;
    let mails = sink.mails().unwrap();
    assert_eq!(mails.len(), 2);
    let first = mails.iter().find(|mail| mail.contains("Subject: One")).unwrap();
    assert!(first.contains("X-RcptTo: ada@example.org") && first.contains("Hello"), "{first}");
}
