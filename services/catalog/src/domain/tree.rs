//! The category tree: how it grows from paths of names, and how counts add up from the leaves.

use std::collections::HashMap;

use souk_catalog_api::{Category, CategoryId, CategoryInput, FacetAttribute};

use super::check::{self, InputRejected, rejected};
use super::limits;
use super::slug::category_slug;

/// A node as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The node.
    pub id: CategoryId,
    /// Its parent.
    pub parent_id: Option<CategoryId>,
    /// Slugs from the root.
    pub path: String,
    /// Its own slug.
    pub slug: String,
    /// From the root to itself.
    pub ancestors: Vec<CategoryId>,
    /// Name for people.
    pub name: String,
    /// Order among its siblings.
    pub position: i32,
    /// Attributes buyers filter by here.
    pub facets: Vec<FacetAttribute>,
    /// Published products in this very node.
    pub products: i64,
    /// Rises with every change.
    pub version: i64,
}

/// What putting categories changes.
#[derive(Debug, Default)]
pub struct TreePlan {
    /// New nodes, parents before children.
    pub created: Vec<Node>,
    /// Known nodes with other facets, version raised.
    pub changed: Vec<Node>,
    /// One per input.
    pub ids: Vec<CategoryId>,
}

/// Grows the tree by `inputs`. A name that a node below the same parent has already is that node, whatever its slug: an
/// earlier release may have made another one of the same name, and stored addresses stay. Of other names those that make
/// the same slug below the same parent are the same node, and the name it got first stays.
///
/// # Errors
/// A name or facet that is not taken; nothing is changed then.
pub fn grow(
    known: Vec<Node>,
    inputs: &[CategoryInput],
    mut new_id: impl FnMut() -> CategoryId,
) -> Result<TreePlan, InputRejected> {
    let mut nodes = known;
    let old = nodes.len();
    let mut by_path: HashMap<String, usize> =
        nodes.iter().enumerate().map(|(at, node)| (node.path.clone(), at)).collect();
    let by_name: HashMap<(Option<CategoryId>, String), usize> =
        nodes.iter().enumerate().map(|(at, node)| ((node.parent_id, node.name.clone()), at)).collect();
    let mut siblings: HashMap<Option<CategoryId>, i32> = HashMap::new();
    for node in &nodes {
        let next = siblings.entry(node.parent_id).or_default();
        *next = (*next).max(node.position + 1);
    }
    let mut touched = vec![false; old];
    let mut plan = TreePlan::default();
    for input in inputs {
        check::category(&input.path, input.facets.as_deref())?;
        let mut parent: Option<usize> = None;
        for name in &input.path {
            let named = (parent.map(|at| nodes[at].id), name.trim().to_owned());
            if let Some(at) = by_name.get(&named) {
                parent = Some(*at);
                continue;
            }
            let slug = category_slug(name);
            let path = parent.map_or(slug.clone(), |at| format!("{}/{slug}", nodes[at].path));
            let at = match by_path.get(&path) {
                Some(at) => *at,
                None => {
                    if nodes.len() >= limits::CATEGORIES {
                        return Err(rejected("too_many", format!("the tree has {} nodes", nodes.len())));
                    }
                    let node = child(parent.map(|at| &nodes[at]), new_id(), path.clone(), slug, name, &mut siblings);
                    by_path.insert(path, nodes.len());
                    nodes.push(node);
                    nodes.len() - 1
                }
            };
            parent = Some(at);
        }
        let at = parent.ok_or_else(|| rejected("invalid_category", "a category has a name"))?;
        plan.ids.push(nodes[at].id);
        if let Some(facets) = &input.facets
            && nodes[at].facets != *facets
        {
            nodes[at].facets.clone_from(facets);
            if at < old && !touched[at] {
                touched[at] = true;
                nodes[at].version += 1;
            }
        }
    }
    plan.created = nodes.split_off(old);
    plan.changed = nodes.into_iter().zip(touched).filter_map(|(node, touched)| touched.then_some(node)).collect();
    Ok(plan)
}

fn child(
    parent: Option<&Node>,
    id: CategoryId,
    path: String,
    slug: String,
    name: &str,
    siblings: &mut HashMap<Option<CategoryId>, i32>,
) -> Node {
    let parent_id = parent.map(|node| node.id);
    let position = siblings.entry(parent_id).or_default();
    let mut ancestors = parent.map(|node| node.ancestors.clone()).unwrap_or_default();
    ancestors.push(id);
    let node = Node {
        id,
        parent_id,
        path,
        slug,
        ancestors,
        name: name.trim().to_owned(),
        position: *position,
        facets: Vec::new(),
        products: 0,
        version: 1,
    };
    *position += 1;
    node
}

