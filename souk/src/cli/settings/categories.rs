//! Categories and what each is filtered by, as a file. Categories that it does not name stay as they are.

use serde::{Deserialize, Serialize};
use souk_catalog_api::{AllCategories, CategoryId, CategoryInput, FacetAttribute, MAX_BATCH, PutCategories};
use souk_rpc::Cx;

use super::Settings;
use super::plan::Lines;
use crate::offline_shop::OfflineShop;

/// Categories.
pub struct Categories;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(default)]
    category: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    path: Vec<String>,
    #[serde(default)]
    facets: Vec<FacetAttribute>,
}

impl Settings for Categories {
    const NAME: &'static str = "categories";
    const HEAD: &'static str = "# Categories of this shop with the attributes that buyers filter by. Edit, then `souk import categories FILE` shows\n\
        # what changes and applies it. One that is taken out of the file stays as it is.\n";
    const REPLACES: bool = false;
    type File = File;

    async fn read(shop: &OfflineShop) -> anyhow::Result<File> {
        let tree = shop.clients.catalog.categories(&Cx::system("souk export categories"), AllCategories {}).await?;
        let mut paths: std::collections::HashMap<CategoryId, Vec<String>> = std::collections::HashMap::new();
        let mut category = Vec::with_capacity(tree.items.len());
        // Parents come before their children.
        for item in tree.items {
            let mut path = item.parent_id.and_then(|parent| paths.get(&parent)).cloned().unwrap_or_default();
            path.push(item.name);
            paths.insert(item.id, path.clone());
            category.push(Entry { path, facets: item.facets });
        }
        Ok(File { category })
    }

    fn lines(file: &File) -> anyhow::Result<Lines> {
        let mut lines = Lines::new();
        for Entry { path, facets } in &file.category {
            let name = path.join(" > ");
            let facets: Vec<String> = facets.iter().map(|facet| format!("{} ({})", facet.label, facet.key)).collect();
            let what = if facets.is_empty() { "no facets".to_owned() } else { facets.join(", ") };
            anyhow::ensure!(lines.insert(name.clone(), what).is_none(), "category {name} stands twice");
        }
        Ok(lines)
    }

    async fn apply(shop: &OfflineShop, file: File, changed: &dyn Fn(&str) -> bool) -> anyhow::Result<()> {
        let cx = Cx::system("souk import categories");
        let inputs: Vec<CategoryInput> = file
            .category
            .into_iter()
            .filter(|entry| changed(&entry.path.join(" > ")))
            .map(|entry| CategoryInput { path: entry.path, facets: Some(entry.facets) })
            .collect();
        for chunk in inputs.chunks(MAX_BATCH) {
            shop.clients.catalog.put_categories(&cx, PutCategories { categories: chunk.to_vec() }).await?;
        }
        Ok(())
    }
}
