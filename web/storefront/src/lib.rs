//! The storefront.
pub mod assets;
pub mod view;
pub mod wanted;
