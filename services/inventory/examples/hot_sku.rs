//! Benchmark of a hot SKU, how many reservations a second it takes, at the contract, on a PostgreSQL of its own with every
//! commit on disk: `cargo run --release -p souk-inventory --example hot_sku`. Prints one line per number of buyers at once.

use std::time::{Duration, Instant};

use souk_db::{Db, DbConfig, migrate};
use souk_inventory::{InventoryDeps, InventoryService, MIGRATIONS};
use souk_inventory_api::{Adjust, AdjustLine, ByKey, Change, InventoryClient, Reserve, StockLine};
use souk_postgres::{Managed, ManagedOptions};
use souk_rpc::Cx;
use souk_runtime::Tasks;
use uuid::Uuid;

/// Reservations per line of the table.
const RESERVATIONS: u32 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let postgres = Managed::start(&dir.path().join("data"), ManagedOptions::default()).await?;
    migrate(&postgres.url(), &[&MIGRATIONS]).await?;
    let db = Db::connect(DbConfig::new(postgres.url(), "inventory")).await?;
    let tasks = Tasks::new();
    let service = InventoryService::new(InventoryDeps { db: db.clone(), tasks: tasks.clone() });
    let client = InventoryClient::Local(service);
    let line = AdjustLine { product_id: Uuid::nil(), sku: "hot".into(), change: Change::InitialIfNew(1_000_000) };
    client.adjust(&Cx::system("bench"), Adjust { lines: vec![line], note: "bench".into() }).await?;
    for buyers in [1, 8, 64, 512] {
        let (before, started) = (db.counters(), Instant::now());
        let each = if buyers == 1 { RESERVATIONS / 20 } else { RESERVATIONS / buyers };
        let all = (0..buyers).map(|_| {
            let client = client.clone();
            tasks.run("buyer", async move {
                for _ in 0..each {
                    let key = Uuid::now_v7();
                    let lines = vec![StockLine { sku: "hot".into(), quantity: 1 }];
                    let cx = Cx::system("bench");
                    client.reserve(&cx, Reserve { key, lines, ttl_seconds: 900 }).await?;
                    client.allocate(&cx, ByKey { key }).await?;
                }
                Ok::<_, souk_kernel::Problem>(())
            })
        });
        let all: Vec<_> = all.collect();
        for buyer in all {
            buyer.await??;
        }
        let (took, cost) = (started.elapsed(), db.counters() - before);
        let made = f64::from(each * buyers);
        println!(
            "{buyers:>4} buyers at once: {:>6.0} reserved and allocated per second, {:.3} commits and {:.3} statements each",
            made / took.as_secs_f64(),
            cost.commits as f64 / made,
            cost.statements as f64 / made,
        );
    }
    tasks.drain(Duration::from_secs(5)).await.map_err(|left| format!("still running: {left:?}"))?;
    postgres.stop().await?;
    Ok(())
}
