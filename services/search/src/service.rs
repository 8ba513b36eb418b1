//! Implementation of the contract, whichever engine answers. A search of the embedded index takes well below a millisecond,
//! so it runs where it is asked; handing it to another thread would cost more than it saves.

use async_trait::async_trait;
use souk_kernel::Problem;
use souk_rpc::Cx;
use souk_search_api::{IndexStatus, SearchApi, SearchReply, SearchRequest, StatusRequest};

use crate::query::{self, Found};
use crate::{Engine, SearchService};

#[async_trait]
impl SearchApi for SearchService {
    async fn search(&self, cx: &Cx, req: SearchRequest) -> Result<SearchReply, Problem> {
        let found = self.find(cx, &req).await?;
        let items = found.decoded()?;
        Ok(SearchReply { items, total: found.total, facets: found.facets, partial: found.partial })
    }

    async fn status(&self, _: &Cx, _: StatusRequest) -> Result<IndexStatus, Problem> {
        match &self.engine {
            Engine::Embedded(index) => {
                Ok(IndexStatus { products: index.reader.snapshot().products(), behind: index.behind.behind() })
            }
            Engine::OpenSearch(index) => index.status().await,
        }
    }
}

impl SearchService {
    /// Searches the newest state of the index.
    pub(crate) async fn find(&self, cx: &Cx, request: &SearchRequest) -> Result<Found, Problem> {
        let started = std::time::Instant::now();
        let found = match &self.engine {
            Engine::Embedded(index) => query::search(&index.reader.snapshot(), &index.analyzer, request)?,
            Engine::OpenSearch(index) => index.search(cx, request).await?,
        };
        metrics::histogram!("souk_search_seconds").record(started.elapsed());
        if found.total == 0 {
            metrics::counter!("souk_search_empty_total").increment(1);
        }
        Ok(found)
    }
}
