//! Domain logic of the catalogue, without I/O: what a product may look like, which address it gets, what becomes of each
//! product of a batch, how the category tree grows, and what a cursor is.

pub mod check;
pub mod cursor;
pub mod limits;
pub mod pictures;
pub mod plan;
pub mod slug;
pub mod tree;
