//! Whole runs against the fake shop.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use clap::Parser;
use souk_bench::args::Args;
use souk_bench::catalog::Catalog;
use souk_bench::load::{Crowd, Pace, Until};
use souk_bench::report::{Report, render};
use souk_bench::scenario::{Checkout, FlashSale, Journey, Pages, Searches, shipping_method};

use crate::fake::{PRODUCTS, Server, Shop, shop};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// Runs the bench as the command line would.
async fn bench(server: &Server, options: &[&str]) -> anyhow::Result<Report> {
    let url = format!("http://{}", server.target.authority);
    let mut line = vec!["bench", "--url", &url, "--operations", &url, "--no-limits", "--seconds", "1", "--warmup", "0"];
    line.extend(["--connections", "4", "--think-ms", "1"]);
    line.extend(options);
    let mut args = Line::parse_from(line).args;
    // The shop under test keeps nothing, whatever the environment says.
    args.database_url = None;
    souk_bench::run(&args, "2026-01-02T03:04:05Z").await
}

async fn catalog(server: &Server) -> Arc<Catalog> {
    Arc::new(Catalog::discover(&server.target).await.unwrap())
}

#[tokio::test]
async fn the_catalogue_is_found_by_paging() {
    let (_, server) = shop(Shop::default()).await;
    let catalog = catalog(&server).await;
    assert_eq!(catalog.products.len(), PRODUCTS);
    assert_eq!(catalog.skus.len(), PRODUCTS - 1, "what cannot be bought is left out");
    assert_eq!(catalog.categories, ["a/b"], "a list of 24 needs 24");
    assert_eq!(shipping_method(&server.target, &catalog).await.unwrap(), "standard");
}

#[tokio::test]
async fn the_warm_up_visits_every_page_once() {
    let (shop, server) = shop(Shop::default()).await;
    let catalog = catalog(&server).await;
    let pages = Arc::new(Pages::products_html(&catalog));
    let mut crowd = Crowd::new(&server.target, 4, None);
    crowd.run(&pages, Pace::Closed, Until::Turns(pages.pages())).await.unwrap();
    let seen = shop.seen.lock().unwrap();
    let visits: Vec<_> = seen.iter().filter(|(path, _)| path.starts_with("/p/")).map(|(_, count)| *count).collect();
    assert_eq!(visits, vec![1; PRODUCTS]);
}

#[tokio::test]
async fn searches_are_all_different_also_over_phases() {
    let (shop, server) = shop(Shop::default()).await;
    let searches = Arc::new(Searches::new(&*catalog(&server).await, 400));
    assert_eq!(searches.different(), 400);
    let mut crowd = Crowd::new(&server.target, 1, None);
    for _ in 0..2 {
        crowd.run(&searches, Pace::Closed, Until::Turns(190)).await.unwrap();
    }
    let asked = shop.searches.lock().unwrap();
    assert_eq!(asked.len(), 380);
    assert_eq!(asked.iter().collect::<HashSet<_>>().len(), 380);
}

#[tokio::test]
async fn a_checkout_is_cart_two_lines_address_and_payment() {
    let (shop, server) = shop(Shop { units: AtomicI64::new(1000), ..Shop::default() }).await;
    let catalog = catalog(&server).await;
    let checkout = Arc::new(Checkout::new("run", &catalog, "standard".into(), true).unwrap());
    let mut crowd = Crowd::new(&server.target, 3, None);
    let (recorder, elapsed) = crowd.run(&checkout, Pace::Closed, Until::Turns(30)).await.unwrap();
    let found = recorder.summaries(elapsed);
    let good: Vec<_> = found.iter().map(|(name, summary)| (name.as_str(), summary.good)).collect();
    assert_eq!(good, [("address", 30), ("cart", 30), ("checkout", 30), ("line", 60), ("pay", 30)]);
    assert_eq!((checkout.placed(), checkout.unsure()), (30, 0));
    assert_eq!(shop.sold.load(Ordering::SeqCst), 30);
}

#[tokio::test]
async fn one_visitor_in_five_buys() {
    let (shop, server) = shop(Shop { units: AtomicI64::new(1000), ..Shop::default() }).await;
    let catalog = catalog(&server).await;
    let checkout = Arc::new(Checkout::new("run", &catalog, "standard".into(), true).unwrap());
    let journey = Arc::new(Journey::new(&catalog, checkout.clone()));
    let mut crowd = Crowd::new(&server.target, 3, None);
    let (recorder, elapsed) = crowd.run(&journey, Pace::Closed, Until::Turns(50)).await.unwrap();
    let found = recorder.summaries(elapsed);
    assert_eq!((found["journey"].good, found["product"].good, found["pay"].good), (50, 100, 10));
    assert_eq!(shop.sold.load(Ordering::SeqCst), 10);
}

