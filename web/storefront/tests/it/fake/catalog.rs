//! Fakes of catalogue, search, prices and stock.

use jiff::Timestamp;
use souk_catalog_api::*;
use souk_import::ProductDraft;
use souk_inventory_api::{Availabilities, Availability, AvailabilityRequest};
use souk_kernel::{Problem, slugify};
use souk_pricing_api::*;
use souk_rpc::Cx;
use souk_search_api::*;
use uuid::Uuid;

use super::{EUR, FakeShop, NOW};

/// Categories and products of drafts.
pub fn stock_up(drafts: &[ProductDraft]) -> (Vec<Category>, Vec<Product>) {
    let mut categories: Vec<Category> = Vec::new();
    for wanted in souk_demo::categories() {
        for depth in 1..=wanted.path.len() {
            let names = &wanted.path[..depth];
            let path = names.iter().map(|name| slugify(name)).collect::<Vec<_>>().join("/");
            if categories.iter().any(|category| category.path == path) {
                continue;
            }
            let parent = path.rsplit_once('/').map(|(parent, _)| parent);
            let parent_id = parent.and_then(|p| categories.iter().find(|c| c.path == p)).map(|c| c.id);
            let products = drafts.iter().filter(|draft| draft.category.starts_with(names)).count() as i64;
            let facets =
                wanted.facets.iter().map(|(key, label)| FacetAttribute { key: (*key).into(), label: (*label).into() });
            categories.push(Category {
                id: CategoryId(Uuid::from_u128(1 + categories.len() as u128)),
                parent_id,
                path,
                name: names[depth - 1].clone(),
                position: categories.len() as i32,
                products,
                facets: if depth == 2 { facets.collect() } else { Vec::new() },
                version: 1,
            });
        }
    }
    let products = drafts.iter().enumerate().map(|(i, draft)| product(i, draft, &categories)).collect();
    (categories, products)
}

fn product(i: usize, draft: &ProductDraft, categories: &[Category]) -> Product {
    let path = draft.category.iter().map(|name| slugify(name)).collect::<Vec<_>>().join("/");
    let ancestors = categories.iter().filter(|c| path == c.path || path.starts_with(&format!("{}/", c.path)));
    let category_path: Vec<CategoryId> = ancestors.map(|c| c.id).collect();
    let at = Timestamp::from_second(NOW).unwrap();
    let draft = &draft.product;
    Product {
        id: ProductId(Uuid::from_u128(1_000 + i as u128)),
        source: Some(draft.source.clone()),
        external_id: Some(draft.external_id.clone()),
        slug: draft.slug.clone(),
        title: draft.title.clone(),
        brand: draft.brand.clone(),
        description: draft.description.clone(),
        status: Status::Published,
        category_id: category_path.last().copied(),
        category_path,
        motif: path.rsplit('/').next().unwrap_or_default().to_owned(),
        attributes: draft.attributes.clone(),
        options: draft.options.clone(),
        variants: draft
            .variants
            .iter()
            .enumerate()
            .map(|(v, variant)| Variant {
                id: VariantId(Uuid::from_u128(1_000_000 + (i * 1_000 + v) as u128)),
                external_id: None,
                sku: variant.sku.clone(),
                option_values: variant.option_values.clone(),
                barcode: variant.barcode.clone(),
                weight_grams: variant.weight_grams,
                tax_category: variant.tax_category.clone(),
                media: variant.media,
            })
            .collect(),
        media: draft
            .media
            .iter()
            .map(|m| Media {
                url: m.source_url.as_deref().map(FakeShop::media),
                source_url: m.source_url.clone(),
                alt: m.alt.clone(),
                width: Some(800),
                height: Some(800),
                look: Look::default(),
            })
            .collect(),
        tags: draft.tags.clone(),
        seo_title: None,
        description_html: None,
        seo_description: None,
        version: 1,
        created_at: at,
        updated_at: at,
    }
}

impl FakeShop {
    pub async fn product_by_slug(&self, _: &Cx, req: BySlug) -> Result<Product, Problem> {
        self.up("catalog")?;
        if req.slug == "moved-away" {
            return Err(moved(&self.products[0].slug));
        }
        self.products.iter().find(|p| p.slug == req.slug).cloned().ok_or_else(|| Problem::not_found("product"))
    }

    pub async fn products_by_slug(&self, cx: &Cx, req: BySlugs) -> Result<ProductsBySlug, Problem> {
        if self.state().down == Some("batches of products") {
            return Err(Problem::unavailable("unknown_method", "a catalogue of the previous release"));
        }
        let mut found = ProductsBySlug::default();
        for slug in req.slugs {
            match self.product_by_slug(cx, BySlug { slug: slug.clone() }).await {
                Ok(product) => found.items.push(product),
                Err(problem) => match moved_to(&problem) {
                    Some(to) => drop(found.moved.insert(slug, to.to_owned())),
                    None if problem.is("not_found") => {}
                    None => return Err(problem),
                },
            }
        }
        Ok(found)
    }

