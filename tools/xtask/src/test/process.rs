//! Run of one test binary: its process, what it prints, and how long each of its tests took.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::build::TestBinary;
use super::groups::Group;

/// Longest time for one binary; the longest takes a third of it on two busy cores.
const LIMIT: Duration = Duration::from_secs(30 * 60);

/// A binary, and which of its tests to run.
pub struct Run<'a> {
    pub binary: &'a TestBinary,
    pub tests: Vec<String>,
    shows_output: bool,
}

/// What became of it.
pub struct Ended {
    /// The binary's name.
    pub name: String,
    pub passed: bool,
    pub took: Duration,
    /// Everything it printed.
    pub output: String,
    /// Each test that ended, and how long it took.
    pub tests: Vec<(String, Duration)>,
    pub shows_output: bool,
}

impl<'a> Run<'a> {
    pub fn new(binary: &'a TestBinary, tests: Vec<String>, group: &Group) -> Self {
        Run { binary, tests, shows_output: group.shows_output }
    }

    /// Runs them, `threads` at a time.
    pub fn finish(self, threads: usize) -> Ended {
        let started = Instant::now();
        let mut output = String::new();
        let result = self.start(threads).and_then(|child| self.follow(child, &mut output));
        let passed = match result {
            Ok(passed) => passed,
            Err(error) => {
                output.push_str(&format!("{}: {error}\n", self.binary.name));
                false
            }
        };
        Ended {
            name: self.binary.name.clone(),
            passed,
            took: started.elapsed(),
            tests: output.lines().filter_map(timed).collect(),
            output,
            shows_output: self.shows_output,
        }
    }

    fn start(&self, threads: usize) -> std::io::Result<Child> {
        let mut command = Command::new(&self.binary.path);
        command.current_dir(&self.binary.directory).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Only the time of each test is not stable yet.
        command.env("RUSTC_BOOTSTRAP", "1").args(["-Z", "unstable-options", "--report-time"]);
        command.args(["--test-threads", &threads.to_string(), "--color", "never"]);
        if self.shows_output {
            command.arg("--show-output");
        }
        command.arg("--exact").args(&self.tests);
        command.spawn()
    }

    /// Collects what it prints until it has ended; kills one that hangs.
    fn follow(&self, mut child: Child, output: &mut String) -> std::io::Result<bool> {
        let (tell, lines) = mpsc::channel();
        for stream in [child.stdout.take().map(boxed), child.stderr.take().map(boxed)].into_iter().flatten() {
            let tell = tell.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                    // When it is not read any more, the process is being killed.
                    let _ = tell.send(String::from_utf8_lossy(&line).into_owned());
                }
            });
        }
        drop(tell);
        let until = Instant::now() + LIMIT;
        loop {
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    output.push_str(&line);
                    output.push('\n');
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(child.wait()?.success()),
                Err(RecvTimeoutError::Timeout) => {
                    child.kill()?;
                    child.wait()?;
                    output.push_str(&format!("{} did not end within {LIMIT:?} and was killed\n", self.binary.name));
                    return Ok(false);
                }
            }
        }
    }
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

/// Name and time in a line like `test cart::is_merged ... ok <1.234s>`.
fn timed(line: &str) -> Option<(String, Duration)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let seconds = rest.strip_suffix("s>")?.rsplit_once('<')?.1.parse().ok()?;
    Some((name.to_owned(), Duration::try_from_secs_f64(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stands_behind_the_result() {
        let of = |name: &str, millis| Some((name.to_owned(), Duration::from_millis(millis)));
        assert_eq!(timed("test cart::is_merged ... ok <1.234s>"), of("cart::is_merged", 1234));
        assert_eq!(timed("test a - should panic ... FAILED <0.010s>"), of("a - should panic", 10));
        assert_eq!(timed("test result: ok. 3 passed; finished in 0.10s"), None);
        assert_eq!(timed("running 3 tests"), None);
    }
}