fn sale(buyers: usize) -> FlashSale {
    FlashSale { sku: "SKU 1".into(), buyers, run: "run".into(), method: "standard".into(), names_total: true }
}

#[tokio::test]
async fn a_flash_sale_sells_exactly_what_is_there() {
    let (_, server) = shop(Shop { units: AtomicI64::new(20), ..Shop::default() }).await;
    let sale = sale(100).run(&server.target).await.unwrap();
    assert_eq!((sale.units, sale.buyers, sale.sold, sale.told_so, sale.left), (20, 100, 20, 80, 0));
    assert_eq!(sale.faults(), Vec::<String>::new());
}

#[tokio::test]
async fn buyers_who_are_told_to_come_back_do_so_under_the_same_key() {
    let (shop, server) = shop(Shop { units: AtomicI64::new(20), reluctant: true, ..Shop::default() }).await;
    let sale = sale(50).run(&server.target).await.unwrap();
    assert_eq!((sale.sold, sale.told_so, sale.retried), (20, 30, 50));
    assert_eq!(sale.faults(), Vec::<String>::new());
    assert_eq!(shop.tried.lock().unwrap().len(), 50);
}

#[tokio::test]
async fn a_shop_that_oversells_is_found_out_and_the_run_says_so() {
    let (_, server) = shop(Shop { units: AtomicI64::new(20), oversells: true, ..Shop::default() }).await;
    let result = sale(100).run(&server.target).await.unwrap();
    assert_eq!((result.sold, result.told_so), (100, 0));
    assert!(result.faults()[0].contains("oversold: 100 sold of 20"), "{:?}", result.faults());

    let (_, server) = shop(Shop { units: AtomicI64::new(7), oversells: true, ..Shop::default() }).await;
    let report = bench(&server, &["--scenario", "flash-sale", "--flash-sku", "SKU 1"]).await.unwrap();
    assert!(report.faults[0].contains("flash-sale: oversold: 35 sold of 7"), "{:?}", report.faults);
    assert!(render(&report).contains("oversold"), "and the report shows it");
    assert!(report.targets.iter().any(|row| row.what.contains("flash sale") && !row.met));
}

#[tokio::test]
async fn a_whole_run_measures_everything_and_names_what_is_missing() {
    let (_, server) = shop(Shop { units: AtomicI64::new(i64::MAX / 2), ..Shop::default() }).await;
    let pid = std::process::id().to_string();
    let options = ["--scenario", "product-page", "--scenario", "availability", "--scenario", "search"];
    let more = ["--scenario", "checkout", "--shop-pid", &pid, "--throttle-profile", "bench"];
    let report = bench(&server, &[options, more[..6].try_into().unwrap()].concat()).await.unwrap();
    let names: Vec<_> = report.scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    assert_eq!(
        names,
        ["product-page", "search", "search at 1000 a second", "availability", "checkout", "checkout at 300 a second"]
    );
    assert!(report.scenarios.iter().all(|scenario| scenario.whole.good > 0 && scenario.whole.bad == 0), "{report:?}");
    assert_eq!(report.faults, Vec::<String>::new());
    assert_eq!(report.scenarios[0].whole.bytes_each, 1234);
    assert_eq!(report.scenarios[0].hit_ratio, Some(1.0));
    let orders = report.scenarios[4].orders.as_ref().unwrap();
    assert_eq!((orders.commits, orders.statements), (Some(7.0), Some(30.0)));
    assert!(orders.acknowledged >= orders.placed && orders.placed > 0);
    assert!(report.scenarios[0].cpu.shop.is_some() && report.shop_memory.is_some());
    let left = report.left_out.join("\n");
    assert!(left.contains("--no-limits") && left.contains("rules of money and stock"), "{left}");
}

#[tokio::test]
async fn a_shop_elsewhere_is_not_loaded() {
    let args = Line::parse_from(["bench", "--url", "http://192.0.2.7:8080"]).args;
    let error = souk_bench::run(&args, "2026-01-02T03:04:05Z").await.unwrap_err();
    assert!(format!("{error:#}").contains("only shops on this machine"), "{error:#}");
}
