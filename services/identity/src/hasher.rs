//! Password hashes: Argon2id, off the async threads, with separate bounded queues for checking passwords and for choosing
//! them. Registrations can so never take the machine from logins: of two hashes in a row at least one is a login's when one
//! waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use souk_kernel::{Problem, Secret};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::domain::normalised_password;
use crate::error::IdentityError;

/// KiB of memory per hash (PROMISES; OWASP Password Storage Cheat Sheet).
const MEMORY_KIB: u32 = 19_456;
/// Passes over it.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Logins under way or waiting: some seconds of work; longer waits run into the caller's timeout.
const MAX_LOGINS: usize = 128;
/// The same of new passwords, which get less of the machine.
const MAX_NEW_PASSWORDS: usize = 32;

/// Verified when there is no account, so that it takes as long as when there is one. No password for it is known:
/// its hash part was made up.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c291ay1uby1zdWNoLWFjY291bnQ$bm9ib2R5IGtub3dzIGEgcGFzc3dvcmQgZm9yIHRoaXM";

/// What a hash is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// A password is checked.
    Logins,
    /// A password is chosen.
    NewPasswords,
}

/// Hashes and verifies.
pub struct Hasher {
    argon: Argon2<'static>,
    /// Half of the cores: the other half serves those who are signed in. First come, first served.
    running: Arc<Semaphore>,
    /// What new passwords may have of them, or wait for there: half, or all when it is one. Each takes its turn among the logins
    /// and the next one begins to wait after it, so that between two of them every login goes that waited before.
    choosing: Arc<Semaphore>,
    logins: Semaphore,
    new_passwords: Semaphore,
    done: AtomicU64,
}

/// The right to make hashes one after the other, now. A try is counted only by the holder of one, so that no try counts of a
/// caller who is turned away for load.
pub struct HashingSlot<'h> {
    hasher: &'h Hasher,
    // Released in this order, and handed to the work while it runs.
    turn: Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)>,
    _queued: SemaphorePermit<'h>,
}

/// What came of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The right password.
    Right,
    /// The right password, hashed with weaker parameters than today's; a stronger hash of it.
    RightButWeak(String),
    /// Another one.
    Wrong,
}

impl Hasher {
    /// A hasher for this machine.
    pub fn new() -> Self {
        Self::on(std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn on(cores: usize) -> Self {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are within Argon2's bounds");
        let running = (cores / 2).max(1);
        Self {
            argon: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            running: Arc::new(Semaphore::new(running)),
            choosing: Arc::new(Semaphore::new((running / 2).max(1))),
            logins: Semaphore::new(MAX_LOGINS),
            new_passwords: Semaphore::new(MAX_NEW_PASSWORDS),
            done: AtomicU64::new(0),
        }
    }

    /// Waits for a slot; 503 `overloaded` at once when too many wait.
    pub async fn slot(&self, queue: Queue) -> Result<HashingSlot<'_>, IdentityError> {
        let (queued, choosing) = match queue {
            Queue::Logins => (&self.logins, None),
            Queue::NewPasswords => (&self.new_passwords, Some(&self.choosing)),
        };
        let queued = queued.try_acquire().map_err(|_| IdentityError::Overloaded)?;
        let choosing = match choosing {
            Some(choosing) => Some(choosing.clone().acquire_owned().await.map_err(Problem::internal)?),
            None => None,
        };
        let running = self.running.clone().acquire_owned().await.map_err(Problem::internal)?;
        Ok(HashingSlot { hasher: self, turn: Some((running, choosing)), _queued: queued })
    }

    /// Hashes made and verified so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl HashingSlot<'_> {
    /// A hash in PHC string format, with a salt of its own.
    pub async fn hash(&mut self, password: &Secret<String>) -> Result<String, IdentityError> {
        let (argon, password) = (self.hasher.argon.clone(), normalised_password(password.reveal()));
        let hashed = self.run(move || hash(&argon, password.as_bytes())).await?;
        Ok(hashed.map_err(Problem::internal)?)
    }

    /// Compares; `None` is an account that is not there: as much work, always wrong.
    pub async fn verify(&mut self, password: &Secret<String>, hash: Option<&str>) -> Result<Verdict, IdentityError> {
        let known = hash.is_some();
        let (argon, password) = (self.hasher.argon.clone(), normalised_password(password.reveal()));
        let hash = hash.unwrap_or(NOBODYS).to_owned();
        let verdict = self.run(move || verify(&argon, password.as_bytes(), &hash)).await?;
        let verdict = verdict.map_err(|error| Problem::internal(format!("a stored password hash: {error}")))?;
        Ok(if known { verdict } else { Verdict::Wrong })
    }

    async fn run<T: Send + 'static>(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, IdentityError> {
        // The turn goes with the work: it is not free because the caller has hung up.
        let turn =
            self.turn.take().ok_or_else(|| Problem::internal("a hash was broken off and its slot used again"))?;
        let done = tokio::task::spawn_blocking(move || (work(), turn));
        let (done, turn) = done.await.map_err(Problem::internal)?;
        self.turn = Some(turn);
        self.hasher.done.fetch_add(1, Ordering::Relaxed);
        Ok(done)
    }
}

fn hash(argon: &Argon2<'_>, password: &[u8]) -> Result<String, password_hash::Error> {
    argon.hash_password(password).map(|hash| hash.to_string())
}

