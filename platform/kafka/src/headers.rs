//! Encoding of an envelope as a Kafka message: CloudEvents 1.0 in binary mode (its Kafka protocol binding, section 3.2).
//! Attributes are headers, the fact is the value, the aggregate is the key.

use std::str::FromStr;

use rdkafka::Message;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use serde_json::value::RawValue;
use souk_bus::Envelope;

const TYPE: &str = "ce_type";
const ID: &str = "ce_id";
const SOURCE: &str = "ce_source";
const SUBJECT: &str = "ce_subject";
const TIME: &str = "ce_time";
const TRACEPARENT: &str = "ce_traceparent";
const TRACESTATE: &str = "ce_tracestate";
/// Our extension: the aggregate's version after the event.
const VERSION: &str = "ce_aggregateversion";

/// The attributes of `event`.
pub(super) fn encode(event: &Envelope) -> OwnedHeaders {
    let texts = [
        ("ce_specversion", "1.0".to_owned()),
        ("content-type", "application/json".to_owned()),
        (ID, event.id.to_string()),
        (SOURCE, event.source.clone()),
        (TYPE, event.event_type.clone()),
        (SUBJECT, event.aggregate.to_string()),
        (TIME, event.time.to_string()),
        (VERSION, event.version.to_string()),
    ];
    let optional = [(TRACEPARENT, &event.traceparent), (TRACESTATE, &event.tracestate)];
    let optional = optional.iter().filter_map(|(key, value)| Some((*key, value.as_deref()?)));
    let mut headers = OwnedHeaders::new_with_capacity(texts.len() + 2);
    for (key, value) in texts.iter().map(|(key, value)| (*key, value.as_str())).chain(optional) {
        headers = headers.insert(Header { key, value: Some(value) });
    }
    headers
}

/// Type of the event in `message`, without reading the rest.
pub(super) fn event_type<M: Message>(message: &M) -> Option<&str> {
    text(message.headers()?, TYPE)
}

/// The envelope in `message`; else what is wrong with it.
pub(super) fn decode<M: Message>(message: &M) -> Result<Envelope, String> {
    let headers = message.headers().ok_or("it has no headers")?;
    let data = message.payload().and_then(|data| std::str::from_utf8(data).ok()).ok_or("its value is no text")?;
    Ok(Envelope {
        id: parse(headers, ID)?,
        source: parse(headers, SOURCE)?,
        event_type: parse(headers, TYPE)?,
        aggregate: parse(headers, SUBJECT)?,
        version: parse(headers, VERSION)?,
        time: parse(headers, TIME)?,
        traceparent: text(headers, TRACEPARENT).map(str::to_owned),
        tracestate: text(headers, TRACESTATE).map(str::to_owned),
        data: RawValue::from_string(data.to_owned()).map_err(|error| format!("its value is no JSON: {error}"))?,
    })
}

fn parse<T: FromStr>(headers: &impl Headers, key: &str) -> Result<T, String> {
    text(headers, key).and_then(|value| value.parse().ok()).ok_or_else(|| format!("{key} is missing or unreadable"))
}

fn text<'a>(headers: &'a impl Headers, key: &str) -> Option<&'a str> {
    let value = headers.iter().find(|header| header.key == key)?.value?;
    std::str::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use rdkafka::Timestamp;
    use rdkafka::message::OwnedMessage;
    use uuid::Uuid;

    use super::*;

    fn message(event: &Envelope, headers: OwnedHeaders) -> OwnedMessage {
        let value = event.data.get().as_bytes().to_vec();
        OwnedMessage::new(Some(value), None, "souk.shop".into(), Timestamp::NotAvailable, 0, 0, Some(headers))
    }

    fn event(traceparent: Option<&str>) -> Envelope {
        Envelope {
            id: Uuid::from_u128(1),
            source: "shop".into(),
            event_type: "shop.happened.v1".into(),
            aggregate: Uuid::from_u128(2),
            version: 3,
            time: "2026-11-25T10:20:30.123456Z".parse().unwrap(),
            traceparent: traceparent.map(str::to_owned),
            tracestate: traceparent.map(|_| "vendor=1".to_owned()),
            data: RawValue::from_string(r#"{"a": [1, "ü"]}"#.into()).unwrap(),
        }
    }

    #[test]
    fn what_goes_in_comes_out() {
        for traceparent in [None, Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")] {
            let sent = event(traceparent);
            let read = decode(&message(&sent, encode(&sent))).unwrap();
            assert_eq!(format!("{sent:?}"), format!("{read:?}"));
        }
    }

    #[test]
    fn what_is_no_event_says_what_is_missing() {
        let sent = event(None);
        let mut headers = OwnedHeaders::new();
        for header in encode(&sent).iter().filter(|header| header.key != SUBJECT) {
            headers = headers.insert(header);
        }
        assert_eq!(decode(&message(&sent, headers)).unwrap_err(), "ce_subject is missing or unreadable");
    }
}
