//! Integration tests of object storage on a directory and on a real server of the S3 protocol (`make test-engines`).

#![allow(clippy::unwrap_used)] // a test may panic

mod conditions;
mod directory;
mod s3;
mod suite;
