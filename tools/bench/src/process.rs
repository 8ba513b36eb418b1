//! Resource usage of processes: CPU seconds and memory from `/proc`, of one process or of one with everything below it.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;

/// Clock ticks in a second of `/proc/*/stat`: 100 on every Linux that Rust runs on (`USER_HZ`).
const TICKS: f64 = 100.0;

/// A process and what of it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// This process alone.
    One(u32),
    /// A server that forks (PostgreSQL): it, all below it, and those below it that have ended.
    Tree(u32),
}

/// One line of `/proc/<pid>/stat`, as far as it is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat {
    /// Who started it.
    pub parent: u32,
    /// Ticks in user and kernel mode.
    pub ticks: u64,
    /// Ticks of children that ended and were waited for.
    pub children: u64,
}

/// MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Memory {
    /// Resident; memory shared between processes counts in each.
    pub rss: f64,
    /// Proportional: shared memory counts once, divided among those who share it.
    pub pss: f64,
    /// Resident at most so far; of several processes the sum of what each had at most, whenever that was.
    pub peak: f64,
}

/// Parses a line of `/proc/<pid>/stat`; the name in it may hold blanks and parentheses.
pub fn parse_stat(line: &str) -> Option<Stat> {
    let (_, rest) = line.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        ticks: number(11)? + number(12)?,
        children: number(13)? + number(14)?,
    })
}

/// Sums the lines `Key:  123 kB` of a file of `/proc`, in MiB.
pub fn parse_kib(text: &str, key: &str) -> Option<f64> {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
    let kib: f64 = value.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

impl Who {
    /// CPU seconds so far.
    ///
    /// # Errors
    /// There is no such process, or `/proc` cannot be read.
    pub fn cpu_seconds(self) -> anyhow::Result<f64> {
        let ticks = match self {
            Who::One(pid) => stat(pid)?.ticks,
            Who::Tree(pid) => {
                let all = all_stats()?;
                let root = *all.get(&pid).with_context(|| format!("there is no process {pid}"))?;
                tree(pid, &all).iter().map(|pid| all[pid].ticks).sum::<u64>() + root.children
            }
        };
        Ok(ticks as f64 / TICKS)
    }

    /// Memory now.
    ///
    /// # Errors
    /// There is no such process. Where the kernel hides PSS from us it is left at zero.
    pub fn memory(self) -> anyhow::Result<Memory> {
        let pids = match self {
            Who::One(pid) => vec![pid],
            Who::Tree(pid) => tree(pid, &all_stats()?),
        };
        let mut memory = Memory::default();
        for pid in &pids {
            let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
            // One of many may end while we look; the first may not.
            let Ok(status) = read("status") else { continue };
            memory.rss += parse_kib(&status, "VmRSS").unwrap_or_default();
            memory.peak += parse_kib(&status, "VmHWM").unwrap_or_default();
            memory.pss += read("smaps_rollup").ok().and_then(|text| parse_kib(&text, "Pss")).unwrap_or_default();
        }
        anyhow::ensure!(memory.rss > 0.0, "there is no process {}", pids[0]);
        Ok(memory)
    }
}

fn stat(pid: u32) -> anyhow::Result<Stat> {
    let line =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("there is no process {pid}"))?;
    parse_stat(&line).with_context(|| format!("/proc/{pid}/stat is not understood"))
}

fn all_stats() -> anyhow::Result<HashMap<u32, Stat>> {
    let mut all = HashMap::new();
    for entry in std::fs::read_dir(Path::new("/proc")).context("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if let Ok(stat) = stat(pid) {
            all.insert(pid, stat);
        }
    }
    Ok(all)
}

/// `root` and everything below it, `root` first.
fn tree(root: u32, all: &HashMap<u32, Stat>) -> Vec<u32> {
    let mut pids = vec![root];
    let mut next = 0;
    while let Some(&parent) = pids.get(next) {
        next += 1;
        pids.extend(all.iter().filter(|(pid, stat)| stat.parent == parent && **pid != parent).map(|(pid, _)| *pid));
    }
    pids
}

/// Seconds that all cores were busy for anybody so far; also those that the machine below us took away (steal).
pub fn busy_seconds() -> Option<f64> {
    parse_busy(&std::fs::read_to_string("/proc/stat").ok()?)
}

/// All of the first line of `/proc/stat` but idle and waiting for disks; guests are counted in user already.
fn parse_busy(text: &str) -> Option<f64> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let ticks: Vec<f64> = line.split_ascii_whitespace().take(8).filter_map(|field| field.parse().ok()).collect();
    let all: f64 = ticks.iter().sum();
    Some((all - ticks.get(3)? - ticks.get(4)?) / TICKS)
}

/// The processor's name and how many of it we may use, and the machine's memory in MiB.
pub fn machine() -> (String, usize, f64) {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let name = name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.trim().to_owned());
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (name, cores, parse_kib(&memory, "MemTotal").unwrap_or_default())
}

/// How many files (connections) this process may have open.
pub fn open_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_ascii_whitespace().next());
    soft.and_then(|soft| soft.parse().ok()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_blanks_and_parentheses_do_not_shift_the_fields() {
        let line = "17 (postgres: a) (b c) S 4 17 17 0 -1 4194560 100 200 0 0 300 40 5 6 20 0 1 0 12345 1000000 250";
        assert_eq!(parse_stat(line), Some(Stat { parent: 4, ticks: 340, children: 11 }));
        assert_eq!(parse_stat("17 (short) S 4"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn memory_lines_are_kib() {
        let text = "Name:\tsouk\nVmPeak:\t  999 kB\nVmRSS:\t  2048 kB\n";
        assert_eq!(parse_kib(text, "VmRSS"), Some(2.0));
        assert_eq!(parse_kib(text, "Pss"), None);
    }

    #[test]
    fn idle_and_waiting_is_not_busy_and_guests_are_not_counted_twice() {
        assert_eq!(parse_busy("cpu  100 10 50 9000 800 1 2 37 99 99\ncpu0 1 1 1\n"), Some(2.0));
        assert_eq!(parse_busy("intr 1"), None);
        assert!(busy_seconds().is_some());
    }

    #[test]
    fn a_tree_is_a_process_with_all_below_it() {
        let stat = |parent| Stat { parent, ticks: 1, children: 0 };
        let all = HashMap::from([(1, stat(0)), (2, stat(1)), (3, stat(2)), (4, stat(1)), (9, stat(0)), (10, stat(9))]);
        let mut pids = tree(1, &all);
        pids.sort_unstable();
        assert_eq!(pids, [1, 2, 3, 4]);
    }

    #[test]
    fn this_process_is_measured_and_a_missing_one_is_named() {
        let own = Who::One(std::process::id());
        let memory = own.memory().unwrap();
        assert!(memory.rss > 0.0 && memory.peak >= memory.rss, "{memory:?}");
        assert!(own.cpu_seconds().is_ok() && Who::Tree(std::process::id()).cpu_seconds().is_ok());
        let error = Who::One(u32::MAX).cpu_seconds().unwrap_err().to_string();
        assert!(error.contains("no process"), "{error}");
    }
}
