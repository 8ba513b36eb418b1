//! Tables of what texts become and which queries find them.

mod numbers;

use std::collections::HashSet;

use proptest::prelude::*;

use super::Language::{self, *};
use super::query::MAX_WORDS;
use super::{Analyzer, Languages};

fn of(languages: &[Language]) -> Analyzer {
    Analyzer::new(&Languages::new(languages))
}

fn german() -> Analyzer {
    Analyzer::new(&Languages::of_country("DE"))
}

fn plain(analyzer: &Analyzer, text: &str) -> Vec<String> {
    analyzer.terms(text).into_iter().filter(|term| !term.extra).map(|term| term.text).collect()
}

fn all(analyzer: &Analyzer, text: &str) -> HashSet<String> {
    analyzer.terms(text).into_iter().map(|term| term.text).collect()
}

/// True when a text alone in an index would be found by every word of a query, as the engines decide it.
fn finds(analyzer: &Analyzer, query: &str, text: &str) -> bool {
    let index = all(analyzer, text);
    let has = |term: &String| index.contains(term);
    let words = analyzer.query(query).words;
    !words.is_empty()
        && words.iter().all(|word| {
            let parts = word.parts.iter().all(|forms| forms.iter().any(has));
            parts || word.also.iter().any(has)
        })
}

#[track_caller]
fn found(analyzer: &Analyzer, cases: &[(&str, &str)]) {
    for (query, text) in cases {
        let (words, index) = (analyzer.query(query), all(analyzer, text));
        assert!(finds(analyzer, query, text), "{query:?} finds {text:?}: {words:?} in {index:?}");
    }
}

#[track_caller]
fn not_found(analyzer: &Analyzer, cases: &[(&str, &str)]) {
    for (query, text) in cases {
        let words = analyzer.query(query);
        assert!(!finds(analyzer, query, text), "{query:?} does not find {text:?}: {words:?}");
    }
}

#[test]
fn words_are_folded_and_stemmed() {
    let english = of(&[English]);
    assert_eq!(plain(&english, "Crème BRÛLÉES"), ["creme", "brule"]);
    assert_eq!(plain(&english, "Intel® Core™2 Duo"), ["intel", "core", "2", "duo"]);
    assert_eq!(plain(&english, "men's running-shoes"), ["men", "run", "shoe"]);
    let words = |text: &str| english.query(text).words.into_iter().map(|word| word.parts.concat()).collect::<Vec<_>>();
    assert_eq!(words("Notebooks notebook"), [["notebook"]]);
    assert_eq!(words("the cartridge for a Xerox"), [["cartridg"], ["xerox"]]);
    assert_eq!(words("the who").len(), 1);
    assert_eq!(words("for the"), [["for"], ["the"]]);
}

#[test]
fn stemmers_are_those_of_the_shops_languages() {
    found(
        &of(&[English]),
        &[
            ("shoe", "Shoes"),
            ("batteries", "battery"),
            ("running", "run"),
            ("knives", "knife"),
            ("shelves", "shelf"),
            ("lenses", "lens"),
        ],
    );
    found(
        &german(),
        &[
            ("Schläuche", "Schlauch"),
            ("Lampen", "Lampe"),
            ("Stühle", "Stuhl"),
            ("notebooks", "Notebook"),
            ("batteries", "Battery pack"),
            ("Tasche für Notebooks", "Notebook-Tasche"),
        ],
    );
    found(
        &of(&[French]),
        &[
            ("chaussures", "Chaussure"),
            ("écran", "l'écran plat"),
            ("ecran", "L’Écran plat"),
            ("fermee", "boîte fermée"),
            ("BOITE FERMEE", "boîte fermée"),
            ("eau", "bouteille d'eau"),
            ("chevaux", "cheval"),
            ("jeux", "Jeu"),
            ("coque pour iPhone", "Coque iPhone"),
        ],
    );
    found(
        &of(&[Spanish]),
        &[
            ("zapatos", "Zapato"),
            ("lampara", "Lámparas"),
            ("niños", "niño"),
            ("luces", "luz LED"),
            ("auriculares", "auricular"),
            ("cables", "cable"),
        ],
    );
    found(
        &of(&[Italian]),
        &[
            ("scarpe", "scarpa"),
            ("acqua", "bottiglia dell'acqua"),
            ("tavoli", "Tavolo"),
            ("telefoni", "Telefono"),
            ("orologi", "orologio"),
        ],
    );
    found(
        &of(&[Dutch]),
        &[
            ("fietsen", "fiets"),
            ("lampen", "lamp"),
            ("schoenen", "schoen"),
            ("tassen", "tas"),
            ("huizen", "huis"),
            ("hoesjes", "hoes"),
        ],
    );
    found(&of(&[Russian, English]), &[("лампы", "лампа"), ("телефоны", "телефон"), ("shoes", "shoe")]);
    found(&of(&[Portuguese]), &[("sapatos", "sapato")]);
    found(&of(&[Arabic]), &[("السماعات", "سماعات")]);
    not_found(&of(&[English]), &[("Lampen", "Lampe"), ("scarpe", "scarpa")]);
}

