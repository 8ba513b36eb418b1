//! Authentication at the edge: who sends a request, and from which position in the database's log on their reads must be
//! answered.

pub(crate) mod authenticate;
pub(crate) mod read_your_writes;
