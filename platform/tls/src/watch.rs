//! Certificate reloading, since certificates change while processes run: cert-manager renews them long before they end,
//! `souk pki init --force` at once.

use std::sync::Arc;
use std::time::Duration;

use souk_runtime::Tasks;

use crate::TlsError;

/// Between two looks at the files. They are small and few, and a renewed certificate overlaps the old one by days.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Certificates that can be read again.
pub trait Reload: Send + Sync + 'static {
    /// For the log and the metric.
    fn name(&self) -> &str;
    /// The last moment the certificate in use is valid, in seconds since 1970.
    fn not_after(&self) -> i64;
    /// Reads the files again, and takes them over when they changed and can be used; true when they were taken. What was in
    /// use stays so on an error.
    fn reload(&self) -> Result<bool, TlsError>;
}

/// Looks at the files every few seconds until `tasks` stop. Shows when each certificate ends, as
/// `souk_tls_not_after_seconds` (since 1970).
pub fn watch(tasks: &Tasks, watched: Vec<Arc<dyn Reload>>) {
    if watched.is_empty() {
        return;
    }
    let pause = tasks.clone();
    tasks.spawn("certificates", async move {
        let mut broken = vec![String::new(); watched.len()];
        loop {
            for (one, said) in watched.iter().zip(&mut broken) {
                look(one, said).await;
            }
            if !pause.pause(LOOK_EVERY).await {
                return;
            }
        }
    });
}

/// `said` is what was last complained about: a file that stays broken is not worth a line every few seconds.
async fn look(one: &Arc<dyn Reload>, said: &mut String) {
    let reading = one.clone();
    let read = tokio::task::spawn_blocking(move || reading.reload()).await;
    match read {
        Ok(Ok(changed)) => {
            said.clear();
            if changed {
                tracing::info!(identity = one.name(), not_after = one.not_after(), "certificate renewed");
            }
        }
        Ok(Err(error)) => {
            let error = error.to_string();
            if *said != error {
                tracing::warn!(identity = one.name(), error, "certificate not renewed: the one in use stays");
                *said = error;
            }
        }
        // The process is ending: no thread reads files any more.
        Err(_) => {}
    }
    #[allow(clippy::cast_precision_loss)] // seconds since 1970 fit a double for millions of years
    metrics::gauge!("souk_tls_not_after_seconds", "identity" => one.name().to_owned()).set(one.not_after() as f64);
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{Authority, Identity, TrustDomain, Validity};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn new_files_are_taken_while_the_process_runs() {
        let (dir, domain) = (tempfile::tempdir().unwrap(), TrustDomain::parse("souk").unwrap());
        let authority = Authority::new(Validity::around_now(9)).unwrap();
        authority.save(dir.path()).unwrap();
        let issue = |days| {
            let issued = authority.issue(&domain, "order", Validity::around_now(days)).unwrap();
            issued.save(dir.path(), "order", true).unwrap();
        };
        issue(1);
        let (identity, tasks) = (Identity::load(dir.path(), &domain, "order").unwrap(), Tasks::new());
        let first = identity.not_after();
        watch(&tasks, vec![Arc::new(identity.clone())]);
        issue(2);
        let started = Instant::now();
        while identity.not_after() == first {
            assert!(started.elapsed() < 6 * LOOK_EVERY, "not taken");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tasks.drain(LOOK_EVERY).await.unwrap();
    }
}