#[test]
fn umlauts_and_sharp_s_are_found_in_every_spelling() {
    for analyzer in [german(), of(&[English])] {
        for (one, other) in [
            ("Kühler", "Kuehler"),
            ("Kühler", "kuhler"),
            ("Öl", "Oel"),
            ("Äpfel", "Aepfel"),
            ("Fußmatte", "Fussmatte"),
            ("STRASSE", "straße"),
            ("Gießkanne", "GIESSKANNE"),
            ("Smørrebrød", "smoerrebroed"),
            ("Œuvres", "oeuvres"),
            ("u\u{308}ber", "über"),
        ] {
            found(&analyzer, &[(one, other), (other, one)]);
        }
        found(&analyzer, &[("kuehler", "Kühler"), ("kuhler", "KÜHLER")]);
    }
}

#[test]
fn compounds_are_found_by_their_words() {
    found(
        &german(),
        &[
            ("Kühler", "Prozessorkühler"),
            ("kuehler", "Prozessorkühler"),
            ("Prozessor", "Prozessorkühler"),
            ("Ladegerät", "Schnellladegerät"),
            ("ladegeraet", "Schnellladegerät"),
            ("Ladegeräte", "Schnellladegerät"),
            ("Gerät", "Schnellladegerät"),
            ("Matte", "Fußmatte"),
            ("Uhr", "Armbanduhren"),
            ("Tasche", "Notebooktaschen"),
            ("Speicher", "Arbeitsspeicher"),
            ("Kühlerprozessor", "Kühlerprozessor"),
            ("Akku-Schrauber", "Akkuschrauber"),
            ("Akkuschrauber", "Akku-Schrauber"),
        ],
    );
    not_found(
        &german(),
        &[
            ("Kühlschrank", "Prozessorkühler"),
            ("rose", "Dose"),
            ("ung", "Halterung"),
            ("eis", "Preis"),
            ("pro", "Prozessor"),
        ],
    );
    not_found(&of(&[English]), &[("lion", "Pavilion")]);
    found(&of(&[Dutch]), &[("apparaat", "koffiezetapparaat"), ("fiets", "kinderfiets")]);
    found(&of(&[Swedish]), &[("lampa", "skrivbordslampa")]);
    let prose = "Prozessorkühler und mehr. ".repeat(20);
    found(&german(), &[("Prozessorkühler", &prose)]);
    not_found(&german(), &[("Kühler", &prose)]);
    let times = |text: &str| german().terms(text).iter().filter(|term| term.text == "kuhl").count();
    assert!(times("Kühler") > times("Prozessorkühler"), "the word itself counts for more");
}

