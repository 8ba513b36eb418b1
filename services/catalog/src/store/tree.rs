//! SQL of the category tree.

use souk_catalog_api::CategoryId;
use souk_db::{DbError, Json, Row, RowExt, WalPosition};
use uuid::Uuid;

use super::{Store, Turn, json};
use crate::domain::tree::Node;

const ALL: &str =
    "select id, parent_id, path, slug, ancestors, name, position, facets, products, version from category";
const INSERT: &str = "insert into category (id, parent_id, path, slug, ancestors, name, position, facets)
    select id, parent_id, path, slug, array(select jsonb_array_elements_text(ancestors::jsonb)::uuid), name, position, facets::jsonb
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::text[])
        with ordinality as n (id, parent_id, path, slug, ancestors, name, position, facets, nr)
    order by nr";
const SET_FACETS: &str = "update category c set facets = n.facets::jsonb, version = n.version
    from unnest($1::uuid[], $2::text[], $3::bigint[]) as n (id, facets, version) where c.id = n.id";

pub(super) const STATEMENTS: &[(&str, &str)] = &[("all", ALL), ("insert", INSERT), ("set_facets", SET_FACETS)];

impl Store {
    /// All nodes.
    pub(crate) async fn tree(&self, at_least: WalPosition) -> Result<Vec<Node>, DbError> {
        self.reads(at_least).query(ALL, &[]).await?.iter().map(node).collect()
    }
}

impl Turn {
    /// All nodes, as they stay until this turn ends.
    pub(crate) async fn tree(&self) -> Result<Vec<Node>, DbError> {
        self.tx.query(ALL, &[]).await?.iter().map(node).collect()
    }

    /// Adds nodes, parents before children.
    pub(crate) async fn add_categories(&self, nodes: &[Node]) -> Result<(), DbError> {
        if nodes.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = nodes.iter().map(|node| node.id.uuid()).collect();
        let parents: Vec<Option<Uuid>> = nodes.iter().map(|node| node.parent_id.map(CategoryId::uuid)).collect();
        let paths: Vec<&str> = nodes.iter().map(|node| node.path.as_str()).collect();
        let slugs: Vec<&str> = nodes.iter().map(|node| node.slug.as_str()).collect();
        let ancestors = nodes.iter().map(|node| json(&node.ancestors)).collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&str> = nodes.iter().map(|node| node.name.as_str()).collect();
        let positions: Vec<i32> = nodes.iter().map(|node| node.position).collect();
        let facets = nodes.iter().map(|node| json(&node.facets)).collect::<Result<Vec<_>, _>>()?;
        self.tx.execute(INSERT, &[&ids, &parents, &paths, &slugs, &ancestors, &names, &positions, &facets]).await?;
        Ok(())
    }

    /// Writes facets and versions.
    pub(crate) async fn set_facets(&self, nodes: &[Node]) -> Result<(), DbError> {
        if nodes.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = nodes.iter().map(|node| node.id.uuid()).collect();
        let facets = nodes.iter().map(|node| json(&node.facets)).collect::<Result<Vec<_>, _>>()?;
        let versions: Vec<i64> = nodes.iter().map(|node| node.version).collect();
        self.tx.execute(SET_FACETS, &[&ids, &facets, &versions]).await?;
        Ok(())
    }
}

fn node(row: &Row) -> Result<Node, DbError> {
    let ancestors: Vec<Uuid> = row.get_col("ancestors")?;
    let Json(facets) = row.get_col("facets")?;
    Ok(Node {
        id: CategoryId(row.get_col("id")?),
        parent_id: row.get_col::<Option<Uuid>>("parent_id")?.map(CategoryId),
        path: row.get_col("path")?,
        slug: row.get_col("slug")?,
        ancestors: ancestors.into_iter().map(CategoryId).collect(),
        name: row.get_col("name")?,
        position: row.get_col("position")?,
        facets,
        products: row.get_col("products")?,
        version: row.get_col("version")?,
    })
}
