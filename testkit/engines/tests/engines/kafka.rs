//! Kafka, asked in its own protocol; that it carries events is tested where they are (souk-bus).

use std::io;

use souk_engines::Kafka;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::HUNG;

/// The protocol's int16-prefixed text.
fn text(into: &mut Vec<u8>, text: &str) {
    into.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    into.extend(text.as_bytes());
}

/// Sends a request without client id, returns the reply after its correlation id.
async fn ask(address: &str, key: u8, version: u8, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    let mut request = vec![0, key, 0, version, 0, 0, 0, 1, 0xff, 0xff];
    request.extend(body);
    stream.write_u32(u32::try_from(request.len()).unwrap()).await?;
    stream.write_all(&request).await?;
    let mut reply = vec![0; stream.read_u32().await? as usize];
    stream.read_exact(&mut reply).await?;
    Ok(reply.split_off(4))
}

/// `CreateTopics` version 2: one topic of one partition, 10 s. Error code of the only topic.
async fn create(address: &str, topic: &str) -> io::Result<i16> {
    let mut body = vec![0, 0, 0, 1];
    text(&mut body, topic);
    body.extend([0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    body.extend(10_000u32.to_be_bytes());
    body.push(0);
    let reply = ask(address, 19, 2, &body).await?;
    // Throttle time, number of topics, name, code, message.
    let code = 4 + 4 + 2 + topic.len();
    Ok(i16::from_be_bytes([reply[code], reply[code + 1]]))
}

/// `Metadata` version 4 of all topics: the reply contains their names and the cluster's id.
async fn knows(address: &str, topic: &str) -> io::Result<bool> {
    let reply = ask(address, 3, 4, &[0xff, 0xff, 0xff, 0xff, 0]).await?;
    Ok(reply.windows(topic.len()).any(|window| window == topic.as_bytes()))
}

/// The protocol's code for a topic that exists.
const EXISTS: i16 = 36;

#[tokio::test]
async fn it_keeps_topics_hangs_dies_comes_back_and_can_be_wiped() {
    let kafka = Kafka::start().await.unwrap();
    let address = kafka.address();
    assert!(!knows(&address, "souk.order").await.unwrap());
    assert_eq!(create(&address, "souk.order").await.unwrap(), 0);
    assert_eq!(create(&address, "souk.order").await.unwrap(), EXISTS);

    kafka.pause().unwrap();
    assert!(tokio::time::timeout(HUNG, knows(&address, "souk.order")).await.is_err(), "hung, not gone");
    kafka.resume().unwrap();
    assert!(knows(&address, "souk.order").await.unwrap());

    kafka.kill();
    assert!(knows(&address, "souk.order").await.is_err());
    kafka.restart().await.unwrap();
    assert_eq!(create(&address, "souk.order").await.unwrap(), EXISTS);

    kafka.wipe().await.unwrap();
    assert!(!knows(&address, "souk.order").await.unwrap(), "it has forgotten everything");
    assert_eq!(create(&address, "souk.order").await.unwrap(), 0);
}
