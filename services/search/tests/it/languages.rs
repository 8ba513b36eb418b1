//! Words of every language and script, numbers and codes: what is found, and what is found first.

use std::sync::atomic::Ordering;

use souk_search::{Language, Languages};

use super::fakes::Sale;
use super::{Backend, World, on_both, words};

on_both! {
    a_shop_of_many_languages_finds_its_products
    what_is_exact_comes_first
    long_queries_are_cut
    other_languages_build_the_index_anew
}

async fn shop(backend: Backend, titles: &[(&str, &str)]) -> World {
    let world = World::new(backend).await;
    // Of equals the newest comes first: that is none of these.
    let sales: Vec<Sale<'_>> = titles.iter().map(|(slug, title)| Sale { slug, title, ..Sale::default() }).collect();
    world.owners.sell(&sales).await;
    world.settled(titles.len() as u64).await;
    world
}

async fn a_shop_of_many_languages_finds_its_products(backend: Backend) {
    let world = shop(
        backend,
        &[
            ("half-inch", "Schlauch 1/2 Zoll"),
            ("twelve-inch", "Schlauch 12 Zoll"),
            ("notebook", "Notebook 17.3 Zoll"),
            ("adapter", "Wi-Fi Adapter"),
            ("repeater", "WiFi Repeater"),
            ("mat", "Fußmatte 60×40 cm"),
            ("charger-ja", "急速充電器"),
            ("charger-de", "Schnellladegerät"),
            ("cooler", "Prozessorkühler leise"),
            ("memory", "DDR4 2 x 4 GB"),
            ("jack", "Klinkenkabel 3,5 mm"),
            ("drill", "Bosch GSR 18V-60"),
            ("earphones-ko", "무선이어폰 블랙"),
            ("charger-th", "เครื่องชาร์จไร้สาย"),
            ("case-zh", "华为手机壳保护套"),
            ("bus-ja", "バスタオル"),
            ("tea-ru", "Чай зелёный"),
            ("cup-hi", "चाय का कप"),
            (
                "tent-ja",
                "折りたたみ式軽量アルミニウム合金製防水仕様屋外用二人用自立型日除け付き簡単設営大型収納袋付属品完備",
            ),
        ],
    )
    .await;
    for (q, expected) in [
        ("17,3\"", vec!["notebook"]),
        ("17.3 inch", vec!["notebook"]),
        ("1/2 zoll", vec!["half-inch"]),
        ("½\"", vec!["half-inch"]),
        ("12 Zoll", vec!["twelve-inch"]),
        ("12\"", vec!["twelve-inch"]),
        ("Schläuche", vec!["half-inch", "twelve-inch"]),
        ("wifi", vec!["adapter", "repeater"]),
        ("wi-fi", vec!["adapter", "repeater"]),
        ("fussmatte", vec!["mat"]),
        ("FUẞMATTE", vec!["mat"]),
        ("Matte", vec!["mat"]),
        ("60x40", vec!["mat"]),
        ("60 x 40 cm", vec!["mat"]),
        ("充電", vec!["charger-ja"]),
        ("急速", vec!["charger-ja"]),
        ("schnellladegeraet", vec!["charger-de"]),
        ("Ladegerät", vec!["charger-de"]),
        ("Kühler", vec!["cooler"]),
        ("kuehler", vec!["cooler"]),
        ("2x4gb", vec!["memory"]),
        ("4GB", vec!["memory"]),
        ("3.5mm", vec!["jack"]),
        ("GSR18V-60", vec!["drill"]),
        ("gsr 18v60", vec!["drill"]),
        ("이어폰", vec!["earphones-ko"]),
        ("무선 이어폰", vec!["earphones-ko"]),
        ("ชาร์จ", vec!["charger-th"]),
        ("手机壳", vec!["case-zh"]),
        ("タオル", vec!["bus-ja"]),
        ("чай", vec!["tea-ru"]),
        ("зеленый", vec!["tea-ru"]),
        ("कप", vec!["cup-hi"]),
        ("防水", vec!["tent-ja"]),
        ("日除け", vec!["tent-ja"]),
        ("\"wi-fi adapter\"", vec!["adapter"]),
        // Other words, by their marks alone.
        ("ハスタオル", vec![]),
        ("कपी", vec![]),
        ("ма\u{306}й", vec![]),
    ] {
        let reply = world.find(words(q)).await;
        let mut slugs: Vec<&str> = reply.items.iter().map(|hit| hit.slug.as_str()).collect();
        slugs.sort_unstable();
        assert_eq!((slugs, reply.partial), (expected, false), "{q}");
    }
}

async fn what_is_exact_comes_first(backend: Backend) {
    let titles = [
        ("word", "Kühler Modell A"),
        ("compound", "Prozessorkühler B"),
        ("tilde", "Calendario año"),
        ("none", "Calendario ano"),
        ("apart", "Regal 8 GB 4 Stecker"),
        ("measure", "Regal 4 GB 8 Stecker"),
        ("kyoto", "京都 お茶"),
        ("tokyo", "東京都 地図"),
        ("half", "Rohr 1/2 Zoll 12 Stück"),
        ("dozen", "Rohr 12 Zoll Stück"),
    ];
    // Whichever is the newest.
    let reversed: Vec<_> = titles.iter().rev().copied().collect();
    for titles in [&titles[..], &reversed] {
        let world = shop(backend, titles).await;
        for (q, first, second) in [
            ("kühler", "word", "compound"),
            ("año", "tilde", "none"),
            ("regal 4 gb", "measure", "apart"),
            ("京都", "kyoto", "tokyo"),
            ("12 zoll", "dozen", "half"),
        ] {
            assert_eq!(world.slugs(q).await, [first, second], "{q}");
        }
    }
}

async fn long_queries_are_cut(backend: Backend) {
    let world = shop(backend, &[("charger", "急速充電器 USB"), ("mug", "Mug")]).await;
    for long in [
        "充電器".repeat(100),
        format!("充電器 {}", "x".repeat(400)),
        "充電器 usb ".repeat(60),
        format!("usb {}", "เครื่องชาร์จ".repeat(60)),
    ] {
        let reply = world.find(words(&long)).await;
        let slugs: Vec<&str> = reply.items.iter().map(|hit| hit.slug.as_str()).collect();
        assert_eq!(slugs, ["charger"], "{long}");
    }
    assert_eq!(world.find(words(&"x".repeat(5_000))).await.total, 0, "nothing is not everything");
}

async fn other_languages_build_the_index_anew(backend: Backend) {
    let mut world = shop(backend, &[("shoes", "Caricatore rapido"), ("other", "Lampada")]).await;
    let first = world.owners.exports.load(Ordering::SeqCst);
    world.languages = Languages::new(&[Language::Italian]);
    world.restart().await;
    world.until(async || world.owners.exports.load(Ordering::SeqCst) > first).await;
    world.settled(2).await;
    let second = world.owners.exports.load(Ordering::SeqCst);
    // Its stem, which no slip leads to.
    world.until(async || world.slugs("caricamento").await == ["shoes"]).await;
    world.restart().await;
    world.settled(2).await;
    assert_eq!(world.owners.exports.load(Ordering::SeqCst), second, "the same languages keep it");
}
