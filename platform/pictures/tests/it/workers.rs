//! The threads: at a low priority, and alive after what is broken.

use souk_pictures::PictureWorkers;

use crate::samples::{jpeg, photo, quarters};
use crate::{PLAN, prepare, refused};

#[test]
#[cfg(target_os = "linux")]
fn threads_have_a_low_priority() {
    prepare(jpeg(&quarters(64, 48), 64, 48, |_| {})).unwrap();
    let priorities = |name: &str| {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
        // The 19th field is the nice value; the third is the first after the name.
        let nice = |stat: String| {
            let (start, fields) = stat.rsplit_once(')').unwrap();
            start.ends_with(name).then(|| fields.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap())
        };
        stats.filter_map(nice).collect::<Vec<_>>()
    };
    let pictures = priorities("(pictures");
    assert!(pictures.len() >= 2 && pictures.iter().all(|nice| *nice >= 10), "{pictures:?}");
    // This one has what it was started with.
    let own = std::thread::current().name().unwrap()[..15].to_owned();
    let others = priorities(&format!("({own}"));
    assert!(!others.is_empty() && others.iter().all(|nice| nice < &pictures[0]), "{others:?}");
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
    let workers = PictureWorkers::new(2, PLAN).unwrap();
    let pictures = (16..40).map(|side| (side, jpeg(&quarters(side, side), side, side, |_| {})));
    let all: Vec<_> = pictures.map(|(side, content)| (side, Box::pin(workers.prepare(content.into())))).collect();
    runtime.block_on(async {
        for (side, prepared) in all {
            assert_eq!(u32::from(prepared.await.unwrap().width), side);
        }
    });
}
