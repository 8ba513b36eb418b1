//! Password hashes: Argon2id, off the async threads, and never so many at once that logins eat the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use souk_kernel::{Problem, Secret};
use tokio::sync::Semaphore;

use crate::domain::normalised_password;
use crate::error::IdentityError;

/// KiB of memory per hash (PROMISES; OWASP Password Storage Cheat Sheet).
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Callers that may wait for a hash: some seconds of work; beyond that waiting helps nobody.
const MAX_WAITING: usize = 128;

/// Verified when there is no account, so that it takes as long as when there is one. Nobody knows a password for it:
/// its hash part was made up.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c291ay1uby1zdWNoLWFjY291bnQ$bm9ib2R5IGtub3dzIGEgcGFzc3dvcmQgZm9yIHRoaXM";

/// Hashes and verifies.
pub struct Hasher {
    argon: Argon2<'static>,
    /// Half of the cores: the other half serves those who are signed in.
    running: Arc<Semaphore>,
    waiting: Semaphore,
    done: AtomicU64,
}

/// What came of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The right password.
    Right,
    /// The right password, hashed with weaker parameters than today's: hash it anew.
    RightButWeak,
    /// Another one.
    Wrong,
}

impl Hasher {
    /// A hasher for this machine.
    pub fn new() -> Self {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within Argon2's bounds");
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            running: Arc::new(Semaphore::new((cores / 2).max(1))),
            waiting: Semaphore::new(MAX_WAITING),
            done: AtomicU64::new(0),
        }
    }

    /// A hash in PHC string format, with a salt of its own.
    pub async fn hash(&self, password: &Secret<String>) -> Result<String, IdentityError> {
        let (argon, password) = (self.argon.clone(), normalised_password(password.reveal()));
        let hashed = self.run(move || argon.hash_password(password.as_bytes()).map(|hash| hash.to_string())).await?;
        Ok(hashed.map_err(Problem::internal)?)
    }

    /// Compares; `None` is an account that is not there: as much work, always wrong.
    pub async fn verify(&self, password: &Secret<String>, hash: Option<&str>) -> Result<Verdict, IdentityError> {
        let known = hash.is_some();
        let (argon, password) = (self.argon.clone(), normalised_password(password.reveal()));
        let hash = hash.unwrap_or(NOBODYS).to_owned();
        let verdict = self.run(move || verify(&argon, password.as_bytes(), &hash)).await?;
        let verdict = verdict.map_err(|error| Problem::internal(format!("a stored password hash: {error}")))?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    /// Hashes made and verified so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, IdentityError> {
        let _place = self.waiting.try_acquire().map_err(|_| IdentityError::Overloaded)?;
        let permit = self.running.clone().acquire_owned().await.map_err(Problem::internal)?;
        // The permit goes with the work: it is not free because the caller has hung up.
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        let done = done.await.map_err(Problem::internal)?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(done)
    }
}

fn verify(argon: &Argon2<'_>, password: &[u8], hash: &str) -> Result<Verdict, password_hash::Error> {
    let parsed = PasswordHash::new(hash).map_err(|_| password_hash::Error::EncodingInvalid)?;
    match argon.verify_password(password, &parsed) {
        Ok(()) if is_weak(&parsed) => Ok(Verdict::RightButWeak),
        Ok(()) => Ok(Verdict::Right),
        Err(password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
        Err(error) => Err(error),
    }
}

fn is_weak(hash: &PasswordHash) -> bool {
    let Ok(params) = Params::try_from(hash) else { return true };
    hash.algorithm.as_str() != "argon2id" || params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let hasher = Hasher::new();
        let hash = hasher.hash(&secret("Ame\u{301}lie's horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hasher.hash(&secret("Ame\u{301}lie's horse")).await.unwrap(), "each has its own salt");
        assert_eq!(hasher.verify(&secret("Am\u{e9}lie's horse"), Some(&hash)).await.unwrap(), Verdict::Right);
        for wrong in ["Amelie's horse", "", "amélie's horse"] {
            assert_eq!(hasher.verify(&secret(wrong), Some(&hash)).await.unwrap(), Verdict::Wrong);
        }
        assert!(hasher.verify(&secret("x"), Some("not a hash")).await.is_err(), "broken is not wrong");
    }

    #[tokio::test]
    async fn an_account_that_is_not_there_costs_the_same_parameters_and_has_no_password() {
        let hasher = Hasher::new();
        assert_eq!(hasher.verify(&secret("correct horse"), None).await.unwrap(), Verdict::Wrong);
        let (nobodys, real) = (PasswordHash::new(NOBODYS).unwrap(), hasher.hash(&secret("x")).await.unwrap());
        let real = PasswordHash::new(&real).unwrap();
        assert_eq!(Params::try_from(&nobodys).unwrap(), Params::try_from(&real).unwrap());
        assert_eq!(nobodys.algorithm, real.algorithm);
    }

    #[tokio::test]
    async fn weaker_hashes_are_noticed() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 1, 1, None).unwrap());
        let weak = weak.hash_password(b"correct horse").unwrap().to_string();
        let verdict = Hasher::new().verify(&secret("correct horse"), Some(&weak)).await.unwrap();
        assert_eq!(verdict, Verdict::RightButWeak);
    }

    #[tokio::test]
    async fn too_many_at_once_are_turned_away() {
        let hasher = Hasher::new();
        let all = futures_util::future::join_all((0..MAX_WAITING + 5).map(|_| hasher.run(|| ()))).await;
        let refused = all.iter().filter(|done| matches!(done, Err(IdentityError::Overloaded))).count();
        assert_eq!(refused, 5);
        assert!(hasher.run(|| ()).await.is_ok(), "and later ones are not");
    }
}
