//! Facet selection: facets are few, cover many products and divide them.

use souk_import::{FacetPlan, Input, Mapping, limits};

use crate::read;

#[test]
fn the_attributes_that_most_products_share_and_few_values_have() {
    let mut lines = String::new();
    for i in 0..100 {
        lines.push_str(&format!(
            "{{\"id\":\"{i}\",\"title\":\"Acme notebook {i}\",\"name\":\"p{i}\",\"price\":5,\
             \"attr_t_product_colour\":\"{}\",\"attr_b_touchscreen\":{},\"attr_n_serial\":{i},\"attr_t_same\":\"x\",\
             \"attr_n_package_width\":{}{}}}\n",
            ["red", "blue", "green"][i % 3],
            i % 2 == 0,
            i % 4,
            if i < 5 { ",\"attr_t_rare\":\"y\"" } else { "" },
        ));
    }
    let drafts = read(&Input::bytes(lines), Some("icecat"), Some("EUR")).drafts;
    let mut plan = FacetPlan::new();
    drafts.iter().for_each(|draft| plan.add(draft));
    let chosen = plan.choose(Mapping::built_in("icecat").as_ref());
    let paths: Vec<_> = chosen.iter().map(|c| c.path.join("/")).collect();
    assert_eq!(paths, ["Computers", "Computers/Notebooks"]);
    for category in &chosen {
        let keys: Vec<_> = category.facets.iter().map(|f| f.key.as_str()).collect();
        assert_eq!(keys, ["product_colour", "touchscreen"], "unique, constant, rare and forbidden ones are none");
        assert_eq!(category.facets[0].label, "Colour");
    }
}

#[test]
fn never_more_than_the_limit_and_always_the_same() {
    let mut lines = String::new();
    for i in 0..60 {
        let attributes: Vec<String> = (0..30).map(|a| format!("\"attr_t_a{a}\":\"v{}\"", (i + a) % 3)).collect();
        lines.push_str(&format!("{{\"id\":\"{i}\",\"title\":\"Notebook\",\"price\":5,{}}}\n", attributes.join(",")));
    }
    let drafts = read(&Input::bytes(lines), Some("icecat"), Some("EUR")).drafts;
    let choose = |drafts: &mut dyn Iterator<Item = &souk_import::ProductDraft>| {
        let mut plan = FacetPlan::new();
        drafts.for_each(|draft| plan.add(draft));
        plan.choose(None)
    };
    let chosen = choose(&mut drafts.iter());
    assert!(chosen.iter().all(|category| category.facets.len() == limits::FACETS_PER_CATEGORY));
    assert_eq!(chosen, choose(&mut drafts.iter().rev()));
}
