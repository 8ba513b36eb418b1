//! Full disk under the private database: buyers are told to come back, operators see why, and it passes with the room. On a
//! file system of its own, so that only its own data are in the way.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use souk_testkit::{Shop, eventually};

use crate::place::{PATIENCE, Place};
use crate::recovery::{up, write};

/// A cluster with its first segments of log, and some room.
const SIZE: &str = "size=512m,mode=0755";
/// Carts until a table needs a page that there is no room for.
const MANY: usize = 5_000;

/// A small file system in memory. Mounting takes root, whom CI runs as.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        // The server's own user passes through.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "souk-test"]).arg(dir.path()).status();
        assert!(mounted.is_ok_and(|status| status.success()), "this test mounts a tmpfs, which takes root");
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Until nothing more fits.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.path().join("filler")).unwrap();
        let error = std::io::copy(&mut std::io::repeat(0), &mut filler).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    }

    fn free(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("--lazy").arg(self.path()).status();
        assert!(gone.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// Work of an administrator, straight in the database.
async fn run(url: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
    let (ran, ended) = tokio::join!(
        async {
            let ran = client.batch_execute(sql).await;
            drop(client);
            ran
        },
        connection
    );
    ran.and(ended)
}

async fn red(page: &Shop) {
    eventually("not ready for want of room", PATIENCE, || async {
        let reply = page.get("/readyz").await;
        let told = reply.text();
        if reply.status == 503 && told.contains("storage_full") { Ok(()) } else { Err(told) }
    })
    .await;
}

/// Buyers write until one is told that there is no room; the carts that were acknowledged.
async fn until_full(shop: &Shop) -> Vec<String> {
    let mut carts = Vec::new();
    for _ in 0..MANY {
        match write(shop).await {
            Ok(cart) => carts.push(cart),
            Err(said) => {
                assert!(said.starts_with("503") && said.contains("storage_full"), "{said}");
                return carts;
            }
        }
    }
    panic!("{MANY} carts found room on a full disk");
}

async fn recovers(shop: &Shop, page: &Shop, carts: &[String]) {
    eventually("a buyer can write again", PATIENCE, || write(shop)).await;
    eventually("ready", PATIENCE, || async {
        let reply = page.get("/readyz").await;
        if reply.status == 200 { Ok(()) } else { Err(reply.text()) }
    })
    .await;
    for cart in carts {
        assert_eq!(shop.get(&format!("/api/v1/carts/{cart}")).await.status, 200, "an acknowledged cart is lost");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_passes() {
    let disk = Disk::new();
    let place = Place::new();
    symlink(disk.path(), place.data()).unwrap();
    let (running, page) = up(&place, "shop").await;
    let shop = place.shop();

    // No room for tables. A fresh segment of log has plenty.
    let url = place.database().await;
    run(&url, "select pg_switch_wal(); create table fresh (); checkpoint").await.unwrap();
    let mut carts = Vec::new();
    for _ in 0..20 {
        carts.push(write(&shop).await.unwrap());
    }
    disk.fill();
    let more = until_full(&shop).await;
    println!("{} carts were acknowledged on the full disk", more.len());
    carts.extend(more);
    red(&page).await;
    assert_eq!(shop.get("/").await.status, 200, "pages are still shown");
    disk.free();
    recovers(&shop, &page, &carts).await;

    // No room for the log: the server ends itself, and cannot come back before there is.
    carts.push(write(&shop).await.unwrap());
    disk.fill();
    let burn = "select pg_logical_emit_message(false, 'test', repeat('x', 1000000)) from generate_series(1, 600)";
    assert!(run(&url, burn).await.is_err(), "more log than the disk is large");
    red(&page).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let said = write(&shop).await.unwrap_err();
    assert!(said.starts_with("503"), "{said}");
    disk.free();
    recovers(&shop, &page, &carts).await;
    running.stop().await;
}
