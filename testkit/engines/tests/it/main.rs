//! Engines of the distribution: they start, answer, hang, die and come back with what they had, and leave nothing behind.
#![allow(clippy::unwrap_used)] // a test may panic

mod gone;
mod redis;
mod smtp;

use std::time::Duration;

/// Within this, what is awaited happens; a test that hangs fails.
const SOON: Duration = Duration::from_secs(30);