/// The tree as callers see it: parents before children, siblings in order, counts including what lies below.
pub fn assemble(nodes: &[Node]) -> Vec<Category> {
    let mut totals: HashMap<CategoryId, i64> = HashMap::new();
    for node in nodes {
        for ancestor in &node.ancestors {
            *totals.entry(*ancestor).or_default() += node.products;
        }
    }
    let mut order: Vec<&Node> = nodes.iter().collect();
    order.sort_by(|a, b| (a.ancestors.len(), a.position, &a.path).cmp(&(b.ancestors.len(), b.position, &b.path)));
    let category = |node: &Node| Category {
        id: node.id,
        parent_id: node.parent_id,
        path: node.path.clone(),
        name: node.name.clone(),
        position: node.position,
        products: totals.get(&node.id).copied().unwrap_or(0),
        facets: node.facets.clone(),
        version: node.version,
    };
    order.into_iter().map(category).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(known: &[Node], paths: &[&str]) -> TreePlan {
        let inputs: Vec<_> = paths
            .iter()
            .map(|path| CategoryInput { path: path.split('>').map(str::to_owned).collect(), facets: None })
            .collect();
        let mut next = known.len() as u128;
        grow(known.to_vec(), &inputs, || {
            next += 1;
            CategoryId(uuid::Uuid::from_u128(next))
        })
        .unwrap()
    }

    #[test]
    fn missing_ancestors_are_made_once_and_a_second_time_changes_nothing() {
        let plan = put(&[], &["Computers>Notebooks", "Computers>Tablets", "computers"]);
        let paths: Vec<_> = plan.created.iter().map(|node| node.path.as_str()).collect();
        assert_eq!(paths, ["computers", "computers/notebooks", "computers/tablets"]);
        assert_eq!(plan.created[2].position, 1);
        assert_eq!(plan.ids, [plan.created[1].id, plan.created[2].id, plan.created[0].id]);
        assert_eq!(plan.created[1].ancestors, [plan.created[0].id, plan.created[1].id]);
        let again = put(&plan.created, &["Computers>Notebooks", "Computers>Tablets"]);
        assert!(again.created.is_empty() && again.changed.is_empty());
        assert_eq!(again.ids, plan.ids[..2]);
    }

    #[test]
    fn a_stored_address_stays_when_its_name_would_make_another_slug_today() {
        let mut known = put(&[], &["Œuvres>Livres"]).created;
        assert_eq!(known[1].path, "oeuvres/livres");
        for (node, path) in known.iter_mut().zip(["uvres", "uvres/livres"]) {
            node.path = path.into();
        }
        known[0].slug = "uvres".into();
        let again = put(&known, &["Œuvres>Livres", "Œuvres>Disques", "Oeuvres"]);
        let paths: Vec<_> = again.created.iter().map(|node| node.path.as_str()).collect();
        assert_eq!(paths, ["uvres/disques", "oeuvres"]);
        assert_eq!(again.ids[0], known[1].id);
    }

    #[test]
    fn other_facets_are_a_change_and_the_same_are_not() {
        let known = put(&[], &["A"]).created;
        let facets = vec![FacetAttribute { key: "colour".into(), label: "Colour".into() }];
        let input = |facets: &[FacetAttribute]| CategoryInput { path: vec!["A".into()], facets: Some(facets.to_vec()) };
        let plan = grow(known.clone(), &[input(&facets)], || panic!("nothing is new")).unwrap();
        assert_eq!((plan.changed.len(), plan.changed[0].version), (1, 2));
        let plan = grow(plan.changed, &[input(&facets)], || panic!("nothing is new")).unwrap();
        assert!(plan.changed.is_empty());
        let nine: Vec<_> = (0..9).map(|n| FacetAttribute { key: format!("k{n}"), label: "K".into() }).collect();
        let refused = grow(known, &[input(&nine)], || panic!("nothing is new")).unwrap_err();
        assert_eq!(refused.code, "too_many");
    }

    #[test]
    fn counts_add_up_and_parents_come_first() {
        let mut nodes = put(&[], &["A>B>C", "A>D", "E"]).created;
        for (node, products) in nodes.iter_mut().zip([1, 2, 3, 4, 5]) {
            node.products = products;
        }
        nodes.reverse();
        let tree = assemble(&nodes);
        let seen: Vec<_> = tree.iter().map(|c| (c.path.as_str(), c.products)).collect();
        assert_eq!(seen, [("a", 10), ("e", 5), ("a/b", 5), ("a/d", 4), ("a/b/c", 3)]);
    }
}
