//! Webhooks: signed, repeated until accepted, kept over a restart.

use std::time::Duration;

use serde_json::{Value, json};
use souk_kernel::Secret;
use souk_psp_sandbox::{WebhookConfig, WebhookEvents, sign};

use crate::support::{Sandbox, Sink, config};

fn to(sink: &Sink, events: WebhookEvents) -> WebhookConfig {
    let mut webhook = WebhookConfig::new(sink.url.clone(), Secret::new("whsec".to_owned()));
    webhook.events = events;
    webhook.first_pause = Duration::from_millis(10);
    webhook
}

#[tokio::test]
async fn every_change_is_told_under_a_signature_although_the_shop_refuses_at_first() {
    let directory = tempfile::tempdir().unwrap();
    let sink = Sink::start(3).await;
    let mut config = config(directory.path());
    config.webhook = Some(to(&sink, WebhookEvents::All));
    let sandbox = Sandbox::start(config).await;
    let m = &sandbox.merchant;
    m.authorise("k", 100, "tok_ok").await;
    m.post("/v1/captures", "k/c", json!({"authorisation_key": "k"})).await;
    m.post("/v1/refunds", "k/r", json!({"authorisation_key": "k", "amount": 1})).await;

    let mut types = Vec::new();
    for (signature, body) in sink.wait(3).await {
        let seconds = signature.strip_prefix("t=").unwrap().split_once(',').unwrap().0.parse().unwrap();
        assert_eq!(signature, sign(b"whsec", seconds, &body));
        assert_ne!(signature, sign(b"other", seconds, &body));
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(event["authorisation"]["key"], "k");
        types.push((event["authorisation"]["version"].as_i64().unwrap(), event["type"].as_str().unwrap().to_owned()));
    }
    types.sort();
    let types: Vec<_> = types.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(types, ["authorisation.authorised", "authorisation.captured", "authorisation.refunded"]);
    sandbox.stop().await.unwrap();
}

#[tokio::test]
async fn what_nobody_was_told_is_told_after_a_restart_and_only_that() {
    let directory = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut first = config(directory.path());
    let mut webhook = WebhookConfig::new(format!("http://{nobody}/"), Secret::new("whsec".to_owned()));
    webhook.events = WebhookEvents::Unanswered;
    first.webhook = Some(webhook);
    let sandbox = Sandbox::start(first.clone()).await;
    sandbox.merchant.authorise("answered", 100, "tok_ok").await;
    let silence = sandbox.merchant.authorise("lost", 70, "tok_timeout_after_charge");
    assert!(tokio::time::timeout(Duration::from_millis(300), silence).await.is_err());
    sandbox.stop().await.unwrap();

    let sink = Sink::start(0).await;
    first.webhook = Some(to(&sink, WebhookEvents::Unanswered));
    let sandbox = Sandbox::start(first.clone()).await;
    let event: Value = serde_json::from_slice(&sink.wait(1).await[0].1).unwrap();
    assert_eq!(event["authorisation"]["key"], "lost");
    assert_eq!(event["type"], "authorisation.authorised");

    let (_, waiting) = sandbox.merchant.authorise("ask", 1, "tok_requires_action").await;
    let url = waiting["authorisation"]["action_url"].as_str().unwrap();
    let form = http::Request::post(url).header("content-type", "application/x-www-form-urlencoded");
    sandbox.merchant.raw(form, "decision=deny").await.unwrap();
    let got = sink.wait(2).await;
    let event: Value = serde_json::from_slice(&got[1].1).unwrap();
    assert_eq!((&event["type"], &event["authorisation"]["key"]), (&json!("authorisation.declined"), &json!("ask")));
    assert_eq!(got.len(), 2, "what was answered is not told");
    sandbox.stop().await.unwrap();

    let journal = std::fs::read_to_string(directory.path().join("journal.ndjson")).unwrap();
    assert!(journal.lines().any(|line| line.contains("told")), "an accepted event is noted");
}
