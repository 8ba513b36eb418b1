//! Page layout, what every page has: title, header with the category tree, footer.

use std::sync::Arc;

use souk_catalog_api::CategoryTree;
use souk_web::Cdn;

use crate::assets;

/// Groups in the menu: more do not fit a screen, and the rest is reached through search.
const MENU_GROUPS: usize = 14;
/// Links below each: the menu is in every page, so it must stay small.
const MENU_LINKS: usize = 8;
/// Departments in the strip below the header on wide screens.
const STRIP_GROUPS: usize = 12;

/// A department with its categories, as the menu shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name for people.
    pub name: String,
    /// Its page.
    pub href: String,
    /// Published products here and below.
    pub products: i64,
    /// Path of the category, `kitchen`.
    pub path: String,
    /// The categories below it.
    pub children: Vec<Link>,
}

/// A link with its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where to.
    pub href: String,
    /// Its text.
    pub name: String,
}

/// The category tree as header and footer use it.
#[derive(Clone, Debug, Default)]
pub struct Nav {
    /// Departments that have something to sell.
    pub groups: Vec<Group>,
    /// The tree it was made from, for pages that need more of it.
    pub tree: CategoryTree,
}

impl Nav {
    /// The menu of a category tree.
    pub fn of(tree: CategoryTree) -> Self {
        let roots = tree.items.iter().filter(|node| node.parent_id.is_none() && node.products > 0);
        let groups = roots
            .take(MENU_GROUPS)
            .map(|root| {
                let below = tree.items.iter().filter(|node| node.parent_id == Some(root.id) && node.products > 0);
                let children =
                    below.take(MENU_LINKS).map(|node| Link { href: category(&node.path), name: node.name.clone() });
                Group {
                    name: root.name.clone(),
                    href: category(&root.path),
                    products: root.products,
                    path: root.path.clone(),
                    children: children.collect(),
                }
            })
            .collect();
        Self { groups, tree }
    }

    /// Departments for the strip below the header.
    pub fn strip(&self) -> &[Group] {
        &self.groups[..self.groups.len().min(STRIP_GROUPS)]
    }
}

/// Address of a category's page.
pub fn category(path: &str) -> String {
    format!("/c/{path}")
}

/// Picture by which social networks show a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// Absolute address.
    pub url: String,
    /// Width and height in pixels, when known.
    pub size: Option<(u16, u16)>,
}

/// What the frame around a page needs.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Name of the shop.
    pub shop: Arc<str>,
    /// Address of the shop without a slash at its end, for absolute links.
    pub origin: Arc<str>,
    /// Where browsers get pictures and assets.
    pub cdn: Cdn,
    /// Title of the browser's window.
    pub title: String,
    /// For search engines.
    pub description: String,
    /// Absolute address of the page that stands for this one.
    pub canonical: Option<String>,
    /// Picture for previews.
    pub preview: Option<Preview>,
    /// Search engines may list it.
    pub index: bool,
    /// Words in the search box.
    pub query: String,
    /// Menu.
    pub nav: Arc<Nav>,
    /// Path of the category the page belongs to, to mark its department.
    pub category: String,
    /// Only logo and content: the checkout.
    pub plain: bool,
}

impl Layout {
    /// A page that search engines do not list.
    pub fn new(shop: Arc<str>, origin: Arc<str>, cdn: Cdn, nav: Arc<Nav>, title: &str) -> Self {
        Self {
            title: format!("{title} – {shop}"),
            description: format!("{title} at {shop}."),
            shop,
            origin,
            cdn,
            canonical: None,
            preview: None,
            index: false,
            query: String::new(),
            nav,
            category: String::new(),
            plain: false,
        }
    }

    /// Lets search engines list it at `path`.
    pub fn listed_at(mut self, path: &str) -> Self {
        self.canonical = Some(format!("{}{path}", self.origin));
        self.index = true;
        self
    }

    /// Without menu: nothing distracts from paying.
    pub fn plain(mut self) -> Self {
        self.plain = true;
        self
    }

    /// Address of an asset.
    pub fn asset(&self, name: &str) -> String {
        self.cdn.url(assets::href(name))
    }

    /// Attributes with which a browser believes a style or module from another host only if it is ours, byte by byte.
    pub fn integrity(&self, name: &str) -> String {
        match self.cdn.origin() {
            Some(_) => format!(r#" crossorigin integrity="{}""#, assets::integrity(name)),
            None => String::new(),
        }
    }

    /// An address for those who do not come from the shop.
    pub fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') { format!("{}{url}", self.origin) } else { url.to_owned() }
    }

    /// True for the department the page belongs to.
    pub fn is_current(&self, group: &Group) -> bool {
        self.category.split('/').next() == Some(group.path.as_str())
    }
}
