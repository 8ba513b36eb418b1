//! Home page: `GET /`.

use axum::extract::State;
use futures_util::future::try_join_all;
use souk_catalog_api::Look;
use souk_search_api::{Hit, SearchReply, SearchRequest, Sort};
use souk_web::WebCx;
use uuid::Uuid;

use crate::app::App;
use crate::listing_query::ListingQuery;
use crate::reply::{PageResult, product_keys, public};
use crate::view::card::{cards, hit_picture, product};
use crate::view::count;
use crate::view::home::{Arch, HomePage, Section, Tile};
use crate::view::picture::{HERO, IN_ROW, Loading, TILE};

/// Products in the big picture.
const ARCHES: usize = 3;
/// Products of one row, and of two on a narrow screen.
const SHELF: u32 = 8;
/// Products of a department that its picture is chosen from: one that is not elsewhere on the page, if there is one.
const TILE_CHOICES: u32 = 4;
/// What counts as a small find, in minor units of the shop's currency.
const SMALL_FIND: i64 = 2_500;

pub(crate) async fn show(State(app): State<App>, WebCx(cx): WebCx) -> PageResult {
    let mut layout = app.layout(&cx, "A market of good things").await?.listed_at("/");
    layout.title = format!("{} – a market of good things", layout.shop);
    layout.description = "Made to last: for the kitchen, the desk, the garden, and everybody who lives there.".into();
    let newest =
        SearchRequest { sort: Sort::Newest, limit: ARCHES as u32 + SHELF, available: true, ..Default::default() };
    let small = SearchRequest { price_max: Some(SMALL_FIND), limit: SHELF, available: true, ..Default::default() };
    let tiles = layout.nav.groups.iter().map(|group| {
        let request = SearchRequest { category: Some(group.path.clone()), limit: TILE_CHOICES, ..Default::default() };
        app.search(&cx, request)
    });
    let tiles = try_join_all(tiles);
    let (newest, small, tiles) = tokio::try_join!(app.search(&cx, newest), app.search(&cx, small), tiles)?;

    let mut shown: Vec<_> = newest.items.iter().chain(&small.items).map(|hit| hit.id).collect();
    let faces: Vec<_> = tiles.iter().map(|reply| face(reply, &shown)).collect();
    shown.extend(faces.iter().flatten().map(|hit| hit.id));
    let mut keys = product_keys(&shown);
    keys.extend(["home".to_owned(), "categories".to_owned()]);
    let tiles = layout.nav.groups.iter().zip(faces).map(|(group, face)| Tile {
        href: group.href.clone(),
        name: group.name.clone(),
        picture: match face {
            Some(hit) => hit_picture(&layout.cdn, hit, &TILE, Loading::Lazy),
            None => TILE.picture(&layout.cdn, "", Look::default()),
        },
        count: count(group.products.unsigned_abs(), "thing", "things"),
    });
    let tiles = tiles.collect();
    let total: u64 = layout.nav.groups.iter().map(|group| group.products.unsigned_abs()).sum();
    let mut hits = newest.items;
    let newest = hits.split_off(hits.len().min(ARCHES));
    let hero = hits.iter().map(|hit| Arch {
        href: product(&hit.slug),
        picture: hit_picture(&layout.cdn, hit, &HERO, Loading::Eager).named(&hit.title),
    });
    let small_href = ListingQuery { price: Some(format!("-{SMALL_FIND}")), ..ListingQuery::parse("") }.href("/search");
    let sections = [
        Section {
            id: "new",
            title: "Just arrived",
            href: "/search?sort=newest".into(),
            more: "All new things",
            cards: cards(&layout.cdn, newest, &IN_ROW, false),
        },
        Section {
            id: "small",
            title: "Small finds",
            href: small_href,
            more: "All small finds",
            cards: cards(&layout.cdn, small.items, &IN_ROW, false),
        },
    ];
    let page = HomePage {
        count_text: format!(
            "{} on {}",
            count(total, "thing", "things"),
            count(layout.nav.groups.len() as u64, "stall", "stalls")
        ),
        hero: hero.collect(),
        tiles,
        sections: sections.into_iter().filter(|section| !section.cards.is_empty()).collect(),
        layout,
    };
    public(&page, &keys)
}

/// The product whose picture stands for a department.
fn face<'a>(reply: &'a SearchReply, shown: &[Uuid]) -> Option<&'a Hit> {
    reply.items.iter().find(|hit| !shown.contains(&hit.id)).or(reply.items.first())
}
