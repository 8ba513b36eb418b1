//! Limit of open files (`RLIMIT_NOFILE`): how many files and connections the process may have open.

use rlimit::Resource;

/// Visitors get at most three in four: databases, other roles, the index and the log need some, and a process that cannot
/// open what it works with answers no visitor.
const SHARE: (u64, u64) = (3, 4);

/// Raises the limit to the most that the system allows. What service managers and shells set, 1,024, is meant for programs
/// that call `select`, and those raise nothing.
pub fn raise_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Connections of visitors at once: as many as configured, unless the process may not open so many.
pub fn connections(configured: usize) -> usize {
    match Resource::NOFILE.get_soft() {
        Ok(files) => within(configured, files),
        Err(error) => {
            tracing::warn!(%error, "the limit of open files is unknown");
            configured
        }
    }
}

fn within(configured: usize, files: u64) -> usize {
    let share = usize::try_from(files / SHARE.1 * SHARE.0).unwrap_or(usize::MAX);
    if configured > share {
        tracing::warn!(
            configured,
            connections = share,
            files,
            "fewer connections than public.connections says: the process may not open so many files (LimitNOFILE= of \
             systemd, ulimit -n)"
        );
    }
    configured.min(share).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_takes_what_it_may_have() {
        let (_, hard) = Resource::NOFILE.get().unwrap();
        // One less: other tests run in this process.
        Resource::NOFILE.set(hard - 1, hard).unwrap();
        raise_limit();
        assert_eq!(Resource::NOFILE.get().unwrap(), (hard, hard));
    }

    #[test]
    fn visitors_never_get_all_files() {
        assert_eq!(within(10_000, 524_288), 10_000);
        assert_eq!(within(10_000, 1_024), 768);
        assert_eq!(within(10_000, 0), 1);
        assert_eq!(within(10_000, u64::MAX), 10_000, "no limit");
    }
}
