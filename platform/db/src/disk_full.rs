//! Whether the server's disk is full: noted where its errors are sorted, asked for by readiness.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::{Db, DbError, conn::lock};

/// When some statement of this process was last refused for want of room.
static SEEN: Mutex<Option<Instant>> = Mutex::new(None);

/// Needs 16 MiB of temporary file, as much as one more segment of the log takes, and writes no log itself. What a server
/// keeps in another tablespace it cannot tell.
const NEEDS_ROOM: &str = "
    select count(*) from (
        select repeat(md5(n::text), 64) as filler from generate_series(1, 8192) n order by 1 offset 0
    ) rows";

pub(crate) fn note_full() {
    *lock(&SEEN) = Some(Instant::now());
}

/// True when the disk of the database was found full within this time.
pub fn found_full_within(time: Duration) -> bool {
    lock(&SEEN).is_some_and(|at| at.elapsed() <= time)
}

impl Db {
    /// Asks the server whether it has room to work.
    ///
    /// # Errors
    /// [`DbError::Full`] when it has not, else what keeps it from answering.
    pub async fn ask_for_room(&self) -> Result<(), DbError> {
        let tx = self.begin().await?;
        tx.query_one("select set_config('work_mem', '64kB', true)", &[]).await?;
        tx.query_one(NEEDS_ROOM, &[]).await?;
        tx.rollback().await
    }
}
