//! The bare axum handlers: a page of 20 KB from memory, and one SELECT over the driver that the shop uses. They run in a
//! child process, because the shop is a process of its own, too.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;

use anyhow::{Context, ensure};
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use clap::ValueEnum;
use percent_encoding::percent_decode_str;
use souk_db::{Db, DbConfig};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::store;
use crate::target::Target;

/// Bytes of the page, as in the shop's targets.
pub const PAGE_BYTES: usize = 20 * 1024;

/// Which bare handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BareKind {
    /// 20 KB from memory, whatever the path.
    Page,
    /// One indexed SELECT.
    Select,
}

/// Answers everything with the same 20 KB.
pub fn page_router() -> Router {
    let page = page();
    let handler = move || async move { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page) };
    Router::new().fallback(get(handler))
}

fn page() -> Bytes {
    let mut page = String::from("<!doctype html><title>A page</title>");
    let mut n = 17u32;
    while page.len() < PAGE_BYTES {
        n = n.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        page.push_str(&format!("<li class=\"card\"><a href=\"/p/item-{n}\">Item {n}</a><b>{}.99</b></li>\n", n % 1000));
    }
    page.truncate(PAGE_BYTES);
    page.into()
}

/// Answers `/api/v1/availability?sku=` with one SELECT.
pub fn select_router(db: Db) -> Router {
    Router::new().route("/api/v1/availability", get(select)).with_state(Arc::new(db))
}

async fn select(State(db): State<Arc<Db>>, RawQuery(query): RawQuery) -> Response {
    let sku = query.as_deref().and_then(|query| query.strip_prefix("sku=")).unwrap_or_default();
    let sku = percent_decode_str(sku).decode_utf8_lossy();
    match store::available(db.primary(), &sku).await {
        Ok(available) => Json(serde_json::json!({ "items": [{ "sku": sku, "available": available }] })).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The child's side: serves, says where on stdout, and ends when stdin closes, as it does when the bench ends in any way.
///
/// # Errors
/// No database, no port.
pub async fn serve_until_stdin_closes(kind: BareKind, database: Option<&str>) -> anyhow::Result<()> {
    let router = match kind {
        BareKind::Page => page_router(),
        BareKind::Select => {
            let url = database.context("the bare SELECT needs a database")?;
            let db = Db::connect(DbConfig::new(url, "inventory")).await?;
            db.warm_up().await?;
            select_router(db)
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let listener = axum::serve::ListenerExt::tap_io(listener, |socket: &mut TcpStream| {
        // Without it small answers wait for the other side's acknowledgement. A socket that refuses is about to fail.
        let _ = socket.set_nodelay(true);
    });
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        _ = stdin_closed() => {}
    }
    Ok(())
}

/// A thread of its own, because reading stdin blocks; it ends with the process.
fn stdin_closed() -> tokio::sync::oneshot::Receiver<()> {
    let (closed, wait) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::Read::read(&mut std::io::stdin(), &mut [0]);
        let _ = closed.send(());
    });
    wait
}

/// The bench's side: the child, killed when dropped.
pub struct BareServer {
    child: Child,
    /// Where it listens.
    pub target: Target,
    /// For its CPU.
    pub pid: u32,
}

impl BareServer {
    /// Starts this program again as a bare handler.
    ///
    /// # Errors
    /// It does not start or says nothing.
    pub async fn start(kind: BareKind, database: Option<&str>) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the bench does not know its own program")?;
        let kind = match kind {
            BareKind::Page => "page",
            BareKind::Select => "select",
        };
        let mut command = Command::new(program);
        command.args(["bench", "--serve-bare", kind]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        if let Some(url) = database {
            // By the environment: a URL with a password is not to be seen in the list of processes.
            command.env("SOUK_DATABASE_URL", url);
        }
        let mut child = command.spawn().context("the bare handler does not start")?;
        let pid = child.id().context("the bare handler ended at once")?;
        let stdout = child.stdout.take().context("the bare handler has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).await?;
        ensure!(!line.is_empty(), "the bare handler ended without saying where it listens");
        let address: SocketAddr = line.trim().parse().context("the bare handler says no address")?;
        Ok(Self { child, target: Target::at(address)?, pid })
    }

    /// Ends it.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        self.child.wait().await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_is_as_long_as_the_targets_say() {
        assert_eq!(super::page().len(), super::PAGE_BYTES);
    }
}
