//! Kafka: one node that is broker and controller (KRaft). Topics are not made by using them.

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::engine::failed;
use crate::opensearch::LOGGING;
use crate::{Engine, EngineError, Kind, free_port, installed};

/// Enough for tests and for a demo shop; the machine is shared.
const HEAP: &str = "384m";
/// `Metadata` in its oldest version that brokers of 4.x still know, for all topics, none to be made (Kafka's protocol
/// guide): length, key 3, version 4, correlation 1, no client id, no list, false.
const METADATA: &[u8] = &[0, 0, 0, 15, 0, 3, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0];

/// One Kafka broker. What it has acknowledged survives [`Engine::kill`].
pub type Kafka = Engine<KafkaBroker>;

/// How the broker is run.
pub struct KafkaBroker {
    port: u16,
    controller: u16,
}

impl Kind for KafkaBroker {
    const NAME: &'static str = "Kafka";
    /// Five seconds on a quiet machine of two cores.
    const PATIENCE: Duration = Duration::from_secs(120);

    fn command(&self, home: &Path) -> Result<Command, EngineError> {
        let java = installed::program("java", "scripts/setup java")?;
        let installed = installed::engine("kafka", "scripts/engines kafka")?;
        let set_up = || {
            fs::write(home.join("log4j2.properties"), LOGGING)?;
            fs::write(home.join("server.properties"), self.settings(home))?;
            if !home.join("data/meta.properties").exists() {
                format(&mut java_command(&java, &installed, home), home)?;
            }
            Ok(())
        };
        set_up().map_err(|error| failed::<KafkaBroker>("set it up", error))?;
        let mut command = java_command(&java, &installed, home);
        command.arg("kafka.Kafka").arg(home.join("server.properties"));
        Ok(command)
    }

    async fn probe(&self) -> Result<(), String> {
        match brokers(self.port).await {
            Ok(1..) => Ok(()),
            Ok(_) => Err("the broker is not part of its cluster yet".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl KafkaBroker {
    fn settings(&self, home: &Path) -> String {
        let Self { port, controller } = self;
        let once = ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"];
        let mut settings = format!(
            "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@127.0.0.1:{controller}\n\
             listeners=CLIENT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
             listener.security.protocol.map=CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
             inter.broker.listener.name=CLIENT\ncontroller.listener.names=CONTROLLER\n\
             log.dirs={data}\nauto.create.topics.enable=false\n\
             group.initial.rebalance.delay.ms=0\ngroup.min.session.timeout.ms=1000\n\
             num.network.threads=2\nnum.io.threads=2\nlog.cleaner.dedupe.buffer.size=4194304\n\
             transaction.state.log.min.isr=1\nshare.coordinator.state.topic.min.isr=1\n",
            data = home.join("data").display(),
        );
        for topic in once {
            settings.push_str(&format!("{topic}.replication.factor=1\n{topic}.num.partitions=1\n"));
        }
        settings
    }
}

fn java_command(java: &Path, installed: &Path, home: &Path) -> Command {
    let mut command = Command::new(java);
    // Both save more at the start of a short life than they cost later.
    command.args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]).args(["-Xms128m".into(), format!("-Xmx{HEAP}")]);
    command.arg(format!("-Dlog4j2.configurationFile={}", home.join("log4j2.properties").display()));
    command.arg("-cp").arg(installed.join("lib").join("*"));
    command
}

/// Gives an empty data directory to a new cluster.
fn format(java: &mut Command, home: &Path) -> io::Result<()> {
    let mut id = [0; 16];
    io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut id)?;
    java.args(["kafka.tools.StorageTool", "format", "--config"]).arg(home.join("server.properties"));
    java.arg(format!("--cluster-id={}", BASE64_URL_SAFE_NO_PAD.encode(id)));
    let output = java.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(io::Error::other(String::from_utf8_lossy(&said).into_owned()))
}

/// How many brokers a client is told of.
async fn brokers(port: u16) -> io::Result<i32> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(METADATA).await?;
    // Length, correlation id, throttle time; then the list of brokers.
    stream.read_exact(&mut [0; 12]).await?;
    stream.read_i32().await
}

impl Kafka {
    /// Starts a broker without topics. It takes seconds: share one among the tests of a process that do not hurt it.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn start() -> Result<Kafka, EngineError> {
        Engine::launch(KafkaBroker { port: free_port(), controller: free_port() }).await
    }

    /// `127.0.0.1:port`, for `bootstrap.servers`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.kind().port)
    }

    /// Restarts it on the same port as a new cluster without topics: everything it knew is lost.
    ///
    /// # Errors
    /// [`EngineError::NotReady`].
    pub async fn wipe(&self) -> Result<(), EngineError> {
        self.kill();
        let data = self.home().data();
        let emptied = fs::remove_dir_all(&data).and_then(|()| fs::create_dir(&data));
        emptied.map_err(|error| failed::<KafkaBroker>("empty it", error))?;
        self.restart().await
    }
}
