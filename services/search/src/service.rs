//! The contract. A search takes well below a millisecond, so it runs where it is asked; handing it to another thread
//! would cost more than it saves.

use async_trait::async_trait;
use souk_kernel::Problem;
use souk_rpc::Cx;
use souk_search_api::{IndexStatus, SearchApi, SearchReply, SearchRequest, StatusRequest};

use crate::SearchService;
use crate::query::{self, Found};

#[async_trait]
impl SearchApi for SearchService {
    async fn search(&self, _: &Cx, req: SearchRequest) -> Result<SearchReply, Problem> {
        let found = self.find(&req)?;
        let items = found.decoded()?;
        Ok(SearchReply { items, total: found.total, facets: found.facets, partial: found.partial })
    }

    async fn status(&self, _: &Cx, _: StatusRequest) -> Result<IndexStatus, Problem> {
        Ok(IndexStatus { products: self.reader.snapshot().products(), behind: self.behind.behind() })
    }
}

impl SearchService {
    /// Searches the newest state of the index.
    pub(crate) fn find(&self, request: &SearchRequest) -> Result<Found, Problem> {
        let started = std::time::Instant::now();
        let found = query::search(&self.reader.snapshot(), &self.analyzer, request)?;
        metrics::histogram!("souk_search_seconds").record(started.elapsed());
        if found.total == 0 {
            metrics::counter!("souk_search_empty_total").increment(1);
        }
        Ok(found)
    }
}
