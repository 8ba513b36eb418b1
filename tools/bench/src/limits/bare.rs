//! Bare axum handlers as a baseline: a page of 20 KB from memory, and one SELECT over the driver that the shop uses. They
//! run in a child process, because the shop is a process of its own, too.

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
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

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

/// The child's side: is told the database on stdin, says where it listens on stdout, and ends when stdin closes, as it
/// does when the bench ends in any way.
///
/// # Errors
/// No database, no port.
pub async fn serve_until_stdin_closes(kind: BareKind) -> anyhow::Result<()> {
    let (told, closed) = stdin();
    let url = told.await.context("nobody started this bare handler")?;
    let router = match kind {
        BareKind::Page => page_router(),
        BareKind::Select => {
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
        _ = closed => {}
    }
    Ok(())
}

/// The first line, and when it is over. On a thread of its own, because reading blocks; it ends with the process.
fn stdin() -> (oneshot::Receiver<String>, oneshot::Receiver<()>) {
    let ((tell, told), (close, closed)) = (oneshot::channel(), oneshot::channel());
    std::thread::spawn(move || {
        let (mut lines, mut line) = (std::io::stdin().lock(), String::new());
        if std::io::BufRead::read_line(&mut lines, &mut line).is_ok_and(|bytes| bytes > 0) {
            // No receiver is left when the server failed to start; then the process ends anyway.
            let _ = tell.send(line.trim().to_owned());
            let _ = std::io::Read::read_to_end(&mut lines, &mut Vec::new());
        }
        let _ = close.send(());
    });
    (told, closed)
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
        let mut child = command.spawn().context("the bare handler does not start")?;
        let stdin = child.stdin.as_mut().context("the bare handler has no input")?;
        // Not as an argument: a URL with a password is not to be seen in the list of processes.
        stdin.write_all(format!("{}\n", database.unwrap_or_default()).as_bytes()).await?;
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
