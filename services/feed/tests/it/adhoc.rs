use souk_feed::*;
#[test]
fn adhoc() {
    for (file, mapping, cur) in [
        ("icecat-products.ndjson.gz", Some("icecat"), Some("EUR")),
        ("spree-products.csv", Some("spree"), None),
        ("spree-products.csv", Some("spree"), Some("EUR")),
        ("spree-products.csv", Some("spree"), Some("GBP")),
        ("shopify-apparel.csv", None, Some("EUR")),
    ] {
        let t = std::time::Instant::now();
        let input = Input::file(format!("/work/shared/data/catalog/{file}"));
        let m = mapping.map(|m| Mapping::built_in(m).unwrap());
        println!("mapping {:?}", t.elapsed());
        let mut feed =
            Feed::open(&input, Options { mapping: m.clone(), currency: cur.map(|c| c.parse().unwrap()) }).unwrap();
        let mut n = 0;
        let mut refs = vec![];
        let mut plan = FacetPlan::new();
        let mut out = vec![];
        let mut some = vec![];
        let mut read = std::time::Duration::ZERO;
        loop {
            let t0 = std::time::Instant::now();
            let Some(item) = feed.next() else { break };
            read += t0.elapsed();
            match item {
                Ok(d) => {
                    n += 1;
                    plan.add(&d);
                    export::write_ndjson(&mut out, &d).unwrap();
                    if n % 7000 == 1 || (n < 4 && file.starts_with('s')) {
                        some.push(d);
                    }
                }
                Err(r) => refs.push(r),
            }
        }
        println!(
            "{file} {cur:?}: {n} drafts {} refusals {} skipped read {read:?} all {:?}",
            refs.len(),
            feed.skipped(),
            t.elapsed()
        );
        for r in refs.iter().take(8) {
            println!("  {r}");
        }
        for d in &some {
            println!("{}", serde_json::to_string(d).unwrap());
        }
        for c in plan.choose(m.as_ref()).iter().take(300) {
            println!("{:?}: {}", c.path, c.facets.iter().map(|f| f.key.as_str()).collect::<Vec<_>>().join(", "));
        }
        let t = std::time::Instant::now();
        if out.is_empty() {
            continue;
        }
        let again = Feed::open(&Input::bytes(&out), Options::default()).unwrap();
        let mut out2 = vec![];
        for d in again {
            export::write_ndjson(&mut out2, &d.unwrap()).unwrap();
        }
        println!("round trip equal {} in {:?}", out == out2, t.elapsed());
    }
}
