//! Batch plan, what becomes of each product, decided in memory from what the store found: each stands alone, so a taken SKU
//! or a bad product refuses itself and nothing else.

use std::collections::{BTreeMap, HashMap, HashSet};

use souk_catalog_api::{CategoryId, Outcome, ProductId, ProductInput, ProductOutcome, Status, VariantId};

use super::check::{self, InputRejected, rejected};
use super::slug;

/// A product of the batch that is there already.
#[derive(Clone, Debug)]
pub struct KnownProduct {
    /// The product.
    pub id: ProductId,
    /// Its address.
    pub slug: String,
    /// Fingerprint of what was put last.
    pub content_hash: String,
    /// Its version.
    pub version: i64,
    /// Whether buyers see it.
    pub published: bool,
    /// Its category.
    pub category_id: CategoryId,
    /// SKU and id of its variants.
    pub variants: Vec<(String, VariantId)>,
}

/// What the store knows about the things a batch names. No other transaction writes until the batch is committed.
#[derive(Debug, Default)]
pub struct CatalogSnapshot {
    /// By source and external id.
    pub products: HashMap<(String, String), KnownProduct>,
    /// Who holds the SKUs of the batch.
    pub skus: HashMap<String, ProductId>,
    /// Who holds or held the wanted slugs, and those with a number appended.
    pub slugs: HashMap<String, ProductId>,
    /// The batch's categories, each with its path from the root to itself.
    pub categories: HashMap<CategoryId, Vec<CategoryId>>,
}

/// One product to write.
#[derive(Debug, PartialEq, Eq)]
pub struct Write {
    /// Index into the batch.
    pub input: usize,
    /// The product.
    pub id: ProductId,
    /// Not there yet.
    pub new: bool,
    /// Its version after the write.
    pub version: i64,
    /// Its address.
    pub slug: String,
    /// The address it had until now, when that was another.
    pub old_slug: Option<String>,
    /// One per variant of the input.
    pub variants: Vec<VariantId>,
    /// Variants the input does not have any more.
    pub removed: Vec<VariantId>,
    /// Its categories from leaf to root, then those it leaves.
    pub categories: Vec<CategoryId>,
}

/// What a batch does.
#[derive(Debug, Default)]
pub struct Plan {
    /// One per input, in order.
    pub outcomes: Vec<ProductOutcome>,
    /// Products to write.
    pub writes: Vec<Write>,
    /// Published products that categories gain or lose.
    pub counts: BTreeMap<CategoryId, i64>,
}

/// What is wrong with each product of a batch by itself. Only those without a fault may be looked for in the store.
pub fn faults(inputs: &[ProductInput]) -> Vec<Option<InputRejected>> {
    let mut seen = HashSet::new();
    let fault = |input: &ProductInput| {
        let fault = check::product(input).err();
        let doubled = fault.is_none() && !seen.insert((input.source.clone(), input.external_id.clone()));
        match doubled {
            true => Some(rejected("duplicate_product", "the same product stands before in this batch")),
            false => fault,
        }
    };
    inputs.iter().map(fault).collect()
}

/// Decides a batch, given the faults of its products. `new_id` makes ids for new products and variants.
pub fn plan(
    inputs: &[ProductInput],
    faults: Vec<Option<InputRejected>>,
    mut snapshot: CatalogSnapshot,
    mut new_id: impl FnMut() -> uuid::Uuid,
) -> Plan {
    let mut plan = Plan::default();
    for (at, (input, fault)) in inputs.iter().zip(faults).enumerate() {
        let decided = fault.map_or_else(|| decide(at, input, &mut snapshot, &mut new_id), Err);
        let outcome = match decided {
            Ok(Decision::Unchanged(id)) => (Some(id), Outcome::Unchanged),
            Ok(Decision::Write(write, counts)) => {
                let outcome = if write.new { Outcome::Created } else { Outcome::Updated };
                let id = write.id;
                plan.writes.push(write);
                for (category, change) in counts {
                    *plan.counts.entry(category).or_default() += change;
                }
                (Some(id), outcome)
            }
            Err(InputRejected { code, reason }) => (None, Outcome::Refused { code: code.to_owned(), reason }),
        };
        plan.outcomes.push(ProductOutcome {
            external_id: input.external_id.clone(),
            id: outcome.0,
            outcome: outcome.1,
        });
    }
    plan.counts.retain(|_, change| *change != 0);
    plan
}

enum Decision {
    Unchanged(ProductId),
    Write(Write, Vec<(CategoryId, i64)>),
}

