//! The service behind the contract.

use async_trait::async_trait;
use souk_catalog_api::{ByIds, CatalogClient, ProductId};
use souk_db::Db;
use souk_kernel::{Ids, Problem};
use souk_rpc::Cx;

use super::api::{NewReview, OfProduct, ReviewsApi, Summary};
use super::store;

/// Reviews.
pub struct ReviewsService {
    pub db: Db,
    pub ids: Ids,
    pub catalog: CatalogClient,
    pub max_stars: i32,
}

fn unknown() -> Problem {
    Problem::not_found("product")
}

#[async_trait]
impl ReviewsApi for ReviewsService {
    async fn add(&self, _: &Cx, review: NewReview) -> Result<(), Problem> {
        if !(1..=self.max_stars).contains(&review.stars) {
            return Err(Problem::invalid_field("/stars", format!("must be 1 to {}", self.max_stars)));
        }
        match store::add(&self.db, self.ids.v4(), review.product_id, review.stars).await? {
            true => Ok(()),
            false => Err(unknown()),
        }
    }

    async fn summary(&self, cx: &Cx, asked: OfProduct) -> Result<Summary, Problem> {
        let (count, stars) = store::summary(&self.db, asked.product_id).await?.ok_or_else(unknown)?;
        let ids = vec![ProductId(asked.product_id)];
        // The same for every caller: this role speaks for no user.
        let products = self.catalog.products(&cx.for_anybody(), ByIds { ids }).await?.items;
        let title = products.into_iter().next().ok_or_else(unknown)?.title;
        Ok(Summary { title, count, stars })
    }
}
