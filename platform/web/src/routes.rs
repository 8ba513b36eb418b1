//! Documented router: routes and their documentation are declared together; a route without an operation cannot be written.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use souk_kernel::Problem;

use crate::operation::{Access, Deprecated};
use crate::{ApiError, ApiHandler, Op, Operations, WebCx, response_layer};

/// Since when a route should not be used (RFC 9745).
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");
/// When it may go (RFC 8594).
const SUNSET: HeaderName = HeaderName::from_static("sunset");

/// Bytes of the largest body of an ordinary call: a cart with its addresses is below 10 KiB.
pub const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

/// Public routes of a service; `S` is what its handlers take as `State`.
///
/// ```text
/// Routes::new()
///     .get("/api/v1/products/{slug}", product, op("getProduct").summary("One product").reply(200).codes(&["not_found"]))
///     .with_state(service)
/// ```
pub struct Routes<S = ()> {
    router: Router<S>,
    operations: Operations,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), operations: Operations::default() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a read; HEAD comes with it.
    pub fn get<H: ApiHandler<T, S>, T: 'static>(self, path: &'static str, handler: H, op: Op) -> Self {
        self.route(Method::GET, MethodFilter::GET, path, handler, op)
    }

    /// Adds a POST.
    pub fn post<H: ApiHandler<T, S>, T: 'static>(self, path: &'static str, handler: H, op: Op) -> Self {
        self.route(Method::POST, MethodFilter::POST, path, handler, op)
    }

    /// Adds a PUT.
    pub fn put<H: ApiHandler<T, S>, T: 'static>(self, path: &'static str, handler: H, op: Op) -> Self {
        self.route(Method::PUT, MethodFilter::PUT, path, handler, op)
    }

    /// Adds a PATCH.
    pub fn patch<H: ApiHandler<T, S>, T: 'static>(self, path: &'static str, handler: H, op: Op) -> Self {
        self.route(Method::PATCH, MethodFilter::PATCH, path, handler, op)
    }

    /// Adds a DELETE.
    pub fn delete<H: ApiHandler<T, S>, T: 'static>(self, path: &'static str, handler: H, op: Op) -> Self {
        self.route(Method::DELETE, MethodFilter::DELETE, path, handler, op)
    }

    fn route<H: ApiHandler<T, S>, T: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        handler: H,
        mut op: Op,
    ) -> Self {
        H::describe(&mut op);
        let mut routing = on(filter, handler);
        if op.access == Access::Customer {
            routing = routing.layer(middleware::from_fn(signed_in));
        }
        if let Some(Deprecated { since, sunset }) = op.deprecated {
            routing = routing.layer(middleware::map_response(move |response| deprecated(response, since, sunset)));
        }
        if let Some(limit) = op.body_limit {
            routing = routing.layer(DefaultBodyLimit::max(limit));
        }
        self.router = self.router.route(path, routing);
        self.operations.0.push((method, path, op));
        self
    }

    /// Adds all routes of `other`.
    pub fn merge(mut self, other: Routes<S>) -> Self {
        self.router = self.router.merge(other.router);
        self.operations.0.extend(other.operations.0);
        self
    }

    /// Gives the handlers their state.
    pub fn with_state(self, state: S) -> Routes<()> {
        Routes { router: self.router.with_state(state), operations: self.operations }
    }

    /// The finished router: limits, problems for unknown paths and methods, conditional reads. Merge [`Routes`], not
    /// finished routers: two fallbacks do not mix.
    pub fn into_router(self, state: S) -> Router {
        self.router
            .fallback(|| async { ApiError::from(Problem::not_found("resource")) })
            .method_not_allowed_fallback(|| async {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                ApiError::transport(status, "method_not_allowed", "this resource does not know that method")
            })
            .layer(DefaultBodyLimit::max(DEFAULT_BODY_LIMIT))
            .layer(middleware::from_fn(response_layer))
            .with_state(state)
    }

    /// What the OpenAPI document says about these routes; does not depend on the state.
    pub fn openapi(&self) -> &Operations {
        &self.operations
    }
}

/// Who has to sign in is told so before anything of the request is looked at.
async fn signed_in(WebCx(cx): WebCx, request: Request, next: Next) -> Result<Response, ApiError> {
    cx.actor.require_customer()?;
    Ok(next.run(request).await)
}

async fn deprecated(mut response: Response, since: &'static str, sunset: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert(DEPRECATION, HeaderValue::from_static(since));
    headers.insert(SUNSET, HeaderValue::from_static(sunset));
    response
}

impl Routes<()> {
    /// The finished router of routes that have their state.
    pub fn router(self) -> Router {
        self.into_router(())
    }
}