fn decide(
    at: usize,
    input: &ProductInput,
    snapshot: &mut CatalogSnapshot,
    new_id: &mut impl FnMut() -> uuid::Uuid,
) -> Result<Decision, InputRejected> {
    let identity = (input.source.clone(), input.external_id.clone());
    let old = snapshot.products.get(&identity).cloned();
    if let Some(old) = old.as_ref().filter(|old| old.content_hash == input.content_hash) {
        return Ok(Decision::Unchanged(old.id));
    }
    let Some(path) = snapshot.categories.get(&input.category_id) else {
        return Err(rejected("unknown_category", format!("there is no category {}", input.category_id)));
    };
    let mut categories: Vec<CategoryId> = path.iter().rev().copied().collect();
    let id = old.as_ref().map_or_else(|| ProductId(new_id()), |old| old.id);
    for variant in &input.variants {
        if snapshot.skus.get(&variant.sku).is_some_and(|holder| *holder != id) {
            return Err(rejected("sku_taken", format!("SKU {} belongs to another product", variant.sku)));
        }
    }
    // From here on it is taken: what it holds now is held against the rest of the batch.
    snapshot.skus.extend(input.variants.iter().map(|variant| (variant.sku.clone(), id)));
    let slug = address(input, id, old.as_ref(), &mut snapshot.slugs);
    let published = input.status == Status::Published;
    let mut counts = Vec::new();
    if published {
        counts.push((input.category_id, 1));
    }
    let before = old.as_ref().map(|old| old.variants.as_slice()).unwrap_or_default();
    let ids: HashMap<&str, VariantId> = before.iter().map(|(sku, id)| (sku.as_str(), *id)).collect();
    let kept: HashSet<&str> = input.variants.iter().map(|variant| variant.sku.as_str()).collect();
    let variant_id = |sku: &str| ids.get(sku).copied();
    let mut variants = Vec::with_capacity(input.variants.len());
    for variant in &input.variants {
        variants.push(variant_id(&variant.sku).unwrap_or_else(|| VariantId(new_id())));
    }
    let removed = before.iter().filter(|(sku, _)| !kept.contains(sku.as_str())).map(|(_, id)| *id).collect();
    if let Some(old) = &old {
        if old.published {
            counts.push((old.category_id, -1));
        }
        let left = snapshot.categories.get(&old.category_id).map(Vec::as_slice).unwrap_or_default();
        let left: Vec<_> = left.iter().rev().filter(|id| !categories.contains(id)).copied().collect();
        categories.extend(left);
    }
    let write = Write {
        input: at,
        id,
        new: old.is_none(),
        version: old.as_ref().map_or(1, |old| old.version + 1),
        old_slug: old.map(|old| old.slug).filter(|old| *old != slug),
        slug,
        variants,
        removed,
        categories,
    };
    Ok(Decision::Write(write, counts))
}

