//! Proxy before PostgreSQL that cuts connections at their commits, for a reader that handles events and does not learn
//! whether that was recorded.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use souk_db::{Db, DbConfig, driver_config};
use souk_postgres::TestDb;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio_postgres::config::Host;

/// The statement as the driver sends it, and the server's word that it is done.
const COMMIT: &[u8] = b"COMMIT\0";
const PORT: u16 = 5432;

/// When a connection is cut.
#[derive(Clone, Copy, PartialEq)]
pub enum Cut {
    /// The commit does not reach the server, which rolls back.
    Before,
    /// The server commits, and its answer is lost.
    After,
}

/// The proxy; it ends with this.
pub struct Cutting {
    folder: tempfile::TempDir,
    url: String,
    left: Arc<AtomicU32>,
    _connections: JoinSet<()>,
}

impl Cutting {
    /// Cuts the connections of the next `count` commits.
    pub fn before(test: &TestDb, cut: Cut, count: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{PORT}"))).unwrap();
        let (url, left) = (test.url(), Arc::new(AtomicU32::new(count)));
        let mut connections = JoinSet::new();
        let (target, to_cut) = (url.clone(), left.clone());
        connections.spawn(async move {
            let mut each = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (target, to_cut) = (target.clone(), to_cut.clone());
                each.spawn(async move { pass_on(client, connect(&target).await, cut, &to_cut).await });
            }
        });
        Self { folder, url, left, _connections: connections }
    }

    /// A handle of the database behind it.
    pub async fn db(&self, schema: &str) -> Db {
        let config = driver_config(&self.url).unwrap();
        let folder = self.folder.path().to_str().unwrap().replace('/', "%2F");
        let password = config.get_password().map(|password| format!(":{}", String::from_utf8_lossy(password)));
        let (user, database) = (config.get_user().unwrap(), config.get_dbname().unwrap());
        let url = format!("postgresql://{user}{}@{folder}:{PORT}/{database}", password.unwrap_or_default());
        Db::connect(DbConfig::new(url, schema)).await.unwrap()
    }

    /// Cuts that are still to come.
    pub fn left(&self) -> u32 {
        self.left.load(Ordering::SeqCst)
    }
}

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

async fn connect(url: &str) -> Pin<Box<dyn Stream>> {
    let config = driver_config(url).unwrap();
    let port = config.get_ports().first().copied().unwrap_or(PORT);
    match &config.get_hosts()[0] {
        Host::Unix(folder) => Box::pin(UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await.unwrap()),
        Host::Tcp(name) => Box::pin(TcpStream::connect((name.as_str(), port)).await.unwrap()),
    }
}

/// Until either side ends, or the connection is cut.
async fn pass_on(mut client: UnixStream, mut server: Pin<Box<dyn Stream>>, cut: Cut, to_cut: &AtomicU32) {
    let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(count @ 1..) = read else { return };
                let sent = &up[..count];
                let cuts = contains(sent, COMMIT)
                    && to_cut.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
                if cuts && cut == Cut::Before {
                    return;
                }
                if server.write_all(sent).await.is_err() {
                    return;
                }
                if cuts {
                    return until_committed(&mut server).await;
                }
            }
            read = server.read(&mut down) => {
                let Ok(count @ 1..) = read else { return };
                if client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads what the server says, and keeps it.
async fn until_committed(server: &mut Pin<Box<dyn Stream>>) {
    let mut said = Vec::new();
    while !contains(&said, COMMIT) {
        assert!(server.read_buf(&mut said).await.unwrap() > 0, "the server ended before it committed");
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
