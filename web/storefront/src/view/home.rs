//! View model of the home page.

use askama::Template;

use super::card::Card;
use super::layout::Layout;
use super::picture::Picture;

/// A department with a picture.
#[derive(Clone, Debug)]
pub struct Tile {
    /// Its page.
    pub href: String,
    /// Name.
    pub name: String,
    /// Picture of something in it.
    pub picture: Picture,
    /// `128 things`.
    pub count: String,
}

/// A product in the big picture.
#[derive(Clone, Debug)]
pub struct Arch {
    /// Its page.
    pub href: String,
    /// Its picture, named by its title.
    pub picture: Picture,
}

/// A row of products under a heading.
#[derive(Clone, Debug)]
pub struct Section {
    /// Name of the heading for links, `new`.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Where there are more.
    pub href: String,
    /// Text of that link.
    pub more: &'static str,
    /// The products.
    pub cards: Vec<Card>,
}

/// The home page.
#[derive(Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// Frame.
    pub layout: Layout,
    /// `1,600 things from 67 categories`.
    pub count_text: String,
    /// Three products in the big picture.
    pub hero: Vec<Arch>,
    /// Departments.
    pub tiles: Vec<Tile>,
    /// Rows of products.
    pub sections: Vec<Section>,
}