/// The address: the one it has if that answers the wish, else the wish or the first free number after it.
fn address(
    input: &ProductInput,
    id: ProductId,
    old: Option<&KnownProduct>,
    slugs: &mut HashMap<String, ProductId>,
) -> String {
    if let Some(old) = old.filter(|old| slug::answers(&old.slug, &input.slug)) {
        return old.slug.clone();
    }
    let free = |slug: &str| slugs.get(slug).is_none_or(|holder| *holder == id);
    let slug = slug::first_free(&input.slug, free);
    slugs.insert(slug.clone(), id);
    slug
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use souk_catalog_api::VariantInput;
    use uuid::Uuid;

    use super::*;

    const HOME: CategoryId = CategoryId(Uuid::from_u128(1));

    fn input(external_id: &str, slug: &str, skus: &[&str]) -> ProductInput {
        let variants = skus.iter().enumerate().map(|(n, sku)| VariantInput {
            external_id: None,
            sku: (*sku).to_owned(),
            option_values: vec![n.to_string()],
            barcode: None,
            weight_grams: 0,
            tax_category: "standard".into(),
            media: None,
        });
        ProductInput {
            source: "test".into(),
            external_id: external_id.into(),
            slug: slug.into(),
            title: "Title".into(),
            brand: None,
            description: String::new(),
            status: Status::Published,
            category_id: HOME,
            attributes: Vec::new(),
            options: vec![souk_catalog_api::ProductOption {
                name: "No".into(),
                values: (0..skus.len()).map(|n| n.to_string()).collect(),
            }],
            variants: variants.collect(),
            media: Vec::new(),
            tags: Vec::new(),
            seo_title: None,
            description_html: None,
            seo_description: None,
            content_hash: format!("{external_id} {slug} {skus:?}"),
        }
    }

    /// What the store would find after the plan was written.
    fn after(inputs: &[ProductInput], plan: &Plan, mut snapshot: CatalogSnapshot) -> CatalogSnapshot {
        for write in &plan.writes {
            let input = &inputs[write.input];
            let skus = input.variants.iter().map(|v| v.sku.clone());
            snapshot.products.insert(
                (input.source.clone(), input.external_id.clone()),
                KnownProduct {
                    id: write.id,
                    slug: write.slug.clone(),
                    content_hash: input.content_hash.clone(),
                    version: write.version,
                    published: true,
                    category_id: input.category_id,
                    variants: skus.clone().zip(write.variants.iter().copied()).collect(),
                },
            );
            snapshot.skus.retain(|_, holder| *holder != write.id);
            snapshot.skus.extend(skus.map(|sku| (sku, write.id)));
            snapshot.slugs.insert(write.slug.clone(), write.id);
        }
        snapshot
    }

    fn snapshot() -> CatalogSnapshot {
        CatalogSnapshot { categories: HashMap::from([(HOME, vec![HOME])]), ..CatalogSnapshot::default() }
    }

    /// New ones at each call.
    fn ids() -> impl FnMut() -> Uuid {
        static CALLS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let mut next = u128::from(CALLS.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) << 64;
        move || {
            next += 1;
            Uuid::from_u128(next)
        }
    }

    fn plan(inputs: &[ProductInput], snapshot: CatalogSnapshot, new_id: impl FnMut() -> Uuid) -> Plan {
        super::plan(inputs, faults(inputs), snapshot, new_id)
    }

    fn codes(plan: &Plan) -> Vec<&str> {
        plan.outcomes
            .iter()
            .map(|outcome| match &outcome.outcome {
                Outcome::Created => "created",
                Outcome::Updated => "updated",
                Outcome::Unchanged => "unchanged",
                Outcome::Refused { code, .. } => code,
            })
            .collect()
    }

    #[test]
    fn a_bad_one_refuses_itself_alone() {
        let mut nowhere = input("4", "d", &["s4"]);
        nowhere.category_id = CategoryId(Uuid::from_u128(9));
        let mut nameless = input("5", "e", &["s5"]);
        nameless.title = " ".into();
        let inputs = [
            input("1", "a", &["s1"]),
            input("2", "b", &["s1"]),
            input("1", "c", &["s3"]),
            nowhere,
            nameless,
            input("6", "f", &["s6"]),
        ];
        let plan = plan(&inputs, snapshot(), ids());
        let want = ["created", "sku_taken", "duplicate_product", "unknown_category", "missing_field", "created"];
        assert_eq!(codes(&plan), want);
        assert_eq!(plan.counts, BTreeMap::from([(HOME, 2)]));
    }

    #[test]
    fn a_product_keeps_its_address_its_variants_and_its_old_links() {
        let first = [input("1", "a", &["s1"]), input("2", "a", &["s2", "s3"])];
        let done = plan(&first, snapshot(), ids());
        assert_eq!(done.writes[1].slug, "a-2");
        let snapshot = after(&first, &done, snapshot());
        let mut wish = input("2", "a", &["s3", "s9"]);
        wish.content_hash = "other".into();
        let kept =
            plan(&[wish], CatalogSnapshot { categories: snapshot.categories.clone(), ..clone(&snapshot) }, ids());
        let write = &kept.writes[0];
        assert_eq!((write.slug.as_str(), &write.old_slug, write.version), ("a-2", &None, 2));
        assert_eq!(write.variants[0], done.writes[1].variants[1], "s3 is still the same variant");
        assert_eq!(write.removed, [done.writes[1].variants[0]]);
        assert_eq!(kept.counts, BTreeMap::new(), "it was counted already");
        let moved = plan(&[input("2", "b", &["s2"])], snapshot, ids());
        assert_eq!((moved.writes[0].slug.as_str(), moved.writes[0].old_slug.as_deref()), ("b", Some("a-2")));
    }

    fn clone(snapshot: &CatalogSnapshot) -> CatalogSnapshot {
        CatalogSnapshot {
            products: snapshot.products.clone(),
            skus: snapshot.skus.clone(),
            slugs: snapshot.slugs.clone(),
            categories: snapshot.categories.clone(),
        }
    }

    proptest! {
        #[test]
        fn no_two_products_share_a_sku_or_slug_and_a_second_run_changes_nothing(
            batch in prop::collection::vec((0u8..6, 0u8..3, prop::collection::hash_set(0u8..8, 1..4)), 1..12)
        ) {
            let inputs: Vec<_> = batch.iter().map(|(id, slug, skus)| {
                let skus: Vec<String> = skus.iter().map(|n| format!("s{n}")).collect();
                let skus: Vec<&str> = skus.iter().map(String::as_str).collect();
                input(&id.to_string(), &format!("p{slug}"), &skus)
            }).collect();
            let first = plan(&inputs, snapshot(), ids());
            let skus: Vec<_> = first.writes.iter().flat_map(|w| inputs[w.input].variants.iter().map(|v| &v.sku)).collect();
            prop_assert_eq!(skus.iter().collect::<HashSet<_>>().len(), skus.len());
            let slugs: HashSet<_> = first.writes.iter().map(|w| &w.slug).collect();
            prop_assert_eq!(slugs.len(), first.writes.len());
            let again = plan(&inputs, after(&inputs, &first, snapshot()), ids());
            prop_assert!(again.writes.is_empty());
            prop_assert!(again.counts.is_empty());
        }
    }
}
