//! The category tree, and which attributes are facets where.

use serde::{Deserialize, Serialize};

use crate::CategoryId;

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// The node.
    pub id: CategoryId,
    /// Its parent; none for a root.
    pub parent_id: Option<CategoryId>,
    /// Address below `/c/`: slugs from the root, `computers/notebooks`.
    pub path: String,
    /// Name for people.
    pub name: String,
    /// Order among its siblings.
    pub position: i32,
    /// Published products here and below.
    pub products: i64,
    /// Attributes a buyer filters by here; at most 8, most useful first.
    pub facets: Vec<FacetAttribute>,
    /// Rises with every change.
    pub version: i64,
}

/// An attribute that is a facet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FacetAttribute {
    /// Attribute key, `display_diagonal`.
    pub key: String,
    /// Name for people.
    pub label: String,
}

/// All categories, parents before children, siblings in order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct CategoryTree {
    /// The nodes.
    pub items: Vec<Category>,
}

/// A category as an import knows it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CategoryInput {
    /// Names from the root, `["Computers", "Notebooks"]`; missing ancestors are created.
    pub path: Vec<String>,
    /// Facets; none leaves them as they are.
    pub facets: Option<Vec<FacetAttribute>>,
}

/// Categories to create or update.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutCategories {
    /// At most [`crate::MAX_BATCH`].
    pub categories: Vec<CategoryInput>,
}

/// One category that now exists.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CategoryPut {
    /// The names given.
    pub path: Vec<String>,
    /// Its id.
    pub id: CategoryId,
}

/// The ids, in the order given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PutCategoriesReply {
    /// One per input.
    pub categories: Vec<CategoryPut>,
}
