//! An S3 endpoint: `s3s-fs`, a server of the S3 protocol over a directory that checks signatures. Chosen because cargo
//! builds it from the crates' registry (nothing else to install), and it needs 10 MB where the Java ones need 300.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::engine::failed;
use crate::{Engine, EngineError, Kind, free_port, http, installed};

/// One S3 endpoint with one bucket.
pub type S3 = Engine<S3Server>;

/// How the server is run.
pub struct S3Server {
    port: u16,
    bucket: String,
}

impl Kind for S3Server {
    const NAME: &'static str = "S3";
    const PATIENCE: Duration = Duration::from_secs(30);

    fn command(&self, home: &Path) -> Result<Command, EngineError> {
        let program = installed::engine("s3", "scripts/engines s3")?.join("bin/s3s-fs");
        // A bucket is a directory.
        let made = fs::create_dir_all(home.join("data").join(&self.bucket));
        made.map_err(|error| failed::<S3Server>("make a bucket", error))?;
        let mut command = Command::new(program);
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--access-key", S3::ACCESS_KEY, "--secret-key", S3::SECRET_KEY]).arg(home.join("data"));
        Ok(command)
    }

    async fn probe(&self) -> Result<(), String> {
        // Unsigned, so it is refused, in the protocol's own words.
        match http::get(self.port, "/").await {
            Ok((_, body)) if body.contains("<Error>") => Ok(()),
            Ok((status, body)) => Err(format!("{status} {body}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl S3 {
    /// Who may use it.
    pub const ACCESS_KEY: &str = "souk-test";
    /// With which secret.
    pub const SECRET_KEY: &str = "souk-test-secret";
    /// Any region will do; this is the customary one.
    pub const REGION: &str = "us-east-1";

    /// Starts an endpoint with an empty bucket.
    ///
    /// # Errors
    /// In words, when there is none to be had.
    pub async fn start(bucket: &str) -> Result<S3, EngineError> {
        Engine::launch(S3Server { port: free_port(), bucket: bucket.to_owned() }).await
    }

    /// `http://127.0.0.1:port`; buckets are the first part of the path.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.kind().port)
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.kind().bucket
    }
}
