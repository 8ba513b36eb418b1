//! Tests of mappings as files: the shipped ones, mistakes, categories.

use super::*;

const LEAST: &str = "source = 'x'\n[product]\nexternal_id = 'id'\ntitle = 't'\n[price]\namount = 'p'\n[category]\nfallback = ['Other']\n";

#[test]
fn the_least_mapping_and_the_shipped_ones_are_valid() {
    assert_eq!(LEAST.parse::<Mapping>().unwrap().source(), "x");
    for (name, text) in Mapping::shipped() {
        assert_eq!(text.parse::<Mapping>().map(|m| m.source).as_deref(), Ok(*name));
    }
    assert!(Mapping::built_in("nobody").is_none());
}

#[test]
fn mistakes_name_key_and_reason() {
    let wrong = |from: &str, to: &str| LEAST.replacen(from, to, 1).parse::<Mapping>().unwrap_err().to_string();
    for (from, to, want) in [
        ("'x'", "'X y'", "source: a name of [a-z0-9-] is wanted"),
        ("source", "sorce", "source: a name"),
        ("title = 't'", "", "product.title: is missing"),
        ("amount = 'p'", "amount = 'p'\nunit = 'cents'", "price.unit: \"major\" or \"minor\" is wanted, not \"cents\""),
        (
            "amount = 'p'",
            "amount = 'p'\ndefault_currency = 'EURO'",
            "price.default_currency: \"EURO\" is no ISO 4217 currency",
        ),
        ("amount = 'p'", "", "price.amount: is missing"),
        ("fallback = ['Other']", "", "category.fallback: is missing"),
        ("[price]", "[prices]\n[price]", "prices: unknown key; known here: aliases, attributes, category,"),
        ("[price]", "[price", "line 5: "),
        (
            "[category]",
            "[[category.rule]]\npath = ['A']\ntilte = ['a']\n[category]",
            "category.rule[0].path: the rule has no condition",
        ),
        (
            "[category]",
            "[[category.rule]]\npath = ['A']\ntitle = ['?']\n[category]",
            "category.rule[0].title: the keyword \"?\" has no letter",
        ),
        (
            "[category]",
            "[[category.rule]]\npath = ['A']\nhas = ['a']\nnt = 1\n[category]",
            "category.rule[0].nt: unknown key",
        ),
        ("[price]", "[[option]]\nname = 'n'\nvalue = 'v'\n[price]", "rows.group_by: is missing"),
        (
            "[price]",
            "[[attributes.field]]\nfrom = 'a'\nkey = 'A b'\n[price]",
            "attributes.field[0].key: \"A b\" is not of",
        ),
    ] {
        let message = wrong(from, to);
        assert!(message.starts_with(&format!("mapping: {want}")), "{message}");
    }
}

#[test]
fn category_rules_in_their_order() {
    let text = LEAST.replace("[category]", "[category]\nfrom = 'c'\nseparator = '>'\ntext = ['d']")
        + r#"
[[category.rule]]
path = ["A", "Cables"]
title = ["usb cable*", "cord"]
not = ["hub"]
[[category.rule]]
path = ["A", "Hubs"]
text = ["hub"]
brand = ["Acme"]
[[category.rule]]
path = ["A", "Big"]
has = ["size"]
where = { kind = ["x", "y"] }
"#;
    let mapping: Mapping = text.parse().unwrap();
    let choose = |row: &str, title: &str, brand: Option<&str>| {
        mapping.category.choose(&crate::feed::json::record(row).unwrap(), title, brand).join("/")
    };
    assert_eq!(choose(r#"{"c":" P > Q ><b>R</b>"}"#, "usb cable", None), "P/Q/R");
    assert_eq!(choose("{}", "A USB-Cables set", None), "A/Cables");
    assert_eq!(choose("{}", "usb cable hub", None), "Other");
    assert_eq!(choose(r#"{"d":"a Hub!"}"#, "x", Some("ACME")), "A/Hubs");
    assert_eq!(choose("{}", "discord", None), "Other");
    assert_eq!(choose(r#"{"size":1,"kind":"Y"}"#, "x", None), "A/Big");
    assert_eq!(choose(r#"{"size":1}"#, "x", None), "Other");
}
