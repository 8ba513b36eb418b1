//! A mail server that keeps what it is given: `aiosmtpd` as the distribution ships it, with TLS and login if asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
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

/// What is run: `aiosmtpd` has no command for logins and TLS together.
const PROGRAM: &str = include_str!("smtp_server.py");

/// One mail server. Mails it has taken survive [`Engine::kill`].
pub type SmtpSink = Engine<SmtpServer>;

/// What the server offers and wants.
#[derive(Clone, Debug, Default)]
pub struct SmtpOptions {
    /// Addresses that are not ASCII (RFC 6531).
    pub smtputf8: bool,
    /// Certificate and key, as PEM files: then STARTTLS is offered and wanted.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// TLS from the first byte instead.
    pub implicit_tls: bool,
    /// Name and password that are wanted.
    pub login: Option<(String, String)>,
}

/// How the server is run.
pub struct SmtpServer {
    port: u16,
    options: SmtpOptions,
}

impl Kind for SmtpServer {
    const NAME: &'static str = "SMTP";
    const PATIENCE: Duration = Duration::from_secs(30);

    fn command(&self, home: &Path) -> Result<Command, EngineError> {
        if !Path::new(MODULE).is_dir() {
            return Err(EngineError::Missing { what: "python3-aiosmtpd".into(), command: INSTALL });
        }
        let (certificate, key) = self.options.certificate.clone().unzip();
        let settings = serde_json::json!({
            "port": self.port,
            "mail": home.join("data/mail"),
            "smtputf8": self.options.smtputf8,
            "certificate": certificate,
            "key": key,
            "implicit": self.options.implicit_tls,
            "login": self.options.login,
        });
        let mut command = Command::new(PYTHON);
        command.args(["-c", PROGRAM, &settings.to_string()]);
        Ok(command)
    }

    async fn probe(&self) -> Result<(), String> {
        let greeted = async {
            let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", self.port)).await?);
            if self.options.implicit_tls {
                return Ok("220 ".to_owned());
            }
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
        Self::with(SmtpOptions::default()).await
    }

    /// The same, with what it offers and wants.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn with(options: SmtpOptions) -> Result<SmtpSink, EngineError> {
        Engine::launch(SmtpServer { port: free_port(), options }).await
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.kind().port
    }

    /// Every mail it has taken, whole, after headers of the envelope (`X-MailFrom`, `X-RcptTo`, `X-MailOptions`), of the client
    /// (`X-Hello`) and of the way (`X-Protected`); in no order.
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
