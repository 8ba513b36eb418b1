//! Engines that `scripts/engines` installs: they start, answer, hang, die and come back with what they had.
#![allow(clippy::unwrap_used)] // a test may panic
