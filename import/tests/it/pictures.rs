//! Pictures beside an import: which file an address names, in folders and archives, and that nothing outside of them is read.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use souk_import::{Found, Input, PictureFiles, PictureFilesError, ProductDraft, limits};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use crate::{Content, read_with};

/// Files with their own names as content.
fn folder(names: &[&str]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in names {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    dir
}

fn archive(files: &[(&str, &[u8])]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut zip = zip::ZipWriter::new(file.reopen().unwrap());
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    file
}

fn open(path: &Path) -> PictureFiles {
    PictureFiles::open(path).unwrap()
}

/// The path of the file that an address names.
fn named<'a>(files: &'a PictureFiles, written: &str) -> Option<&'a str> {
    match files.find(written) {
        Found::File(file) => Some(files.name(file)),
        Found::Nothing | Found::Several(_) => None,
    }
}

const NAMES: &[&str] = &[
    "m/u/mug.jpg",
    "img/Große Kanne.jpg",
    "img/p/plate.png",
    "red/cup.jpg",
    "blue/cup.jpg",
    "shop.example/media/spoon.webp?v=3",
    "media/fork.jpg",
];

#[test]
fn every_way_of_writing_finds_its_file() {
    let folder = folder(NAMES);
    let files: Vec<(&str, &[u8])> = NAMES.iter().map(|name| (*name, name.as_bytes())).collect();
    let zip = archive(&files);
    for path in [folder.path(), zip.path()] {
        let files = open(path);
        assert_eq!(files.len(), NAMES.len());
        for (written, want) in [
            ("/m/u/mug.jpg", Some("m/u/mug.jpg")),
            ("m/u/mug.jpg", Some("m/u/mug.jpg")),
            ("M\\U\\MUG.JPG", Some("m/u/mug.jpg")),
            ("mug.jpg", Some("m/u/mug.jpg")),
            ("catalog/product/m/u/mug.jpg", Some("m/u/mug.jpg")),
            ("C:\\pictures\\mug.jpg", Some("m/u/mug.jpg")),
            ("file:///C:/pictures/mug.jpg", Some("m/u/mug.jpg")),
            ("/img/gro%C3%9Fe%20kanne.jpg?w=600", Some("img/Große Kanne.jpg")),
            ("img/Große Kanne.jpg", Some("img/Große Kanne.jpg")),
            ("plate.png", Some("img/p/plate.png")),
            ("x/red/cup.jpg", Some("red/cup.jpg")),
            ("cup.jpg", None),
            ("pan.jpg", None),
            ("mug", None),
            // Addresses of the web count with their paths alone.
            ("https://shop.example/media/spoon.webp?v=3", Some("shop.example/media/spoon.webp?v=3")),
            ("http://SHOP.example/media/fork.jpg?v=9", Some("media/fork.jpg")),
            ("https://other.example/m/u/mug.jpg", Some("m/u/mug.jpg")),
            ("https://shop.example/mug.jpg", None),
            ("https://shop.example/catalog/m/u/mug.jpg", None),
            ("ftp://x/mug.jpg", None),
        ] {
            assert_eq!(named(&files, written), want, "{written}");
        }
        assert_eq!(files.find("cup.jpg"), Found::Several(2));
        let Found::File(mug) = files.find("mug.jpg") else { panic!() };
        assert_eq!(files.read(mug).unwrap(), b"m/u/mug.jpg");
    }
}

#[test]
fn names_that_differ_in_case_alone_are_told_apart() {
    let folder = folder(&["a/Mug.jpg", "a/mug.jpg"]);
    let files = open(folder.path());
    assert_eq!(
        (named(&files, "/a/mug.jpg"), named(&files, "/a/Mug.jpg"), named(&files, "/a/MUG.JPG")),
        (Some("a/mug.jpg"), Some("a/Mug.jpg"), Some("a/Mug.jpg"))
    );
}

