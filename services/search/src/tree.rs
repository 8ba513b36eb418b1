//! Category tree as searches need it: paths to nodes, nodes to their branches, keys of facets.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use souk_catalog_api::{Category, CategoryId, CategoryTree};

/// Facets of a search over everything.
pub const MAX_FACETS: usize = 8;

/// The tree.
#[derive(Default)]
pub struct Tree {
    nodes: Vec<Node>,
    by_path: HashMap<String, usize>,
    by_id: HashMap<CategoryId, usize>,
    roots: Vec<usize>,
    facet_keys: HashSet<String>,
}

struct Node {
    category: Category,
    parent: Option<usize>,
    children: Vec<usize>,
}

impl Tree {
    /// From what the catalogue says; parents stand before children.
    pub fn new(tree: CategoryTree) -> Self {
        let mut made = Self::default();
        for category in tree.items {
            let at = made.nodes.len();
            let parent = category.parent_id.and_then(|id| made.by_id.get(&id).copied());
            match parent {
                Some(parent) => made.nodes[parent].children.push(at),
                None => made.roots.push(at),
            }
            made.facet_keys.extend(category.facets.iter().map(|facet| facet.key.clone()));
            made.by_path.insert(category.path.clone(), at);
            made.by_id.insert(category.id, at);
            made.nodes.push(Node { category, parent, children: Vec::new() });
        }
        made
    }

    /// The node at a path.
    pub fn find(&self, path: &str) -> Option<usize> {
        self.by_path.get(path).copied()
    }

    /// The node of a category.
    pub fn node(&self, id: CategoryId) -> Option<usize> {
        self.by_id.get(&id).copied()
    }

    /// The category of a node.
    pub fn category(&self, node: usize) -> &Category {
        &self.nodes[node].category
    }

    /// A node and its ancestors, from itself to its root.
    pub fn upwards(&self, node: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(Some(node), |at| self.nodes[*at].parent)
    }

    /// Names from the root to the node of a category.
    pub fn names(&self, id: CategoryId) -> Vec<&str> {
        let mut names: Vec<&str> = self
            .node(id)
            .into_iter()
            .flat_map(|node| self.upwards(node))
            .map(|at| self.category(at).name.as_str())
            .collect();
        names.reverse();
        names
    }

    /// What one narrows a search to that stands at `node`: its children; for a leaf the leaf and its siblings; at the
    /// beginning the roots.
    pub fn choices(&self, node: Option<usize>) -> &[usize] {
        let Some(node) = node else { return &self.roots };
        match (&self.nodes[node].children, self.nodes[node].parent) {
            (children, _) if !children.is_empty() => children,
            (_, Some(parent)) => &self.nodes[parent].children,
            (_, None) => &self.roots,
        }
    }

    /// Keys of the facets at a node: its own, or those of the nearest ancestor that has some.
    pub fn facets(&self, node: usize) -> impl Iterator<Item = &str> {
        let own = self.upwards(node).map(|at| &self.category(at).facets).find(|facets| !facets.is_empty());
        own.into_iter().flatten().map(|facet| facet.key.as_str())
    }

    /// Ids of a node's category and of all below it.
    pub fn branch(&self, node: usize) -> impl Iterator<Item = CategoryId> + '_ {
        let mut open = vec![node];
        std::iter::from_fn(move || {
            let at = open.pop()?;
            open.extend(&self.nodes[at].children);
            Some(self.category(at).id)
        })
    }

    /// True when an attribute is a facet somewhere.
    pub fn is_facet(&self, key: &str) -> bool {
        self.facet_keys.contains(key)
    }

    /// Every key that is a facet somewhere, with a label; in an order that depends on the keys alone.
    pub fn facet_keys(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let mut keys: Vec<(Arc<str>, Arc<str>)> = Vec::new();
        for facet in self.nodes.iter().flat_map(|node| &node.category.facets) {
            keys.push((facet.key.as_str().into(), facet.label.as_str().into()));
        }
        keys.sort_unstable();
        keys.dedup_by(|a, b| a.0 == b.0);
        keys.truncate(usize::from(u16::MAX));
        keys
    }

    /// True when the category is known in this version or a later one.
    pub fn knows(&self, id: CategoryId, version: i64) -> bool {
        self.node(id).is_some_and(|node| self.category(node).version >= version)
    }
}
