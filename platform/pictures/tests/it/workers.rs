//! The threads: at a low priority or none, and alive after what is broken.

use souk_pictures::{PictureWorkers, Priority};

use crate::samples::{jpeg, photo, quarters};
use crate::{PLAN, prepare, refused};

/// Nice value and scheduling policy of this process's threads whose names begin so.
#[cfg(target_os = "linux")]
fn priorities(name: &str) -> Vec<(i32, u32)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
    // Fields 19 and 41 of proc(5); the third is the first after the name.
    let of = |stat: String| {
        let (start, fields) = stat.rsplit_once(')').unwrap();
        let field = |at: usize| fields.split_whitespace().nth(at - 3).unwrap();
        start.contains(&format!("({name}")).then(|| (field(19).parse().unwrap(), field(41).parse().unwrap()))
    };
    stats.filter_map(of).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn threads_leave_the_cores_to_others() {
    const IDLE: u32 = 5;
    let picture = || jpeg(&quarters(64, 48), 64, 48, |_| {});
    prepare(picture()).unwrap();
    let background = PictureWorkers::new(3, PLAN, Priority::Idle).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    // Each has set its priority once it has something to do.
    let all = (0..30).map(|_| Box::pin(background.prepare(picture().into()))).collect::<Vec<_>>();
    runtime.block_on(async {
        for prepared in all {
            prepared.await.unwrap();
        }
    });
    let pictures = priorities("pictures");
    assert!(pictures.iter().any(|(nice, policy)| *nice >= 10 && *policy != IDLE), "{pictures:?}");
    assert!(pictures.iter().any(|(_, policy)| *policy == IDLE), "{pictures:?}");
    let own = priorities(&std::thread::current().name().unwrap()[..15]);
    assert!(!own.is_empty() && own.iter().all(|(nice, policy)| *nice < 10 && *policy != IDLE), "{own:?}");
}

#[test]
fn broken_pictures_do_not_end_the_threads() {
    let fine = jpeg(&photo(160, 120), 160, 120, |_| {});
    for _ in 0..20 {
        assert_eq!(refused(&fine[..fine.len() / 2]), "picture_damaged");
    }
    assert!(prepare(fine).is_ok());
}

#[test]
fn many_at_once_each_get_their_own() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let workers = PictureWorkers::new(2, PLAN, Priority::Idle).unwrap();
    let pictures = (16..40).map(|side| (side, jpeg(&quarters(side, side), side, side, |_| {})));
    let all: Vec<_> = pictures.map(|(side, content)| (side, Box::pin(workers.prepare(content.into())))).collect();
    runtime.block_on(async {
        for (side, prepared) in all {
            assert_eq!(u32::from(prepared.await.unwrap().width), side);
        }
    });
}