fn verify(argon: &Argon2<'_>, password: &[u8], stored: &str) -> Result<Verdict, password_hash::Error> {
    let parsed = PasswordHash::new(stored).map_err(|_| password_hash::Error::EncodingInvalid)?;
    match argon.verify_password(password, &parsed) {
        Ok(()) if is_weak(&parsed) => hash(argon, password).map(Verdict::RightButWeak),
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
    use futures_util::future::{join_all, maybe_done};
    use parking_lot::Mutex;

    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    async fn hashed(hasher: &Hasher, password: &str) -> String {
        hasher.slot(Queue::NewPasswords).await.unwrap().hash(&secret(password)).await.unwrap()
    }

    async fn verified(hasher: &Hasher, password: &str, hash: Option<&str>) -> Result<Verdict, IdentityError> {
        hasher.slot(Queue::Logins).await?.verify(&secret(password), hash).await
    }

    #[tokio::test]
    async fn the_right_password_and_no_other() {
        let hasher = Hasher::new();
        let hash = hashed(&hasher, "Ame\u{301}lie's horse").await;
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert_ne!(hash, hashed(&hasher, "Ame\u{301}lie's horse").await, "each has its own salt");
        assert_eq!(verified(&hasher, "Am\u{e9}lie's horse", Some(&hash)).await.unwrap(), Verdict::Right);
        for wrong in ["Amelie's horse", "", "amélie's horse"] {
            assert_eq!(verified(&hasher, wrong, Some(&hash)).await.unwrap(), Verdict::Wrong);
        }
        assert!(verified(&hasher, "x", Some("not a hash")).await.is_err(), "broken is not wrong");
    }

    #[tokio::test]
    async fn an_account_that_is_not_there_costs_the_same_parameters_and_has_no_password() {
        let hasher = Hasher::new();
        assert_eq!(verified(&hasher, "correct horse", None).await.unwrap(), Verdict::Wrong);
        let (nobodys, real) = (PasswordHash::new(NOBODYS).unwrap(), hashed(&hasher, "x").await);
        let real = PasswordHash::new(&real).unwrap();
        assert_eq!(Params::try_from(&nobodys).unwrap(), Params::try_from(&real).unwrap());
        assert_eq!(nobodys.algorithm, real.algorithm);
    }

    #[tokio::test]
    async fn weaker_hashes_are_noticed() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(1024, 1, 1, None).unwrap());
        let weak = weak.hash_password(b"correct horse").unwrap().to_string();
        let hasher = Hasher::new();
        let verdict = verified(&hasher, "correct horse", Some(&weak)).await.unwrap();
        let Verdict::RightButWeak(stronger) = verdict else { panic!("{verdict:?}") };
        assert_eq!(verified(&hasher, "correct horse", Some(&stronger)).await.unwrap(), Verdict::Right);
    }

    /// The outcomes of `all`, whose hashes begin once each of them has asked for a slot.
    async fn at_once<T>(hasher: &Hasher, all: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
        let running = u32::try_from(hasher.running.available_permits()).unwrap();
        let held = hasher.running.clone().acquire_many_owned(running).await.unwrap();
        let mut asked: Vec<_> = all.map(|one| Box::pin(maybe_done(one))).collect();
        for one in &mut asked {
            let _ = futures_util::poll!(one.as_mut());
        }
        drop(held);
        join_all(asked.iter_mut().map(|one| one.as_mut())).await;
        asked.iter_mut().map(|one| one.as_mut().take_output().unwrap()).collect()
    }

    #[tokio::test]
    async fn too_many_at_once_are_turned_away() {
        for (queue, slots) in [(Queue::Logins, MAX_LOGINS), (Queue::NewPasswords, MAX_NEW_PASSWORDS)] {
            let hasher = Hasher::new();
            let hash = async || hasher.slot(queue).await?.run(|| ()).await;
            let refused = at_once(&hasher, (0..slots + 5).map(|_| hash())).await;
            let refused = refused.iter().filter(|done| matches!(done, Err(IdentityError::Overloaded))).count();
            assert_eq!(refused, 5);
            assert!(hasher.slot(queue).await.is_ok(), "and later ones are not");
        }
    }

    /// In which order so many registrations and then logins are hashed that ask at once.
    async fn order(cores: usize, new: usize, logins: usize, of_login: Queue) -> Vec<char> {
        let (hasher, order) = (Hasher::on(cores), Mutex::new(Vec::new()));
        let hash = async |queue, name| {
            let Ok(mut slot) = hasher.slot(queue).await else { return };
            order.lock().push(name);
            slot.run(|| ()).await.unwrap();
        };
        let all = (0..new).map(|_| (Queue::NewPasswords, 'r')).chain((0..logins).map(|_| (of_login, 'l')));
        at_once(&hasher, all.map(|(queue, name)| hash(queue, name))).await;
        order.into_inner()
    }

    #[tokio::test]
    async fn a_flood_of_registrations_keeps_no_login_out_and_few_waiting() {
        for cores in [1, 2, 8] {
            let order = order(cores, 1_000, 60, Queue::Logins).await;
            let done = |name: char| order.iter().filter(|done| **done == name).count();
            assert_eq!((done('l'), done('r')), (60, MAX_NEW_PASSWORDS), "{cores} cores: each login is done");
            let last = order.iter().rposition(|name| *name == 'l').unwrap();
            let before = order[..last].iter().filter(|name| **name == 'r').count();
            assert!(before <= 60 + cores, "{cores} cores: {before} registrations before the last of 60 logins");
            let first = order.iter().position(|name| *name == 'l').unwrap();
            assert!(first <= cores, "{cores} cores: {first} registrations before the first login");
        }
        // The control, one queue for both: the flood has taken every slot.
        let alike = order(2, 1_000, 60, Queue::NewPasswords).await;
        assert_eq!(alike.iter().filter(|name| **name == 'l').count(), 0, "{alike:?}");
    }
}
