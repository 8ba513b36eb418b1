//! Web layer of every HTTP surface of Souk: typed extractors, problems, cacheable replies, cookies, the CSRF guard, and
//! routes that document themselves.
//!
//! A service declares its REST surface with [`Routes`]: handler and OpenAPI operation in one line, so neither can exist
//! without the other. The gateway serves the merged document ([`openapi`]).

mod binding;
mod cdn;
pub mod compress;
mod conditional;
mod cookies;
pub mod csrf;
mod error;
mod extract;
mod links;
mod openapi;
mod operation;
mod problems;
mod request_id;
mod respond;
mod response_layer;
mod routes;
mod rules;

pub use binding::{ApiHandler, Input, Output};
pub use cdn::Cdn;
pub use conditional::{IfMatch, versioned, written};
pub use cookies::{CART_COOKIE, Cookies, SESSION_COOKIE};
pub use error::{ApiError, ProblemJson};
pub use extract::{ApiJson, ApiPath, ApiQuery, WebCx, query_of, query_pairs};
pub use links::page_links;
pub use openapi::{DocumentInfo, check_document, openapi};
pub use operation::{Op, Operations, op};
pub use problems::{ProblemType, problem_type, problem_types};
pub use request_id::{RequestIds, is_request_id};
pub use respond::{Cached, Reply, SURROGATE_KEY, etag_of, no_store};
pub use response_layer::{etag_matches, known_method, response_layer};
pub use routes::{DEFAULT_BODY_LIMIT, Routes};
