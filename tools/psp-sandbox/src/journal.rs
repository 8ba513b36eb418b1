//! Write-ahead journal, the append-only file the ledger is made of: one JSON record a line, written before the answer goes
//! out.
//!
//! A record is in the kernel's page cache when `write` returns, so it survives the death of this process by any signal.
//! It is not forced to disk: a sandbox that loses power may lose its last second, and 1,200 fsyncs a second would make
//! the disk it shares with the shop's database the bottleneck of every measurement. One `write` of about 200 bytes takes
//! some 3 µs, less than handing it to another thread, so it is done in place.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use souk_runtime::private;

use crate::ledger::Action;

/// Bytes of the longest record; a longer line is not ours.
const MAX_LINE: u64 = 16 * 1024;
const FILE: &str = "journal.ndjson";

/// A line.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// The ledger was opened; always the first record.
    Born {
        /// Part of every id given out, so that ids of another ledger, in a shop that outlives it, never meet these.
        #[serde(rename = "books")] // as journals have it since the first release
        ledger: String,
    },
    /// Something happened.
    Did {
        /// Number of the record; also of its event.
        seq: u64,
        /// Milliseconds since 1970.
        at: i64,
        /// Whether the merchant is to be told by webhook.
        hook: bool,
        /// What.
        action: Action,
    },
    /// The webhook for record `seq` was accepted, or given up.
    Told {
        /// Of which record.
        seq: u64,
    },
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("the sandbox's journal {0} is in use by another process")]
    InUse(String),
    /// A line in the middle is not a record.
    #[error("line {line} of the sandbox's journal is damaged: {detail}")]
    Damaged {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        detail: String,
    },
    /// The disk said no.
    #[error("the sandbox's journal: {0}")]
    Io(#[from] std::io::Error),
}

/// The open file, locked against a second process.
pub struct Journal {
    file: File,
    /// Bytes of whole records.
    length: u64,
    line: Vec<u8>,
    broken: bool,
}

impl Journal {
    /// Opens the journal in `directory` (made when missing) and hands every record to `replay`, oldest first. A last line
    /// without its newline was never answered and is cut off.
    pub fn open(directory: &Path, mut replay: impl FnMut(Record) -> Result<(), String>) -> Result<Self, JournalError> {
        private::directory(directory)?;
        let path = directory.join(FILE);
        let mut file = private::open(OpenOptions::new().create(true).read(true).append(true), &path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(JournalError::InUse(path.display().to_string())),
            Err(std::fs::TryLockError::Error(error)) => return Err(error.into()),
        }
        let (mut length, mut number) = (0u64, 0u64);
        let mut reader = BufReader::new(&mut file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = std::io::Read::take(&mut reader, MAX_LINE).read_until(b'\n', &mut line)?;
            if line.last() != Some(&b'\n') {
                if read as u64 == MAX_LINE {
                    return Err(JournalError::Damaged { line: number + 1, detail: "too long".into() });
                }
                break;
            }
            number += 1;
            let damaged = |detail: String| JournalError::Damaged { line: number, detail };
            let record = serde_json::from_slice(&line).map_err(|error| damaged(error.to_string()))?;
            replay(record).map_err(damaged)?;
            length += read as u64;
        }
        if file.metadata()?.len() > length {
            tracing::warn!(records = number, "the journal's last record was cut off by a crash and is dropped");
            file.set_len(length)?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, length, line: Vec::new(), broken: false })
    }

    /// Writes `record`; it counts when this returns `Ok`. After an error that left half a record, everything is refused.
    pub fn append(&mut self, record: &Record) -> std::io::Result<()> {
        if self.broken {
            return Err(std::io::Error::other("the journal could not be repaired after a failed write"));
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, record)?;
        self.line.push(b'\n');
        if let Err(error) = self.file.write_all(&self.line) {
            self.broken = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += self.line.len() as u64;
        Ok(())
    }
}
