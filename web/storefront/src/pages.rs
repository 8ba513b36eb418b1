//! Handlers, one module per page: fetch, build the view, reply. How it looks is decided in `view`.

pub mod account;
pub mod address;
pub mod asset;
pub mod cart;
pub mod checkout;
pub mod email;
pub mod fragment;
pub mod home;
pub mod info;
pub mod link;
pub mod listing;
pub mod order;
pub mod pay;
pub mod problem;
pub mod product;
pub mod to_page;