#[test]
fn words_stand_inside_of_runs() {
    let any = of(&[English]);
    found(
        &any,
        &[
            ("充電", "急速充電器"),
            ("充電器", "急速充電器"),
            ("急速", "急速充電器"),
            ("急速充電器", "充電器 急速"),
            ("器", "急速充電器"),
            ("茶", "緑茶ティーバッグ"),
            ("イヤホン", "ワイヤレスイヤホン"),
            ("ワイヤレスイヤホン", "ワイヤレス イヤホン"),
            ("ｲﾔﾎﾝ", "イヤホン"),
            ("USBケーブル", "USB ケーブル 2m"),
            ("手机", "华为手机壳保护套"),
            ("保护套", "华为手机壳保护套"),
            ("手機殼", "透明手機殼"),
            ("이어폰", "무선이어폰"),
            ("무선", "무선이어폰"),
            ("무선이어폰", "무선 이어폰"),
            ("무선 이어폰", "무선이어폰"),
            ("책", "책상"),
            ("ชาร์จ", "เครื่องชาร์จไร้สาย"),
            ("เครื่องชาร์จ", "หัวเครื่องชาร์จเร็ว"),
            ("หูฟัง", "หูฟังบลูทูธไร้สาย"),
            ("រទេះ", "រទេះរុញទារក"),
            ("ໂທລະສັບ", "ໂທລະສັບມືຖື"),
            ("iPhone用の充電器", "充電器 iPhone"),
        ],
    );
    not_found(
        &any,
        &[
            ("電気", "急速充電器"),
            ("ケース", "ワイヤレスイヤホン"),
            ("스피커", "무선이어폰"),
            ("หูฟัง", "เครื่องชาร์จไร้สาย"),
            ("茶", "急速充電器"),
        ],
    );
}

#[test]
fn a_long_title_without_spaces_is_found_by_each_of_its_words() {
    let any = of(&[English]);
    let title = "折りたたみ式軽量アルミニウム合金製防水仕様屋外用二人用自立型日除け付き簡単設営大型収納袋付属品完備";
    assert_eq!(title.chars().count(), 49);
    for word in [
        "折りたたみ",
        "軽量",
        "アルミニウム",
        "合金",
        "防水",
        "屋外",
        "二人",
        "日除け",
        "設営",
        "収納",
        "付属品",
        "完備",
    ] {
        found(&any, &[(word, title)]);
    }
    found(&any, &[(title, title)]);
    let compound = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft";
    found(&german(), &[(compound, compound)]);
}

#[test]
fn marks_of_other_scripts_are_letters() {
    let any = of(&[English]);
    for (one, other) in [
        ("か", "が"),
        ("はし", "ばし"),
        ("ハス", "バス"),
        ("パス", "バス"),
        ("कप", "कपी"),
        ("दिन", "दीन"),
        ("कम", "काम"),
        ("йод", "иод"),
        ("май", "маи"),
        ("їжа", "іжа"),
        ("มา", "มี"),
        ("ป้า", "ปา"),
        ("தமிழ்", "தமழ"),
        ("ক", "কি"),
        ("가", "각"),
        ("한", "하"),
    ] {
        not_found(&any, &[(one, other), (other, one)]);
    }
    for (one, other) in [
        // Composed and decomposed are the same.
        ("が", "か\u{3099}"),
        ("й", "и\u{306}"),
        ("한국어", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}"),
        ("é", "e\u{301}"),
        // What readers leave out.
        ("كتاب", "كِتَابٌ"),
        ("كِتَاب", "كتاب"),
        ("احمد", "أحمد"),
        ("شاشه", "شاشة"),
        ("محمـــد", "محمد"),
        ("שלום", "שָׁלוֹם"),
        ("کتاب", "كتاب"),
        ("کتابها", "کتاب\u{200c}ها"),
        ("елка", "ёлка"),
        ("ΚΑΦΕΣ", "καφές"),
        ("ban", "bàn"),
        ("Łódź", "Lodz"),
        ("İstanbul", "istanbul"),
        ("ISPARTA", "ısparta"),
        ("espana", "España"),
        ("м'ята", "м’ята"),
    ] {
        found(&any, &[(one, other)]);
    }
    let exact = any.query("año").words.remove(0);
    assert!(exact.terms().any(|term| term == "año"), "its own spelling ranks first: {exact:?}");
    assert!(!all(&any, "ano").contains("año"));
}