    pub async fn categories(&self, _: &Cx, _: AllCategories) -> Result<CategoryTree, Problem> {
        self.up("catalog")?;
        Ok(CategoryTree { items: self.categories.clone() })
    }

    pub async fn list(&self, _: &Cx, req: ListProducts) -> Result<ProductPage, Problem> {
        let from: usize = req.cursor.as_deref().map_or(0, |cursor| cursor.parse().unwrap());
        let items: Vec<Product> = self.products.iter().skip(from).take(req.limit as usize).cloned().collect();
        let next = from + items.len();
        Ok(ProductPage { items, next_cursor: (next < self.products.len()).then(|| next.to_string()) })
    }
}

/// Price ranges of the facet, in minor units.
const RANGES: [(&str, &str); 4] =
    [("-2500", "up to €25"), ("2500-5000", "€25 to €50"), ("5000-10000", "€50 to €100"), ("10000-", "€100 and more")];

impl FakeShop {
    fn hit(&self, i: usize) -> Hit {
        let (draft, product, state) = (&self.drafts[i], &self.products[i], self.state());
        let (cheapest, offer) = draft.offered().min_by_key(|(v, _)| self.price(&state, &v.sku)).unwrap();
        Hit {
            id: product.id.0,
            external_id: product.external_id.clone(),
            slug: product.slug.clone(),
            title: product.title.clone(),
            brand: product.brand.clone(),
            price: EUR.of(self.price(&state, &cheapest.sku)),
            compare_at: offer.compare_at,
            price_varies: draft.offers.iter().any(|o| o.price != offer.price),
            available: product.variants.iter().any(|v| self.available(&state, &v.sku) > 0),
            image: product.media[0].url.clone().unwrap_or_default(),
            placeholder: product.media[0].look.placeholder.clone(),
            focus: product.media[0].look.focus,
            sku: (product.variants.len() == 1).then(|| cheapest.sku.clone()),
        }
    }

    fn matches(&self, i: usize, hit: &Hit, req: &SearchRequest, except: &str) -> bool {
        let product = &self.products[i];
        let text = format!("{} {}", product.title, product.brand.as_deref().unwrap_or_default()).to_lowercase();
        let path = &self.categories.iter().find(|c| Some(c.id) == product.category_id).unwrap().path;
        let under = |wanted: &str| path == wanted || path.starts_with(&format!("{wanted}/"));
        let attribute = |filter: &AttributeFilter| {
            let value = product.attributes.iter().find(|a| a.key == filter.key).map(|a| a.value.display());
            value.is_some_and(|value| filter.values.contains(&value))
        };
        req.q.to_lowercase().split_whitespace().all(|word| text.contains(word))
            && (except == "category" || req.category.as_deref().is_none_or(under))
            && (except == "brand"
                || req.brands.is_empty()
                || hit.brand.as_ref().is_some_and(|b| req.brands.contains(b)))
            && (except == "price" || req.price_min.is_none_or(|min| hit.price.amount >= min))
            && (except == "price" || req.price_max.is_none_or(|max| hit.price.amount <= max))
            && (except == "availability" || !req.available || hit.available)
            && req.attributes.iter().all(|f| except == format!("attr.{}", f.key) || attribute(f))
    }

