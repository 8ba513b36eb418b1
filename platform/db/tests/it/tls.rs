//! TLS to the server: everything goes over it, and nothing to a server that is not who it should be.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    time::Duration,
};

use souk_db::{Db, DbConfig, DbError, RowExt, Servers, ServersConfig};
use souk_eventually::eventually;
use souk_postgres::{Managed, ManagedOptions};
use souk_tls::{Authority, Validity};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

/// A server whose certificate is for `localhost`.
struct Secure {
    managed: Managed,
    /// Holds `ca.pem`, and `other.pem` of another authority.
    dir: tempfile::TempDir,
    port: u16,
}

impl Secure {
    async fn start() -> Secure {
        // As one in /srv or /var/lib would be: the server's user may enter.
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let data = dir.path().join("data");
        let options = ManagedOptions {
            shared_buffers_mb: 16,
            max_connections: 30,
            tcp_port: Some(port),
            throw_away: true,
            ..ManagedOptions::default()
        };
        let managed = Managed::start(&data, options).await.unwrap();
        let authority = Authority::new(Validity::around_now(1)).unwrap();
        fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(dir.path().join("other.pem"), Authority::new(Validity::around_now(1)).unwrap().pem()).unwrap();
        authority.issue_host("localhost", Validity::around_now(1)).unwrap().save(dir.path(), "server", false).unwrap();
        let secure = Secure { managed, dir, port };
        secure.sql("select 1").await;
        let refused = secure.ask("localhost", "sslmode=verify-full&sslrootcert=CA").await.unwrap_err();
        assert!(refused.to_string().contains("does not support TLS"), "{refused}");
        let cluster = secure.managed.cluster_dir().to_owned();
        let owner = fs::metadata(&cluster).unwrap();
        for (from, to) in [("server.pem", "server.crt"), ("server.key", "server.key")] {
            let to = cluster.join(to);
            fs::copy(secure.dir.path().join(from), &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            chown(&to, Some(owner.uid()), Some(owner.gid())).unwrap();
        }
        secure.sql("alter system set ssl = on").await;
        secure.sql("select pg_reload_conf()").await;
        secure
    }

    /// By the superuser over the socket.
    async fn sql(&self, sql: &'static str) {
        Db::connect(DbConfig::new(self.managed.url(), "public")).await.unwrap().write_one(sql, &[]).await.unwrap();
    }

    /// The URL of the same server by another name; `CA` stands for the authority's file.
    fn url(&self, hosts: &str, query: &str) -> String {
        let own = format!("127.0.0.1:{}", self.port);
        let hosts: Vec<String> = hosts.split(',').map(|host| format!("{host}:{}", self.port)).collect();
        let query = query.replace("CA", &self.file("ca.pem")).replace("OTHER", &self.file("other.pem"));
        let url = self.managed.tcp_url().unwrap();
        assert!(url.contains(&own) && !url.contains('?'), "{url}");
        format!("{}?{query}", url.replace(&own, &hosts.join(",")))
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    async fn db(&self, hosts: &str, query: &str) -> Result<Db, DbError> {
        Db::connect(DbConfig::new(self.url(hosts, query), "public")).await
    }

    async fn ask(&self, host: &str, query: &str) -> Result<(), DbError> {
        self.db(host, query).await?.ping().await
    }
}

const GOOD: &str = "sslmode=verify-full&sslrootcert=CA&channel_binding=require&application_name=over-tls";
/// Connections over TCP of that name, and those of them that are encrypted with the newest protocol.
const SEEN: &str = "select count(*), count(*) filter (where ssl and version = 'TLSv1.3')
    from pg_stat_ssl join pg_stat_activity using (pid) where client_addr is not null";

#[tokio::test]
async fn everything_goes_over_tls_when_asked_and_nothing_when_not() {
    let secure = Secure::start().await;
    let db = secure.db("localhost", GOOD).await.unwrap();
    // A pipelined read, a transaction, a write by itself, and notifications: each has connections of its own.
    let mut signal = db.listen("news");
    timeout(SOON, signal.changed()).await.unwrap().unwrap();
    db.write_one("create table thing (id int primary key)", &[]).await.unwrap();
    let tx = db.begin().await.unwrap();
    tx.execute("insert into thing values (1)", &[]).await.unwrap();
    tx.commit().await.unwrap();
    db.notify_after_commit("news");
    timeout(SOON, signal.changed()).await.unwrap().unwrap();
    // An abandoned statement is cancelled, which takes a connection, too.
    let tx = db.begin().await.unwrap();
    let sleeping = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'";
    let asleep = async |wanted: i64| {
        eventually(&format!("{wanted} asleep"), SOON, async || {
            db.primary().query_one(sleeping, &[]).await.unwrap().get_col::<i64>(0).unwrap() == wanted
        })
        .await;
    };
    tokio::select! {
        _ = tx.execute("select pg_sleep(60)", &[]) => panic!("nobody woke it"),
        () = asleep(1) => {}
    }
    drop(tx);
    // Sooner than its own timeout of five seconds.
    timeout(Duration::from_secs(3), asleep(0)).await.expect("cancelled");
    let row = db.primary().query_one(SEEN, &[]).await.unwrap();
    let (all, encrypted) = (row.get_col::<i64>(0).unwrap(), row.get_col::<i64>(1).unwrap());
    assert!(all >= 3 && encrypted == all, "{encrypted} of {all}");

    let plain = secure.db("localhost", "application_name=plain").await.unwrap();
    let row = plain.primary().query_one(SEEN, &[]).await.unwrap();
    assert_eq!(row.get_col::<i64>(0).unwrap() - row.get_col::<i64>(1).unwrap(), 1, "the control: this one is not");
    secure.managed.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_who_it_should_be_gets_nothing() {
    let secure = Secure::start().await;
    for (host, query, expected) in [
        ("localhost", "sslmode=verify-full&sslrootcert=OTHER", "certificate"),
        ("127.0.0.1", "sslmode=verify-full&sslrootcert=CA", "certificate"),
        // As strict as the strictest: PostgreSQL's own would believe anybody.
        ("localhost", "sslmode=require", "certificate"),
        ("127.0.0.1", "sslmode=verify-ca&sslrootcert=CA", "certificate"),
        ("localhost", "sslmode=require&sslrootcert=/not/there", "/not/there"),
    ] {
        let error = secure.ask(host, query).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{host} {query}: {error}");
    }
    secure.ask("localhost", "sslmode=require&sslrootcert=CA").await.unwrap();
    secure.managed.stop().await.unwrap();
}

/// Several hosts are watched, and each is spoken to as the URL says.
#[tokio::test]
async fn watched_servers_are_asked_over_tls() {
    let secure = Secure::start().await;
    let url = secure.url("localhost,127.0.0.2", &format!("{GOOD}&connect_timeout=1"));
    let servers = Servers::watch(&ServersConfig::new(&url)).unwrap();
    let db = Db::connect(DbConfig::new(&url, "public").servers(servers)).await.unwrap();
    timeout(SOON, db.ping()).await.unwrap().unwrap();
    let row = db.primary().query_one(SEEN, &[]).await.unwrap();
    let (all, encrypted) = (row.get_col::<i64>(0).unwrap(), row.get_col::<i64>(1).unwrap());
    assert!(all >= 2 && encrypted == all, "{encrypted} of {all}");
    secure.managed.stop().await.unwrap();
}
