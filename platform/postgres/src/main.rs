//! Wrapper command for a test runner: starts one throw-away PostgreSQL server, runs a command whose test processes all use
//! it, and takes it away again. `cargo run -p souk-postgres -- cargo nextest run -p souk-cart`. Where a server is given
//! already, it becomes the command.
//!
//! Without it every test process starts a server of its own, which takes longer than many a test. Tests that need a server of
//! their own (to kill it, to delay its replicas) start theirs in either case.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    process::{ExitCode, ExitStatus},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use souk_postgres::SharedServer;
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().ok_or("usage: souk-with-postgres program [argument ...]")?;
    if SharedServer::is_given() {
        let error = std::process::Command::new(&program).args(words).exec();
        return Err(cannot_run(&program, &error));
    }
    let server = SharedServer::start().await?;
    let (name, url) = server.variable();
    let child = Command::new(&program).args(words).env(name, url).spawn();
    let status = match child {
        Ok(child) => run_beside(&server, child).await,
        Err(error) => Err(cannot_run(&program, &error)),
    };
    server.remove()?;
    let code = status?.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

fn cannot_run(program: &OsStr, error: &std::io::Error) -> Box<dyn std::error::Error> {
    format!("cannot run {}: {error}", program.display()).into()
}

/// Waits until `child` has ended, and drops the databases of its processes as they end.
async fn run_beside(server: &SharedServer, mut child: Child) -> Result<ExitStatus, Box<dyn std::error::Error>> {
    // Ctrl-C reaches the command, too, which decides what it means; the server goes when that has ended.
    let (mut interrupts, mut terminations) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw);
    let mut sweep = std::pin::pin!(server.sweep());
    let mut sweeping = true;
    loop {
        tokio::select! {
            status = child.wait() => return Ok(status?),
            _ = interrupts.recv() => {}
            _ = terminations.recv() => if let Some(pid) = pid { kill(pid, Signal::SIGTERM)? },
            // Without it databases only stay until the end.
            swept = &mut sweep, if sweeping => {
                sweeping = false;
                if let Err(error) = swept {
                    eprintln!("databases of ended tests are not dropped any more: {error}");
                }
            }
        }
    }
}
