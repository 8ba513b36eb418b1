//! Benchmark of the public availability route beside a bare axum handler with one SELECT over the same connections: `cargo
//! run --release -p souk-inventory --example availability`. The ratio to hold is 60 %.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use souk_db::{Db, DbConfig, migrate};
use souk_inventory::store::STATEMENTS;
use souk_inventory::{InventoryDeps, InventoryService, MIGRATIONS, routes};
use souk_inventory_api::{Adjust, AdjustLine, Change, InventoryClient};
use souk_postgres::{Managed, ManagedOptions};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// Connections at once, SKUs, and how long each side is measured.
const CONNECTIONS: u64 = 64;
const SKUS: u64 = 2_000;
const MEASURED: Duration = Duration::from_secs(3);

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(serde::Deserialize)]
struct Asked {
    sku: String,
}

async fn bare(State(db): State<Db>, Query(asked): Query<Asked>) -> Json<serde_json::Value> {
    let (_, sql) = STATEMENTS.iter().find(|(name, _)| *name == "AVAILABILITY").expect("the route's own statement");
    let row = db.primary().query_opt(sql, &[&[asked.sku.as_str()].as_slice()]).await.ok().flatten();
    let available: i64 = row.map_or(0, |row| row.get(1));
    Json(serde_json::json!({ "sku": asked.sku, "available": available }))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let dir = tempfile::tempdir()?;
    let postgres = Managed::start(&dir.path().join("data"), ManagedOptions::default()).await?;
    migrate(&postgres.url(), &[&MIGRATIONS]).await?;
    let db = Db::connect(DbConfig::new(postgres.url(), "inventory")).await?;
    let tasks = Tasks::new();
    let service = InventoryService::new(InventoryDeps { db: db.clone(), tasks: tasks.clone() });
    let line = |n| AdjustLine { product_id: Uuid::nil(), sku: format!("sku-{n}"), change: Change::InitialIfNew(9) };
    let adjust = Adjust { lines: (0..SKUS).map(line).collect(), note: "bench".into() };
    InventoryClient::Local(service.clone()).adjust(&Cx::system("bench"), adjust).await?;

    let bare = Router::new().route("/api/v1/availability", get(bare)).with_state(db);
    let (bare, ours) = (serve(&tasks, bare).await?, serve(&tasks, routes(service).router()).await?);
    for round in ["warm-up", "first", "second", "third"] {
        let (bare, ours) = (drive(&tasks, bare).await?, drive(&tasks, ours).await?);
        println!("{round:>8}: bare {bare:>7.0}/s, ours {ours:>7.0}/s, {:.0} %", ours / bare * 100.0);
    }
    tasks.stop();
    postgres.stop().await?;
    Ok(())
}

async fn serve(tasks: &Tasks, router: Router) -> Result<u16, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let stop = tasks.token().clone();
    tasks.spawn("server", async move {
        tokio::select! {
            _ = axum::serve(listener, router) => {}
            () = stop.cancelled() => {}
        }
    });
    Ok(port)
}

/// Requests per second over keep-alive connections, one request each at a time.
async fn drive(tasks: &Tasks, port: u16) -> Result<f64, Failure> {
    let (done, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let mut clients = Vec::new();
    for client in 0..CONNECTIONS {
        let done = done.clone();
        clients.push(tasks.run("client", async move {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
            stream.set_nodelay(true)?;
            let mut buffer = vec![0; 4096];
            for n in client.. {
                if started.elapsed() >= MEASURED {
                    break;
                }
                let path = format!("/api/v1/availability?sku=sku-{}", n * 37 % SKUS);
                stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await?;
                let read = stream.read(&mut buffer).await?;
                if !buffer[..read].starts_with(b"HTTP/1.1 200") {
                    return Err(std::io::Error::other(String::from_utf8_lossy(&buffer[..read]).into_owned()));
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        }));
    }
    for client in clients {
        client.await??;
    }
    Ok(done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64())
}
