//! View model of a category's page and the search page: filters beside a grid.

use askama::Template;
use serde_json::json;
use souk_kernel::Currency;
use souk_search_api::{Facet, FacetValue, SearchReply, Sort};

use super::card::{Card, cards};
use super::layout::{Layout, category};
use super::money::show;
use super::picture::LISTED;
use super::{Crumb, Notice, count, embedded_json};
use crate::listing_query::{ListingQuery, PAGE_SIZE, SORTS, sort_key};

/// Filters that are open without a click: the ones people use.
const OPEN_FACETS: usize = 4;
/// Filters of one page: the first ones are the most useful, and every page carries them.
const MAX_FACETS: usize = 10;
/// Values of one filter, beside chosen ones: the most frequent come first.
const MAX_VALUES: usize = 12;
/// Pages one may go to from here: first, last, and two on each side.
const NEAR: u32 = 2;

/// A link with a number behind it.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Where to.
    pub href: String,
    /// Its text.
    pub text: String,
    /// Products there.
    pub count: i64,
}

/// A filter.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Name of its parameter.
    pub name: String,
    /// For people.
    pub label: String,
    /// `checkbox` or `radio`.
    pub kind: &'static str,
    /// Shown without a click.
    pub open: bool,
    /// What may be chosen.
    pub values: Vec<FacetValue>,
}

/// A link that is perhaps the one we are at.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Where to.
    pub href: String,
    /// Its text.
    pub text: String,
    /// We are there.
    pub current: bool,
}

/// An entry of the page numbers.
#[derive(Clone, Debug)]
pub struct PageLink {
    /// Where to; none for the current page and for gaps.
    pub href: Option<String>,
    /// Its text.
    pub text: String,
    /// Text for screen readers where the visible one says too little.
    pub label: Option<String>,
    /// `prev` or `next`.
    pub rel: Option<&'static str>,
    /// We are there.
    pub current: bool,
}

