//! Database logins: a given database where each service logs in as itself, with a password of its own.

use std::process::Command;

use souk_postgres::{Managed, ManagedOptions};
use souk_testkit::free_port;

use crate::place::{Place, Running, complaint, said, souk};

/// With the settings of a shop whose services have passwords.
fn with_passwords(mut command: Command, shipping: &str) -> Command {
    command.env("SOUK_DATABASE__LOGIN", "per-service").env("SOUK_DATABASE__PASSWORDS__SHIPPING", shipping);
    command.env("SOUK_DATABASE__PASSWORDS__MONITOR", "watch-me").env("SOUK_DATABASE__CONNECTIONS", "30");
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_service_is_itself_and_sees_nothing_of_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let options = ManagedOptions { tcp_port: Some(port), ..ManagedOptions::default() };
    let server = Managed::start(dir.path(), options).await.unwrap();
    let admin = server.tcp_url().unwrap().to_owned();
    let place = Place::new();

    // Nothing is migrated by those who may not.
    let serve = |password: &str| {
        let mut command = place.command(&["serve", "--role", "shipping"]);
        command.env("SOUK_DATABASE_URL", format!("postgresql://127.0.0.1:{port}/souk"));
        command.env("SOUK_INTERNAL__PORTS__SHIPPING", free_port().to_string());
        with_passwords(command, password)
    };
    let mut migrate = with_passwords(place.command(&["migrate"]), "s3cret of shipping");
    assert!(said(migrate.env("SOUK_DATABASE_URL", &admin)).contains("up to date"));
    let told = complaint(&mut serve("wrong"));
    assert!(told.contains("souk_shipping") && told.contains("password") && !told.contains("s3cret"), "{told}");

    // Thirty connections for each of ten processes are more than it takes.
    let check = |processes: &str| {
        let mut command = souk();
        command.args(["config", "check", "--config"]).arg(place.config());
        let mut command = with_passwords(command, "s3cret of shipping");
        command.env("SOUK_DATABASE__URL", format!("postgresql://127.0.0.1:{port}/souk"));
        let output = command.env("SOUK_DATABASE__PROCESSES", processes).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(check("3"), "");
    let told = check("10");
    assert!(told.contains("300") && told.contains("takes 197"), "{told}");

    let running = Running::start(serve("s3cret of shipping"), place.log("shipping"), "ready").await;
    let (client, connection) = tokio_postgres::connect(&admin, tokio_postgres::NoTls).await.unwrap();
    let admin_at_work = async {
        let sql = "select distinct usename::text from pg_stat_activity where application_name = 'shipping'";
        let users: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        assert_eq!(users, ["souk_shipping"]);
        client.batch_execute("select * from payment.payment").await.unwrap();
    };
    tokio::select! {
        () = admin_at_work => {}
        ended = connection => panic!("{ended:?}"),
    }

    // What the service's login may: its own schema, and no other.
    let own = format!("postgresql://souk_shipping:s3cret%20of%20shipping@127.0.0.1:{port}/souk");
    let (client, connection) = tokio_postgres::connect(&own, tokio_postgres::NoTls).await.unwrap();
    let service_at_work = async {
        client.batch_execute("select * from shipping.shipment").await.unwrap();
        for theirs in ["payment.payment", "identity.customer", "\"order\".orders", "payment.outbox"] {
            let refused = client.batch_execute(&format!("select * from {theirs}")).await.unwrap_err();
            assert_eq!(refused.code().map(|code| code.code()), Some("42501"), "{theirs}: {refused}");
        }
    };
    tokio::select! {
        () = service_at_work => {}
        ended = connection => panic!("{ended:?}"),
    }
    running.stop().await;
    server.stop().await.unwrap();
}
