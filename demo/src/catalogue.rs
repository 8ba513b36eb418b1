//! The demo catalogue: believable products made from a seed, the same in every shop, as many as are asked for.
//!
//! Product number `i` depends on the seed and on `i` alone, so a larger shop begins with the products of a smaller one
//! and a repeated import changes nothing. What there is to sell stands in `lines.rs`, the words about it in `words.rs`.

mod bath;
mod food;
mod home;
mod leisure;
mod lines;
mod style;
mod words;

use souk_art::{COLOURS, Dice};
use souk_catalog_api::{Attribute, AttributeValue, MediaInput, ProductInput, ProductOption, Status, VariantInput};
use souk_import::{NO_CATEGORY, Offer, ProductDraft, picture};
use souk_kernel::{Currency, slugify};

use crate::pictures;
use lines::{Fact, Line, Sizes};

/// Products of the demo shop unless another number is asked for.
pub const DEFAULT_PRODUCTS: usize = 1_600;
/// Most products one asks for: beyond it names would repeat too visibly.
pub const MAX_PRODUCTS: usize = 20_000;
/// The seed of every demo shop.
pub const DEFAULT_SEED: u64 = 1;

/// Colours of one product at most: more make the page long, not the choice better.
const MAX_COLOURS: usize = 4;

/// Facets of a category: more do not help a buyer.
const MAX_FACETS: usize = 8;

/// Name of the source all demo products carry; with `external_id` it is a product's identity.
pub const SOURCE: &str = "demo";

/// A category with the attributes a buyer filters by there, most useful first.
pub struct CategoryDraft {
    /// Names from the root to the leaf.
    pub path: Vec<String>,
    /// Key and label of each facet.
    pub facets: Vec<(&'static str, &'static str)>,
}

/// All categories of the demo shop, in display order; lines that share one share its facets.
pub fn categories() -> Vec<CategoryDraft> {
    let mut all: Vec<CategoryDraft> = Vec::new();
    for line in lines::all() {
        let path = vec![line.department.to_owned(), line.category.to_owned()];
        let known = all.iter().position(|category| category.path == path);
        let at = known.unwrap_or_else(|| {
            all.push(CategoryDraft { path, facets: Vec::new() });
            all.len() - 1
        });
        let colour = line.coloured.then_some(("colour", "Colour"));
        let facts = line.facts.iter().map(|fact| (fact.key(), fact.label()));
        for facet in colour.into_iter().chain([("material", "Material")]).chain(facts) {
            if all[at].facets.len() < MAX_FACETS && !all[at].facets.contains(&facet) {
                all[at].facets.push(facet);
            }
        }
    }
    all
}

/// The first `count` products (at most [`MAX_PRODUCTS`]) of the shop grown from `seed`.
pub fn generate(seed: u64, count: usize) -> impl Iterator<Item = ProductDraft> {
    let rotation = rotation(seed);
    (0..count.min(MAX_PRODUCTS)).map(move |i| {
        let (line, rank) = line_of(&rotation, i);
        Maker::new(seed, i, rank, line).product()
    })
}

/// Lines in the order products are dealt to them, each as often as its share says.
fn rotation(seed: u64) -> Vec<&'static Line> {
    let mut rotation: Vec<&Line> = lines::all().flat_map(|line| std::iter::repeat_n(line, line.share)).collect();
    let mut dice = Dice::new("shelves", seed);
    for i in (1..rotation.len()).rev() {
        rotation.swap(i, dice.pick(i + 1));
    }
    rotation
}