#[test]
fn nothing_outside_is_found() {
    let outside = folder(&["secret.jpg", "deep/secret2.jpg"]);
    let shop = folder(&["real/mug.jpg", "other/pan.jpg"]);
    let (inside, out) = (shop.path(), outside.path());
    for (target, link) in [
        (out.join("secret.jpg"), "link.jpg"),
        (out.join("deep"), "linked"),
        (inside.to_owned(), "round"),
        (inside.join("nowhere.jpg"), "broken.jpg"),
        (inside.join("real/mug.jpg"), "alias.jpg"),
    ] {
        std::os::unix::fs::symlink(target, inside.join(link)).unwrap();
    }
    pipe(&inside.join("pipe.jpg"));
    let files = open(inside);
    assert_eq!(files.len(), 3, "two files and the link that stays within");
    let secret = out.join("secret.jpg");
    for written in [
        "link.jpg",
        "linked/secret2.jpg",
        "secret2.jpg",
        "broken.jpg",
        "pipe.jpg",
        secret.to_str().unwrap(),
        "../secret.jpg",
        "real/../../secret.jpg",
        "%2e%2e/secret.jpg",
        "..\\..\\secret.jpg",
        "/etc/passwd",
        "file:///etc/passwd",
        "real",
        "",
        "/",
    ] {
        assert_eq!(named(&files, written), None, "{written}");
    }
    let Found::File(alias) = files.find("alias.jpg") else { panic!() };
    assert_eq!(files.read(alias).unwrap(), b"real/mug.jpg");

    let zip = archive(&[("../up.jpg", b"x"), ("a/../../up2.jpg", b"x"), ("..\\up3.jpg", b"x"), ("ok\\in.jpg", b"in")]);
    let files = open(zip.path());
    assert_eq!((files.len(), named(&files, "up.jpg"), named(&files, "in.jpg")), (1, None, Some("ok/in.jpg")));
}

/// A pipe that is never written to: opening it would wait for ever.
fn pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn archives_cost_no_more_than_they_may() {
    let bomb = vec![0; limits::PICTURE_BYTES as usize + 1];
    let zip = archive(&[("bomb.jpg", &bomb), ("full.jpg", &bomb[1..]), ("good.jpg", b"good")]);
    let mut bytes = std::fs::read(zip.path()).unwrap();
    let refusal = |path: &Path, name: &str| {
        let files = open(path);
        let Found::File(file) = files.find(name) else { panic!("{name}") };
        files.read(file).map_err(|defect| defect.code)
    };
    assert_eq!(refusal(zip.path(), "bomb.jpg"), Err("media_too_large"));
    assert_eq!(refusal(zip.path(), "full.jpg").map(|content| content.len()), Ok(bomb.len() - 1));
    // One byte of the content is damaged: the others are read.
    let at = bytes.windows(4).position(|part| part == b"good").unwrap();
    let content = at + "good.jpg".len();
    bytes[content] ^= 1;
    let damaged = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(damaged.path(), &bytes).unwrap();
    assert_eq!(refusal(damaged.path(), "good.jpg"), Err("unreadable_picture"));
    assert!(refusal(damaged.path(), "full.jpg").is_ok());

    let many: Vec<String> = (0..=limits::ARCHIVE_ENTRIES).map(|at| format!("{at}.jpg")).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let error = |path: &Path| PictureFiles::open(path).unwrap_err();
    assert!(matches!(error(archive(&many).path()), PictureFilesError::TooMany(_, limits::ARCHIVE_ENTRIES)));
    assert!(matches!(error(damaged.path().parent().unwrap().join("none").as_path()), PictureFilesError::Io(..)));
    std::fs::write(damaged.path(), "no archive").unwrap();
    assert!(matches!(error(damaged.path()), PictureFilesError::NoArchive(..)));
}

/// Addresses and files of a product's pictures.
fn pictures(files: &PictureFiles, draft: &ProductDraft) -> Vec<String> {
    let media = draft.product.media.iter().enumerate();
    media
        .map(|(at, media)| {
            let file = draft.files.get(&at).map(|file| files.name(*file));
            [media.source_url.as_deref(), file, media.url.as_deref()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" = ")
        })
        .collect()
}

fn import(files: &Arc<PictureFiles>, mapping: Option<&str>, text: &str) -> Content {
    read_with(&Input::bytes(text), mapping, Some("EUR"), Some(Arc::clone(files)))
}

