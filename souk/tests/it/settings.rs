//! A merchant's settings as files: exported, edited, applied with a plan before.

use std::process::Command;

use crate::place::{Place, complaint, said};

/// What a command with a file said.
fn apply(place: &Place, what: &str, file: &std::path::Path, words: &[&str]) -> String {
    said(command(place, what, file).args(words))
}

fn command(place: &Place, what: &str, file: &std::path::Path) -> Command {
    let mut command = place.command(&["import", what]);
    command.arg(file);
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_coupons_and_categories_are_exported_edited_and_applied() {
    let place = Place::new();
    let shop = place.up(&["--demo-products", "5"]).await;

    let rates = said(&mut place.command(&["export", "rates"]));
    let file = place.file("rates.toml", &rates);
    assert_eq!(apply(&place, "rates", &file, &[]), "rates: nothing changes\n", "what was exported is what there is");
    let wanted = rates.replacen("percent = \"19\"", "percent = \"16.5\"", 1);
    assert_ne!(wanted, rates, "{rates}");
    let file = place.file("rates.toml", &wanted);
    let plan = apply(&place, "rates", &file, &["--dry-run"]);
    assert!(plan.contains("standard: 19 % -> 16.5 %\n"), "{plan}");
    assert!(complaint(&mut command(&place, "rates", &file)).contains("--yes"), "nothing is applied unasked");
    assert_eq!(said(&mut place.command(&["export", "rates"])), rates, "and nothing has changed so far");
    apply(&place, "rates", &file, &["--yes"]);
    assert_eq!(said(&mut place.command(&["export", "rates"])), wanted);

    let file = place.file("bad.toml", &wanted.replacen("16.5", "a lot", 1));
    let error = complaint(command(&place, "rates", &file).arg("--yes"));
    assert!(error.contains("\"a lot\" is no percentage"), "{error}");
    let file = place.file("bad.toml", "currency = \"EUR\"\ntaxes = 3\n");
    let error = complaint(command(&place, "rates", &file).arg("--yes"));
    assert!(error.contains("bad.toml, line 2: unknown field `taxes`"), "{error}");

    let coupons = "currency = \"EUR\"\n\n[[coupon]]\ncode = \"SPRING\"\npercent = \"12.5\"\nmax_uses = 100\nminimum = \"20.00\"\n\n\
        [[coupon]]\ncode = \"FIVER\"\namount = \"5.00\"\nends_at = \"2030-01-01T00:00:00Z\"\n";
    let file = place.file("coupons.toml", coupons);
    let plan = apply(&place, "coupons", &file, &["--yes"]);
    assert!(plan.contains("+ SPRING: 12.5 %, from 20.00 EUR, 100 uses\n"), "{plan}");
    let exported = said(&mut place.command(&["export", "coupons"]));
    let file = place.file("coupons.toml", &exported);
    assert_eq!(apply(&place, "coupons", &file, &[]), "coupons: nothing changes\n");
    let one = "currency = \"EUR\"\n[[coupon]]\ncode = \"spring\"\npercent = \"12.5\"\nactive = false\n";
    let plan = apply(&place, "coupons", &place.file("one.toml", one), &["--yes"]);
    assert!(plan.contains("-> 12.5 %, stopped\n1 more are not in the file and stay as they are\n"), "{plan}");

    let categories = "[[category]]\npath = [\"Garden\", \"Pots\"]\nfacets = [{ key = \"size\", label = \"Size\" }]\n";
    let plan = apply(&place, "categories", &place.file("categories.toml", categories), &["--yes"]);
    assert!(plan.contains("+ Garden > Pots: Size (size)\n"), "{plan}");
    let exported = said(&mut place.command(&["export", "categories"]));
    let file = place.file("categories.toml", &exported);
    assert_eq!(apply(&place, "categories", &file, &[]), "categories: nothing changes\n", "{exported}");
    shop.stop().await;
}