#[test]
fn quotation_marks_make_phrases_and_inch_marks_do_not() {
    let english = of(&[English]);
    for query in ["\"black toner\" xerox", "“black toner” xerox"] {
        let quoted = english.query(query);
        assert_eq!((quoted.phrases.len(), quoted.words.len()), (1, 3));
        assert_eq!(quoted.phrases[0], ["black", "toner"]);
    }
    for inches in ["17\" notebook 15\"", "9\" PhotoFrame Philips", "- 9\"/22cm bag", "\"unclosed black toner"] {
        let inches = english.query(inches);
        assert_eq!((inches.words.len(), inches.phrases.len()), (3, 0), "{inches:?}");
    }
    let closed = english.query("\"model 17\"");
    assert_eq!(closed.phrases, [["model", "17"]]);
    assert!(closed.words[1].also.iter().all(|also| !also.contains("inch")), "{closed:?}");
    assert_eq!(english.query("\"急速充電器\"").phrases.len(), 1);
}

#[test]
fn small_words_say_nothing_and_long_queries_end() {
    let count = |languages: &[Language], text: &str| of(languages).query(text).words.len();
    assert_eq!(count(&[German], "Tasche für die Kamera"), 2);
    assert_eq!(count(&[French], "housse pour l'ordinateur de bureau"), 3);
    assert_eq!(count(&[Spanish], "funda para el móvil"), 2);
    assert_eq!(count(&[German], "für die"), 2);
    assert_eq!(count(&[German], "fur"), 1, "a fur is no preposition");
    assert_eq!(count(&[English], &"one two three four five six seven eight nine ten ".repeat(50)), 10);
    assert_eq!(count(&[English], "!!! ??? \" ' -"), 0);
    assert!(count(&[English], &"充電器を買う".repeat(100)) <= MAX_WORDS);
}

#[test]
fn countries_have_languages() {
    for (country, codes) in
        [("DE", "de+en"), ("CH", "de+en"), ("FR", "fr+en"), ("MX", "es+en"), ("IT", "it+en"), ("NL", "nl+en")]
    {
        assert_eq!(Languages::of_country(country).codes(), codes);
    }
    for english in ["US", "GB", "JP", "TH", "ZZ", ""] {
        assert_eq!(Languages::of_country(english).codes(), "en");
    }
    assert_ne!(german().format(), of(&[English]).format(), "an index of other languages is built anew");
}

proptest! {
    #[test]
    fn any_text_is_only_words(text in "\\PC{0,200}") {
        for analyzer in [german(), of(&[English, French, Arabic])] {
            let words = analyzer.query(&text);
            prop_assert!(words.words.len() <= MAX_WORDS);
            for word in &words.words {
                prop_assert!(!word.parts.is_empty() && word.parts.iter().all(|forms| !forms.is_empty()));
                prop_assert!(word.terms().all(|term| !term.is_empty() && !term.contains(char::is_whitespace)));
            }
            let terms = analyzer.terms(&text);
            prop_assert!(terms.iter().all(|term| !term.text.is_empty() && !term.text.contains(char::is_whitespace)));
            prop_assert!(terms.is_sorted_by_key(|term| term.position));
        }
    }

    #[test]
    fn what_a_query_looks_for_is_what_the_text_has(
        text in "[A-Za-z0-9 .,'/x×\"-]{1,60}|[äöüßéa-zа-яёй ]{1,40}|[가-힣 ]{1,20}|[ぁ-んァ-ヶ一-龠0-9a-z ]{1,30}|[ก-๎ ]{1,30}"
    ) {
        for analyzer in [german(), of(&[French])] {
            let index = all(&analyzer, &text);
            for word in analyzer.query(&text).words {
                let found = word.parts.iter().all(|forms| forms.iter().any(|form| index.contains(form)))
                    || word.also.iter().any(|also| index.contains(also));
                prop_assert!(found, "{word:?} in {index:?}");
            }
        }
    }
}