#[test]
fn products_of_every_platform_take_their_files() {
    let folder = folder(&["m/u/mug.jpg", "m/u/mug_2.jpg", "img/plate.jpg", "cup.jpg", "s.example/i/pan.jpg"]);
    let files = Arc::new(open(folder.path()));

    let magento = import(
        &files,
        None,
        "sku,attribute_set_code,product_type,name,product_online,price,base_image,additional_images,qty\n\
         mug,Default,simple,Mug,1,5,/m/u/mug.jpg,\"/m/u/mug.jpg,/m/u/mug_2.jpg,/n/o/none.jpg\",1\n",
    );
    assert_eq!(pictures(&files, magento.draft("mug")), ["m/u/mug.jpg", "m/u/mug_2.jpg"]);
    assert_eq!(magento.product("mug").variants[0].media, Some(0));
    assert_eq!(magento.warned(), [(2, "missing_picture")]);

    let shopify = import(
        &files,
        None,
        "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price,Image Src,Variant Image\n\
         cup,Cup,Size,S,C-S,5,C:\\pictures\\cup.jpg,\n\
         cup,,,L,C-L,6,https://s.example/i/pan.jpg,/img/plate.jpg\n\
         cup,,,XL,C-XL,6,https://s.example/i/other.jpg,CUP.JPG\n",
    );
    let want = [
        "cup.jpg",
        "https://s.example/i/pan.jpg = s.example/i/pan.jpg",
        "https://s.example/i/other.jpg",
        "img/plate.jpg",
    ];
    assert_eq!(pictures(&files, shopify.draft("cup")), want);
    let shown: Vec<_> = shopify.product("cup").variants.iter().map(|variant| variant.media).collect();
    assert_eq!((shown, shopify.warned()), (vec![None, Some(3), Some(0)], vec![]));

    let prestashop = import(
        &files,
        Some("prestashop"),
        "Product ID;Active (0/1);Name *;Categories (x,y,z...);Price tax excluded;Image URLs (x,y,z...)\n\
         1;1;Plate;Home;5;img/plate.jpg,mug_2.jpg\n",
    );
    assert_eq!(
        pictures(&files, &prestashop.drafts[0]),
        ["img/plate.jpg", "m/u/mug_2.jpg"],
        "{:?}",
        prestashop.warnings
    );

    // A list in a cell that the mapping does not part, and a name with the sign of a list in it.
    let plain = "source='x'\n[product]\nexternal_id='id'\ntitle='t'\nmedia='p'\n[price]\namount='c'\n[category]\nfallback=['O']\n";
    let cells = import(&files, Some(plain), "id;t;c;p\n1;A;5;\"mug.jpg|cup.jpg; nope.jpg, plate.jpg\"\n");
    assert_eq!(pictures(&files, &cells.drafts[0]), ["m/u/mug.jpg", "cup.jpg", "img/plate.jpg"]);
    assert_eq!(cells.warned(), [(2, "missing_picture")]);
}

#[test]
fn the_limit_of_pictures_holds_for_files_too() {
    let names: Vec<String> = (0..limits::MEDIA + 3).map(|at| format!("{at}.jpg")).collect();
    let folder = folder(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let files = Arc::new(open(folder.path()));
    let plain = "source='x'\n[product]\nexternal_id='id'\ntitle='t'\nmedia='p'\n[price]\namount='c'\n[category]\nfallback=['O']\n";
    let got = import(&files, Some(plain), &format!("id;t;c;p\n1;A;5;\"{}\"\n", names.join(",")));
    assert_eq!((got.drafts[0].files.len(), got.warned()), (limits::MEDIA, vec![(2, "too_many")]));
}

#[test]
fn without_a_folder_the_warning_names_the_flag() {
    let got = read_with(
        &Input::bytes("Handle,Title,Variant SKU,Variant Price,Image Src\nmug,Mug,M,5,mug.jpg\n"),
        Some("shopify"),
        Some("EUR"),
        None,
    );
    assert_eq!(got.warned(), [(2, "invalid_media")]);
    assert!(got.warnings[0].reason.contains("--images"), "{}", got.warnings[0]);
    assert!(got.product("mug").media.is_empty());
}