/// A category's page, or the search page.
#[derive(Template)]
#[template(path = "listing.html")]
pub struct ListingPage {
    /// Frame.
    pub layout: Layout,
    /// Way from the home page.
    pub crumbs: Vec<Crumb>,
    /// Heading.
    pub heading: String,
    /// `128 products`.
    pub total_text: String,
    /// Categories below this one.
    pub subs: Vec<Counted>,
    /// Messages.
    pub notices: Vec<Notice>,
    /// Where the filters are sent.
    pub action: String,
    /// What is sent along with them.
    pub hidden: Vec<(&'static str, String)>,
    /// Filters.
    pub facets: Vec<Filter>,
    /// Chosen filters, each with the link that takes it away.
    pub chips: Vec<Choice>,
    /// The page without filters.
    pub clear_href: String,
    /// Orders.
    pub sorts: Vec<Choice>,
    /// The current one.
    pub sort_name: &'static str,
    /// Products.
    pub cards: Vec<Card>,
    /// Page numbers.
    pub pages: Vec<PageLink>,
    /// What is said when there are none.
    pub empty_title: &'static str,
    /// And below it.
    pub empty_text: &'static str,
    /// Data for search engines.
    pub json_ld: Option<String>,
}

/// The page of the category at `path`, which must be in the layout's tree.
pub fn category_page(layout: Layout, path: &str, query: &ListingQuery, reply: SearchReply) -> Option<ListingPage> {
    let tree = layout.nav.tree.items.clone();
    let node = tree.iter().find(|node| node.path == path)?;
    let crumbs = crumbs(&layout, path);
    let subs = tree.iter().filter(|sub| sub.parent_id == Some(node.id) && sub.products > 0);
    let subs =
        subs.map(|sub| Counted { href: category(&sub.path), text: sub.name.clone(), count: sub.products }).collect();
    let json_ld = Some(breadcrumb_json(&layout, &crumbs));
    let mut page = listing(layout, category(path), query, reply);
    page.hidden.retain(|(name, _)| *name != "q");
    page.facets.retain(|facet| facet.name != "category");
    Some(ListingPage { heading: node.name.clone(), crumbs, subs, json_ld, ..page })
}

/// The search page.
pub fn search_page(layout: Layout, query: &ListingQuery, reply: SearchReply) -> ListingPage {
    let partial = reply.partial && !reply.items.is_empty();
    let mut page = listing(layout, "/search".into(), query, reply);
    page.heading = match query.q.as_str() {
        "" => "Everything".to_owned(),
        words => format!("“{words}”"),
    };
    page.crumbs = vec![Crumb { href: None, text: "Search".into() }];
    if partial {
        page.notices.push(Notice::warn("Nothing has all of these words, so here is what has most of them."));
    }
    page
}

fn listing(layout: Layout, path: String, query: &ListingQuery, reply: SearchReply) -> ListingPage {
    let filtered = query.is_filtered();
    let (empty_title, empty_text) = match (filtered, query.q.is_empty()) {
        (true, _) => ("Nothing fits all of that", "Take a filter away and look again."),
        (false, true) => ("This stall is still empty", "Come back soon: it is being set up."),
        (false, false) => ("Nothing found", "Try fewer words, or another spelling."),
    };
    let mut reply = reply;
    if let Some(hit) = reply.items.first() {
        label_prices(&mut reply.facets, hit.price.currency);
    }
    let chips = chips(&path, query, &reply.facets);
    let facets = if reply.items.is_empty() && !filtered { Vec::new() } else { filters(query, reply.facets) };
    let sorts = SORTS.iter().map(|(_, name, sort)| Choice {
        href: query.sorted(*sort).href(&path),
        text: sort_name(*sort, query, name).to_owned(),
        current: *sort == query.sort,
    });
    // Without words the best match is the newest: one entry for both.
    let sorts = sorts.filter(|choice| !query.q.is_empty() || choice.text != "Newest first");
    ListingPage {
        heading: String::new(),
        crumbs: Vec::new(),
        subs: Vec::new(),
        notices: Vec::new(),
        total_text: count(reply.total, "product", "products"),
        hidden: hidden(query),
        facets,
        chips,
        clear_href: query.unfiltered().href(&path),
        sorts: sorts.collect(),
        sort_name: SORTS.iter().find(|s| s.2 == query.sort).map_or("", |(_, name, sort)| sort_name(*sort, query, name)),
        pages: pages(&path, query, reply.total),
        cards: cards(&layout.cdn, reply.items, &LISTED, true),
        action: path,
        empty_title,
        empty_text,
        json_ld: None,
        layout,
    }
}

fn sort_name(sort: Sort, query: &ListingQuery, name: &'static str) -> &'static str {
    if sort == Sort::Relevance && query.q.is_empty() { "New arrivals" } else { name }
}

fn hidden(query: &ListingQuery) -> Vec<(&'static str, String)> {
    let mut hidden = Vec::new();
    if !query.q.is_empty() {
        hidden.push(("q", query.q.clone()));
    }
    if query.sort != Sort::default() {
        hidden.push(("sort", sort_key(query.sort).to_owned()));
    }
    hidden
}

/// Search's facets as filters of a form.
fn filters(query: &ListingQuery, facets: Vec<Facet>) -> Vec<Filter> {
    let mut filters = Vec::new();
    for mut facet in facets {
        let mut shown = 0;
        facet.values.retain(|value| {
            shown += 1;
            shown <= MAX_VALUES || value.selected
        });
        let open = filters.len() < OPEN_FACETS || facet.values.iter().any(|value| value.selected);
        let (name, kind, values) = match facet.key.as_str() {
            "availability" => ("available".to_owned(), "checkbox", in_stock(query, &facet.values)),
            "price" => ("price".to_owned(), "radio", with_any("Any price", query.price.is_none(), facet.values)),
            "category" => {
                ("category".to_owned(), "radio", with_any("Everywhere", query.category.is_none(), facet.values))
            }
            key => (key.to_owned(), "checkbox", facet.values),
        };
        // One value that everything has does not narrow anything.
        if filters.len() >= MAX_FACETS && !values.iter().any(|value| value.selected) {
            continue;
        }
        if values.len() > 1 || values.iter().any(|value| value.selected) || name == "available" && !values.is_empty() {
            filters.push(Filter { name, label: facet.label, kind, open, values });
        }
    }
    filters
}

/// Price ranges written as the prices beside them are: search names them for machines, `50.00 EUR`. It names no
/// currency where several are for sale.
fn label_prices(facets: &mut [Facet], currency: Currency) {
    let amount = |minor: i64| show(currency.of(minor)).trim_end_matches(".00").to_owned();
    let values = facets.iter_mut().filter(|facet| facet.key == "price").flat_map(|facet| &mut facet.values);
    for value in values.filter(|value| value.label.contains(currency.code())) {
        let Some((from, to)) = value.value.split_once('-') else { continue };
        value.label = match (from.parse().ok(), to.parse::<i64>().ok().map(|last| last.saturating_add(1))) {
            (None, Some(below)) => format!("Under {}", amount(below)),
            (Some(from), None) => format!("{} and above", amount(from)),
            (Some(from), Some(below)) => format!("{} to {}", amount(from), amount(below)),
            (None, None) => continue,
        };
    }
}

/// Of the availability facet only "in stock" is a filter.
fn in_stock(query: &ListingQuery, values: &[FacetValue]) -> Vec<FacetValue> {
    let yes = values.iter().find(|value| value.value == "true");
    let tick = |value: &FacetValue| FacetValue {
        value: "1".into(),
        label: "In stock".into(),
        count: value.count,
        selected: query.available,
    };
    yes.map(tick).into_iter().collect()
}

/// A radio group needs a way back.
fn with_any(label: &str, selected: bool, mut values: Vec<FacetValue>) -> Vec<FacetValue> {
    if !values.is_empty() {
        values.insert(0, FacetValue { value: String::new(), label: label.into(), count: 0, selected });
    }
    values
}

fn chips(path: &str, query: &ListingQuery, facets: &[Facet]) -> Vec<Choice> {
    let label = |key: &str, value: &str| {
        let values = facets.iter().find(|facet| facet.key == key).map(|facet| &facet.values);
        let known = values.and_then(|values| values.iter().find(|known| known.value == value));
        known.map_or_else(|| value.to_owned(), |known| known.label.clone())
    };
    let mut chosen: Vec<(String, String, String)> = Vec::new();
    if let Some(path) = &query.category {
        chosen.push(("category".into(), path.clone(), label("category", path)));
    }
    chosen.extend(query.brands.iter().map(|brand| ("brand".into(), brand.clone(), brand.clone())));
    if let Some(price) = &query.price {
        chosen.push(("price".into(), price.clone(), label("price", price)));
    }
    if query.available {
        chosen.push(("available".into(), "1".into(), "In stock".into()));
    }
    for (key, value) in &query.attributes {
        let name = format!("attr.{key}");
        let facet = facets.iter().find(|facet| facet.key == name);
        // "Yes" alone says nothing, so an attribute's chip names the attribute.
        let text = facet.map_or_else(|| value.clone(), |facet| format!("{}: {}", facet.label, label(&name, value)));
        chosen.push((name, value.clone(), text));
    }
    let chip = |(name, value, text): (String, String, String)| Choice {
        href: query.without(&name, &value).href(path),
        text,
        current: true,
    };
    chosen.into_iter().map(chip).collect()
}

fn pages(path: &str, query: &ListingQuery, total: u64) -> Vec<PageLink> {
    let reachable = u64::from(souk_search_api::MAX_OFFSET / PAGE_SIZE);
    let last = total.div_ceil(u64::from(PAGE_SIZE)).min(reachable) as u32;
    let here = query.page;
    if last < 2 {
        return Vec::new();
    }
    let link = |page: u32, text: String, rel| PageLink {
        href: (page != here).then(|| query.on_page(page).href(path)),
        label: (page != here && rel != Some("prev") && rel != Some("next")).then(|| format!("Page {page}")),
        current: page == here,
        text,
        rel,
    };
    let mut links = Vec::new();
    if here > 1 {
        links.push(link(here - 1, "← Back".into(), Some("prev")));
    }
    let mut before = 0;
    for page in (1..=last).filter(|page| *page == 1 || *page == last || page.abs_diff(here) <= NEAR) {
        if page > before + 1 {
            links.push(PageLink { href: None, text: "…".into(), label: None, rel: None, current: false });
        }
        links.push(link(page, page.to_string(), None));
        before = page;
    }
    if here < last {
        links.push(link(here + 1, "Next →".into(), Some("next")));
    }
    links
}

/// The way to a category: names from the tree, the last one without a link.
pub fn crumbs(layout: &Layout, path: &str) -> Vec<Crumb> {
    let tree = &layout.nav.tree.items;
    let leads_there = |to: &str| path.strip_prefix(to).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut nodes: Vec<_> = tree.iter().filter(|node| leads_there(&node.path)).collect();
    nodes.sort_by_key(|node| node.path.len());
    let crumb = |node: &&souk_catalog_api::Category| Crumb {
        href: (node.path != path).then(|| category(&node.path)),
        text: node.name.clone(),
    };
    nodes.iter().map(crumb).collect()
}

/// schema.org BreadcrumbList.
pub fn breadcrumb_json(layout: &Layout, crumbs: &[Crumb]) -> String {
    let items: Vec<_> = crumbs
        .iter()
        .enumerate()
        .map(|(i, crumb)| {
            let item = crumb.href.as_ref().map(|href| format!("{}{href}", layout.origin));
            json!({"@type": "ListItem", "position": i + 1, "name": crumb.text, "item": item})
        })
        .collect();
    embedded_json(&json!({"@context": "https://schema.org", "@type": "BreadcrumbList", "itemListElement": items}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_numbers_lead_everywhere_near_and_to_both_ends() {
        let texts = |page: u32, total: u64| -> Vec<String> {
            pages("/c", &ListingQuery { page, ..ListingQuery::parse("") }, total)
                .into_iter()
                .map(|link| link.text)
                .collect()
        };
        assert!(texts(1, 24).is_empty(), "one page needs no numbers");
        assert_eq!(texts(1, 25), ["1", "2", "Next →"]);
        assert_eq!(texts(6, 24 * 20), ["← Back", "1", "…", "4", "5", "6", "7", "8", "…", "20", "Next →"]);
        assert_eq!(texts(416, 1_000_000).last().map(String::as_str), Some("416"), "search answers no further");
    }
}
