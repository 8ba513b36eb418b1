//! OpenSearch: one node, without security, with a small heap.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::engine::failed;
use crate::installed::{self, Account};
use crate::{Engine, EngineError, Kind, free_port, http};

const INSTALL: &str = "scripts/engines opensearch";
/// Enough for some tens of thousands of products; the machine is shared.
const HEAP: &str = "512m";

/// What the server logs goes to standard output. Java's own format.
pub(crate) const LOGGING: &str = "status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %c{1.} %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
";

/// One OpenSearch server. What it has acknowledged survives [`Engine::kill`].
pub type OpenSearch = Engine<OpenSearchNode>;

/// How the server is run.
pub struct OpenSearchNode {
    port: u16,
    transport: u16,
}

impl Kind for OpenSearchNode {
    const NAME: &'static str = "OpenSearch";
    /// Six seconds on a quiet machine of two cores.
    const PATIENCE: Duration = Duration::from_secs(180);
    const REFUSES_ROOT: bool = true;

    fn command(&self, home: &Path) -> Result<Command, EngineError> {
        let java = installed::program("java", "scripts/setup java")?;
        let installed = installed::engine("opensearch", INSTALL)?;
        let set_up = || self.set_up(&installed, home);
        let program = set_up().map_err(|error| failed::<OpenSearchNode>("set it up", error))?;
        let mut command = Command::new(java);
        // Both save more at the start of a short life than they cost later.
        command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        command.args([format!("-Xms{HEAP}"), format!("-Xmx{HEAP}")]);
        let paths = [("java.io.tmpdir", home.join("tmp")), ("opensearch.path.conf", home.join("config"))];
        for (name, path) in paths.iter().chain([&("opensearch.path.home", program.clone())]) {
            command.arg(format!("-D{name}={}", path.display()));
        }
        command.args(["-Dlog4j2.disable.jmx=true", "-Dopensearch.networkaddress.cache.ttl=60", "-cp"]);
        command.arg(program.join("lib").join("*")).arg("org.opensearch.bootstrap.OpenSearch");
        Ok(command)
    }

    async fn probe(&self) -> Result<(), String> {
        match http::get(self.port, "/_cluster/health?wait_for_status=yellow&timeout=1s").await {
            Ok((200, _)) => Ok(()),
            Ok((status, body)) => Err(format!("{status} {body}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl OpenSearchNode {
    /// Writes the configuration; says where the program is, which its account may have to be given a copy of.
    fn set_up(&self, installed: &Path, home: &Path) -> io::Result<PathBuf> {
        let (config, tmp) = (home.join("config"), home.join("tmp"));
        fs::create_dir_all(&config)?;
        fs::create_dir_all(tmp)?;
        fs::write(config.join("log4j2.properties"), LOGGING)?;
        fs::write(config.join("opensearch.yml"), self.settings(home))?;
        if Account::if_root()?.is_none() || installed::is_public(installed) {
            return Ok(installed.to_owned());
        }
        let copy = home.join("program");
        if !copy.is_dir() {
            installed::copy(installed, &copy)?;
        }
        Ok(copy)
    }

    fn settings(&self, home: &Path) -> String {
        let Self { port, transport } = self;
        let data = home.join("data");
        // A full disk of the machine is not what tests are about.
        format!(
            "cluster.name: souk\nnode.name: one\ndiscovery.type: single-node\nnetwork.host: 127.0.0.1\n\
             http.port: {port}\ntransport.port: {transport}\npath.data: {data}\npath.logs: {logs}\n\
             cluster.routing.allocation.disk.threshold_enabled: false\n",
            data = data.display(),
            logs = home.join("logs").display(),
        )
    }
}

impl OpenSearch {
    /// Starts a server with no indices. It takes seconds and half a gigabyte: share one among the tests of a process.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn start() -> Result<OpenSearch, EngineError> {
        Engine::launch(OpenSearchNode { port: free_port(), transport: free_port() }).await
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.kind().port)
    }
}