/// The line of product `i`, and how many products that line had before.
fn line_of(rotation: &[&'static Line], i: usize) -> (&'static Line, usize) {
    let (round, slot) = (i / rotation.len(), i % rotation.len());
    let line = rotation[slot];
    let earlier = rotation[..slot].iter().filter(|other| std::ptr::eq(**other, line)).count();
    (line, round * line.share + earlier)
}

/// Makes one product: the dice, and what they have decided so far.
struct Maker {
    dice: Dice,
    line: &'static Line,
    index: usize,
    name: String,
    noun: &'static str,
    material: &'static str,
    brand: &'static str,
    /// Shape of the picture; its colour is added per variant.
    shape: u64,
}

impl Maker {
    fn new(seed: u64, index: usize, rank: usize, line: &'static Line) -> Self {
        let mut dice = Dice::new("product", seed.wrapping_mul(1_000_003).wrapping_add(index as u64));
        let (name, noun) = name(seed, rank, line);
        let material = line.materials[dice.pick(line.materials.len())];
        let brands = words::brands(line.department);
        let brand = brands[dice.pick(brands.len())];
        let shape = ((index as u64) << 12) | dice.range(0, 4_095) as u64;
        Self { dice, line, index, name, noun, material, brand, shape }
    }

    fn product(mut self) -> ProductDraft {
        let title = format!("{} {} {}", self.name, self.material.to_lowercase(), self.noun);
        let colours = self.colours();
        let media: Vec<MediaInput> = colours.iter().map(|colour| self.picture(&title, *colour)).collect();
        let (options, variants, offers) = self.variants(&colours);
        let on_sale = offers.iter().any(|offer| offer.compare_at.is_some());
        let product = ProductInput {
            source: SOURCE.into(),
            external_id: format!("demo-{:05}", self.index + 1),
            slug: slugify(&title),
            brand: Some(self.brand.into()),
            description: words::description(
                &mut self.dice,
                self.line,
                &self.name,
                self.noun,
                self.material,
                self.brand,
            ),
            category_id: NO_CATEGORY,
            attributes: self.attributes(colours[0]),
            options,
            variants,
            media,
            status: Status::Published,
            tags: self.tags(on_sale),
            seo_title: None,
            description_html: None,
            seo_description: None,
            content_hash: String::new(),
            title,
        };
        let category = vec![self.line.department.into(), self.line.category.into()];
        ProductDraft { product, category, offers, files: Default::default() }
    }

    /// Indices into [`COLOURS`], the first is the main one.
    fn colours(&mut self) -> Vec<usize> {
        let count = if self.line.coloured { [1, 1, 2, 2, 3, 3, MAX_COLOURS][self.dice.pick(7)] } else { 1 };
        let first = self.dice.pick(COLOURS.len());
        // Steps of 5 round a wheel of 16 visit different colours that are far apart.
        (0..count).map(|i| (first + 5 * i) % COLOURS.len()).collect()
    }

    fn picture(&self, title: &str, colour: usize) -> MediaInput {
        let seed = self.shape * COLOURS.len() as u64 + colour as u64;
        let alt = match self.line.coloured {
            true => format!("{title} in {}", COLOURS[colour].name.to_lowercase()),
            false => title.to_owned(),
        };
        picture(pictures::address(self.line.motif, seed), alt)
    }

    /// Options, variants, and what each variant costs. The picture of a colour stands where the colour does.
    fn variants(&mut self, colours: &[usize]) -> (Vec<ProductOption>, Vec<VariantInput>, Vec<Offer>) {
        let sizes = self.line.sizes.run(&mut self.dice);
        let (price, compare) = self.price();
        let sold_out = self.dice.once_in(35);
        let grams = self.dice.range(self.line.grams.0, self.line.grams.1) as u32;
        let mut variants = Vec::with_capacity(colours.len() * sizes.len().max(1));
        let mut offers = Vec::with_capacity(variants.capacity());
        for (at, colour) in (0..).zip(colours) {
            for step in 0..sizes.len().max(1) {
                let mut sku = format!("{}-{:05}", code(self.line.motif, 3), self.index + 1);
                let mut option_values = Vec::new();
                if colours.len() > 1 {
                    sku += &format!("-{}", code(COLOURS[*colour].name, 4));
                    option_values.push(COLOURS[*colour].name.to_owned());
                }
                if let Some(size) = sizes.get(step) {
                    sku += &format!("-{}", code(size, 8));
                    option_values.push((*size).to_owned());
                }
                let dearer = |amount: i64| charm(amount + amount * self.line.step * step as i64 / 100);
                offers.push(Offer {
                    price: Currency::EUR.of(dearer(price)),
                    compare_at: compare.map(|before| Currency::EUR.of(dearer(before))),
                    stock: Some(if sold_out { 0 } else { self.stock() }),
                    default_stock: 0,
                    policy: None,
                });
                variants.push(VariantInput {
                    external_id: None,
                    sku,
                    option_values,
                    barcode: Some(barcode(self.index, variants.len())),
                    weight_grams: grams + grams / 4 * step as u32 * u32::from(self.line.step > 0),
                    tax_category: self.line.tax.into(),
                    media: Some(at),
                });
            }
        }
        let colour_names = colours.iter().map(|c| COLOURS[*c].name.to_owned()).collect();
        let mut options = Vec::new();
        if colours.len() > 1 {
            options.push(ProductOption { name: "Colour".into(), values: colour_names });
        }
        if !sizes.is_empty() {
            let values = sizes.iter().map(|size| (*size).to_owned()).collect();
            options.push(ProductOption { name: self.line.sizes.name().into(), values });
        }
        (options, variants, offers)
    }

    /// A price in cents, more often near the cheap end, and for one product in seven what it cost before.
    fn price(&mut self) -> (i64, Option<i64>) {
        let (low, high) = self.line.cents;
        let height = self.dice.range(0, 999) * self.dice.range(0, 999) / 1_000;
        let price = charm(i64::from(low + (high - low) / 100 * height / 10));
        let was = self.dice.once_in(7).then(|| charm(price * i64::from(self.dice.range(118, 150)) / 100));
        (price, was.filter(|was| *was > price))
    }

    fn stock(&mut self) -> i64 {
        i64::from(match self.dice.range(0, 99) {
            0..=6 => 0,
            7..=17 => self.dice.range(1, 5),
            _ => self.dice.range(8, 180),
        })
    }

    fn attributes(&mut self, colour: usize) -> Vec<Attribute> {
        let text = |key: &str, label: &str, value: &str| Attribute {
            key: key.into(),
            label: label.into(),
            value: AttributeValue::Text(value.into()),
        };
        let origin = words::ORIGINS[self.dice.pick(words::ORIGINS.len())];
        let mut all = vec![text("made_in", "Made in", origin), text("material", "Material", self.material)];
        if self.line.coloured {
            all.push(text("colour", "Colour", COLOURS[colour].name));
        }
        for fact in self.line.facts {
            let value = match fact {
                Fact::Words(_, _, values) => AttributeValue::Text(values[self.dice.pick(values.len())].into()),
                Fact::Number(_, _, unit, low, high, step) => {
                    let value = low + self.dice.range(0, (high - low) / step) * step;
                    AttributeValue::Number { value: value.to_string(), unit: unit.map(Into::into) }
                }
                Fact::YesNo(_, _, percent) => AttributeValue::Bool(self.dice.range(0, 99) < *percent),
            };
            all.push(Attribute { key: fact.key().into(), label: fact.label().into(), value });
        }
        all.sort_by(|a, b| a.key.cmp(&b.key));
        all
    }

    fn tags(&mut self, on_sale: bool) -> Vec<String> {
        let chances = [("new", 8), ("gift", 6), ("bestseller", 12)];
        let mut tags: Vec<String> = Vec::new();
        for (tag, times) in chances {
            if self.dice.once_in(times) {
                tags.push(tag.into());
            }
        }
        if on_sale {
            tags.push("sale".into());
        }
        tags
    }
}

/// Name and noun of the `rank`-th product of a line. The given names are dealt in an order of the line's own, so that
/// none comes twice before all have; after that they carry a series (`Alba Due`).
fn name(seed: u64, rank: usize, line: &Line) -> (String, &'static str) {
    let count = words::NAMES.len();
    let start = Dice::new(line.category, seed).pick(count);
    let given = words::NAMES[(start + rank * words::STRIDE) % count];
    let noun = line.nouns[(rank + rank / count) % line.nouns.len()];
    match rank / count {
        0 => (given.into(), noun),
        round => (format!("{given} {}", words::SERIES[(round - 1) % words::SERIES.len()]), noun),
    }
}

/// An amount as shops print it: small ones end in 90 or 50, larger ones in whole euros.
fn charm(cents: i64) -> i64 {
    match cents {
        ..2_000 => (cents / 50 * 50 + if cents / 50 % 2 == 0 { 40 } else { 0 }).max(190),
        2_000..10_000 => cents / 100 * 100 + 90,
        _ => cents / 500 * 500,
    }
}

/// The first letters and digits of a text in capitals.
fn code(text: &str, length: usize) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(length).map(|c| c.to_ascii_uppercase()).collect()
}

/// An EAN-13 from the range 20 to 29, which GS1 leaves to shops for their own numbers.
fn barcode(product: usize, variant: usize) -> String {
    let digits = format!("20{product:06}{variant:04}");
    let weighed: u32 = digits.bytes().zip([1, 3].into_iter().cycle()).map(|(b, w)| u32::from(b - b'0') * w).sum();
    format!("{digits}{}", (10 - weighed % 10) % 10)
}

impl Sizes {
    /// Name of the option.
    fn name(self) -> &'static str {
        match self {
            Sizes::Of(name, _) | Sizes::All(name, _) => name,
            Sizes::One => "",
        }
    }

    /// The sizes one product comes in: none, all, or an unbroken run of at least two.
    fn run(self, dice: &mut Dice) -> &'static [&'static str] {
        match self {
            Sizes::One => &[],
            Sizes::All(_, sizes) => sizes,
            Sizes::Of(_, sizes) => {
                let length = dice.range(2, sizes.len() as i32) as usize;
                let first = dice.pick(sizes.len() - length + 1);
                &sizes[first..first + length]
            }
        }
    }
}
