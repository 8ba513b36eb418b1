//! Report of a test run: a line for each binary, the slowest tests, and everything that those which failed printed.

use std::time::Duration;

use anyhow::ensure;

use super::process::Ended;

/// Tests in the table of the slowest.
const SLOWEST: usize = 20;

/// Says that a binary has ended, and what it printed if that is of interest.
pub fn line(ended: &Ended) {
    let result = if ended.passed { "ok    " } else { "FAILED" };
    println!("{result} {:>7.1} s {:>5} tests  {}", ended.took.as_secs_f64(), ended.tests.len(), ended.name);
    if !ended.passed || ended.shows_output {
        println!("{}", ended.output);
    }
}

/// The slowest tests and the sum; an error when not all passed.
pub fn print(ended: &[Ended], took: Duration) -> anyhow::Result<()> {
    let mut tests: Vec<(&str, &str, Duration)> =
        ended.iter().flat_map(|run| run.tests.iter().map(|(test, took)| (&*run.name, &**test, *took))).collect();
    tests.sort_by_key(|(_, _, took)| std::cmp::Reverse(*took));
    println!("\nthe slowest tests");
    for (name, test, took) in tests.iter().take(SLOWEST) {
        println!("{:>7.1} s  {name} {test}", took.as_secs_f64());
    }
    println!("\n{} tests of {} targets in {:.0} s", tests.len(), ended.len(), took.as_secs_f64());
    let failed: Vec<&str> = ended.iter().filter(|run| !run.passed).map(|run| &*run.name).collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}