    fn facet(
        &self,
        all: &[Hit],
        req: &SearchRequest,
        key: &str,
        label: &str,
        of: impl Fn(usize, &Hit) -> Option<(String, String)>,
        selected: impl Fn(&str) -> bool,
    ) -> Facet {
        let mut values: Vec<FacetValue> = Vec::new();
        for (i, hit) in all.iter().enumerate().filter(|(i, hit)| self.matches(*i, hit, req, key)) {
            let Some((value, label)) = of(i, hit) else { continue };
            match values.iter_mut().find(|known| known.value == value) {
                Some(known) => known.count += 1,
                None => values.push(FacetValue { selected: selected(&value), value, label, count: 1 }),
            }
        }
        values.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.label.cmp(&b.label)));
        Facet { key: key.into(), label: label.into(), values }
    }

    fn facets(&self, all: &[Hit], req: &SearchRequest) -> Vec<Facet> {
        let same = |text: &str| Some((text.to_owned(), text.to_owned()));
        let range = |hit: &Hit| {
            let at = RANGES.iter().find(|(value, _)| {
                let (low, high) = value.split_once('-').unwrap();
                low.parse().is_ok_and(|low: i64| hit.price.amount >= low) | low.is_empty()
                    && high.parse().is_ok_and(|high: i64| hit.price.amount < high) | high.is_empty()
            });
            at.map(|(value, label)| ((*value).to_owned(), (*label).to_owned()))
        };
        let chosen = (req.price_min.map(|n| n.to_string()), req.price_max.map(|n| n.to_string()));
        let chosen = format!("{}-{}", chosen.0.unwrap_or_default(), chosen.1.unwrap_or_default());
        let top = |i: usize| {
            let root = self.products[i].category_path[0];
            self.categories.iter().find(|c| c.id == root).map(|c| (c.path.clone(), c.name.clone()))
        };
        let mut facets = vec![
            self.facet(all, req, "category", "Category", |i, _| top(i), |v| req.category.as_deref() == Some(v)),
            self.facet(all, req, "price", "Price", |_, hit| range(hit), |v| v == chosen),
            self.facet(
                all,
                req,
                "brand",
                "Brand",
                |_, hit| same(hit.brand.as_deref()?),
                |v| req.brands.iter().any(|b| b == v),
            ),
            self.facet(
                all,
                req,
                "availability",
                "Availability",
                |_, hit| same(if hit.available { "true" } else { "false" }),
                |_| req.available,
            ),
        ];
        let node = self.categories.iter().find(|c| Some(&c.path) == req.category.as_ref());
        for wanted in node.map(|node| node.facets.clone()).unwrap_or_default() {
            let key = format!("attr.{}", wanted.key);
            let of = |i: usize, _: &Hit| {
                same(&self.products[i].attributes.iter().find(|a| a.key == wanted.key)?.value.display())
            };
            let selected =
                |v: &str| req.attributes.iter().any(|f| f.key == wanted.key && f.values.iter().any(|w| w == v));
            facets.push(self.facet(all, req, &key, &wanted.label, of, selected));
        }
        facets
    }
}

impl FakeShop {
    pub async fn search(&self, _: &Cx, req: SearchRequest) -> Result<SearchReply, Problem> {
        self.up("search")?;
        if let Some(path) = &req.category {
            let indexed = self.state().not_indexed != Some(path);
            if !indexed || !self.categories.iter().any(|category| category.path == *path) {
                return Err(Problem::not_found("category"));
            }
        }
        let all: Vec<Hit> = (0..self.products.len()).map(|i| self.hit(i)).collect();
        let mut found: Vec<Hit> = all
            .iter()
            .enumerate()
            .filter(|(i, hit)| self.matches(*i, hit, &req, ""))
            .map(|(_, hit)| hit.clone())
            .collect();
        match req.sort {
            Sort::PriceAsc => found.sort_by_key(|hit| hit.price.amount),
            Sort::PriceDesc => found.sort_by_key(|hit| -hit.price.amount),
            Sort::Title => found.sort_by(|a, b| a.title.cmp(&b.title)),
            Sort::Relevance | Sort::Newest => {}
        }
        let facets = if req.facets { self.facets(&all, &req) } else { Vec::new() };
        let total = found.len() as u64;
        let items = found.into_iter().skip(req.offset as usize).take(req.limit as usize).collect();
        Ok(SearchReply { items, total, facets, partial: false })
    }
}

impl FakeShop {
    pub async fn prices(&self, _: &Cx, req: PricesRequest) -> Result<Prices, Problem> {
        let state = self.state();
        let price = |sku: String| {
            let offer = self.offer(&sku)?;
            Some(Price { price: EUR.of(self.price(&state, &sku)), compare_at: offer.compare_at, sku })
        };
        Ok(Prices { items: req.skus.into_iter().filter_map(price).collect() })
    }

    pub async fn shop(&self, _: &Cx, _: ShopRequest) -> Result<ShopTerms, Problem> {
        Ok(ShopTerms { currency: EUR, prices_include_tax: true, country: "DE".into() })
    }

    pub async fn rates(&self, _: &Cx, _: RatesRequest) -> Result<Rates, Problem> {
        let rate = |id: &str, name: &str, base, free| ShippingRate {
            id: id.into(),
            name: name.into(),
            base: EUR.of(base),
            per_kg: EUR.of(0),
            free_from: free,
        };
        let methods =
            vec![rate("standard", "Standard", 490, Some(EUR.of(5_000))), rate("express", "Express", 1_290, None)];
        Ok(Rates {
            taxes: Vec::new(),
            zones: vec![ShippingZone {
                name: "European Union".into(),
                countries: ["DE", "US", "JP", "HK"].map(Into::into).into(),
                methods,
            }],
        })
    }
}

impl FakeShop {
    pub async fn availability(&self, _: &Cx, req: AvailabilityRequest) -> Result<Availabilities, Problem> {
        let state = self.state();
        let policy = |sku: &str| state.policies.get(sku).copied().unwrap_or_default();
        let entry = |sku: String| {
            let (units, policy) = (self.available(&state, &sku), policy(&sku));
            Availability::new(sku, units, policy)
        };
        Ok(Availabilities { items: req.skus.into_iter().map(entry).collect() })
    }
}
