//! A mail server that keeps what it is given: `aiosmtpd` as the distribution ships it, writing a maildir.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::engine::failed;
use crate::{Engine, EngineError, Kind, free_port};

const INSTALL: &str = "scripts/setup smtp";
/// The system's own, which has the distribution's packages; another may come first on PATH.
const PYTHON: &str = "/usr/bin/python3";
/// Where Debian puts it.
const MODULE: &str = "/usr/lib/python3/dist-packages/aiosmtpd";

/// One mail server. Mails it has taken survive [`Engine::kill`].
pub type SmtpSink = Engine<SmtpServer>;

/// How the server is run.
pub struct SmtpServer {
    port: u16,
}

impl Kind for SmtpServer {
    const NAME: &'static str = "SMTP";
    const PATIENCE: Duration = Duration::from_secs(30);

    fn command(&self, home: &Path) -> Result<Command, EngineError> {
        if !Path::new(MODULE).is_dir() {
            return Err(EngineError::Missing { what: "python3-aiosmtpd".into(), command: INSTALL });
        }
        let mut command = Command::new(PYTHON);
        command.args(["-m", "aiosmtpd", "--nosetuid", "--listen", &format!("127.0.0.1:{}", self.port)]);
        command.args(["--class", "aiosmtpd.handlers.Mailbox"]).arg(home.join("data/mail"));
        Ok(command)
    }

    async fn probe(&self) -> Result<(), String> {
        let greeted = async {
            let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await?);
            let mut line = String::new();
            stream.read_line(&mut line).await?;
            stream.write_all(b"QUIT\r\n").await?;
            Ok::<String, io::Error>(line)
        };
        match greeted.await {
            Ok(line) if line.starts_with("220 ") => Ok(()),
            Ok(line) => Err(line),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl SmtpSink {
    /// Starts a server that has no mail yet.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn start() -> Result<SmtpSink, EngineError> {
        Engine::launch(SmtpServer { port: free_port() }).await
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.kind().port
    }

    /// Every mail it has taken, whole, with headers `X-MailFrom` and `X-RcptTo` for the envelope; in no order.
    ///
    /// # Errors
    /// When the maildir cannot be read.
    pub fn mails(&self) -> Result<Vec<String>, EngineError> {
        let read = |entry: io::Result<fs::DirEntry>| {
            let mail = fs::read(entry?.path())?;
            Ok(String::from_utf8_lossy(&mail).into_owned())
        };
        let entries = fs::read_dir(self.home().data().join("mail/new"));
        let mails = entries.and_then(|entries| entries.map(read).collect::<io::Result<Vec<String>>>());
        mails.map_err(|error| failed::<SmtpServer>("read the mails", error))
    }
}
