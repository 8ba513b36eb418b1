//! The image pipeline from outside: files in, files out. Samples are made by encoders, and spoiled by hand.

#![allow(clippy::unwrap_used)] // a test may panic

mod bombs;
mod colours;
mod damage;
mod formats;
mod metadata;
mod orientation;
mod properties;
mod reading;
mod samples;
mod workers;

use std::sync::LazyLock;

use souk_pictures::{Format, PictureError, PictureWorkers, Plan, Prepared, Priority};

/// What the shop makes.
const PLAN: Plan = Plan {
    widths: &[160, 320, 480, 800, 1280],
    max_height: 1920,
    has: |format, width, full| match format {
        Format::Avif => matches!(width, 320 | 480),
        Format::Webp => true,
        Format::Jpeg => full || matches!(width, 320 | 800),
    },
};

static WORKERS: LazyLock<PictureWorkers> = LazyLock::new(|| PictureWorkers::new(2, PLAN, Priority::Low).unwrap());

fn prepare(content: impl Into<Vec<u8>>) -> Result<Prepared, PictureError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(WORKERS.prepare(content.into().into()))
}

/// The code of what is wrong.
fn refused(content: impl Into<Vec<u8>>) -> &'static str {
    match prepare(content) {
        Ok(prepared) => panic!("a picture of {} x {} came out", prepared.width, prepared.height),
        Err(error) => error.code(),
    }
}
