//! Test doubles of contracts: `service!` makes a fake of each with one closure per method, so that a test says what it
//! needs of a neighbour and nothing else.

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;

use souk_kernel::Problem;

use crate::Cx;

type Answering<R> = Pin<Box<dyn Future<Output = Result<R, Problem>> + Send>>;
type Respond<Q, R> = Arc<dyn Fn(Cx, Q) -> Answering<R> + Send + Sync>;

/// What a fake replies to one method; by default a fault that names the method.
pub struct Answer<Q, R>(Option<Respond<Q, R>>);

/// Replies what `respond` returns.
pub fn answer<Q, R: Send + 'static>(
    respond: impl Fn(&Cx, Q) -> Result<R, Problem> + Send + Sync + 'static,
) -> Answer<Q, R> {
    Answer(Some(Arc::new(move |cx, request| Box::pin(ready(respond(&cx, request))))))
}

/// The same for what has to wait before it replies.
pub fn answer_later<Q, R, F>(respond: impl Fn(Cx, Q) -> F + Send + Sync + 'static) -> Answer<Q, R>
where
    F: Future<Output = Result<R, Problem>> + Send + 'static,
{
    Answer(Some(Arc::new(move |cx, request| Box::pin(respond(cx, request)))))
}

impl<Q, R> Default for Answer<Q, R> {
    fn default() -> Self {
        Self(None)
    }
}

impl<Q, R> Clone for Answer<Q, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q, R> Answer<Q, R> {
    /// The reply to a call of the method at `path`.
    #[doc(hidden)]
    pub async fn give(&self, path: &'static str, cx: &Cx, request: Q) -> Result<R, Problem> {
        match &self.0 {
            Some(respond) => respond(cx.clone(), request).await,
            None => Err(Problem::internal(format!("{path}: the fake has no answer to this"))),
        }
    }
}

/// A fake whose methods are those of something else with the same names, as a shop in memory that several contracts look into:
/// `fake_of!(shop, CatalogFake { products, export })`, with `shop` in an [`Arc`].
#[macro_export]
macro_rules! fake_of {
    ($of:expr, $Fake:ident { $($method:ident),+ $(,)? }) => {
        $Fake {
            $($method: {
                let of = ::std::sync::Arc::clone($of);
                $crate::fake::answer_later(move |cx, request| {
                    let of = ::std::sync::Arc::clone(&of);
                    async move { of.$method(&cx, request).await }
                })
            },)+
            ..$Fake::default()
        }
    };
}
