//! Request pipeline: the stages of one request, in order. `cached` admits it and answers from the page cache; what is not there
//! goes on in `uncached`: to a shared `render`, else to a `private` answer.

pub(crate) mod cached;
mod options;
mod private;
mod render;
pub(crate) mod uncached;
