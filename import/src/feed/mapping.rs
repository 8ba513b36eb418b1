//! Column mapping: what the columns of a merchant's file mean. Read from TOML once, checked with errors that name the key,
//! compiled (regular expressions, keywords) and then applied to every row. `docs/import.md` is its manual.

mod aliases;
pub(crate) mod attributes;
pub(crate) mod category;
mod grouping;
mod note;
mod options;
mod pairs;
pub(crate) mod price;
pub(crate) mod rule;
mod section;

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

pub(crate) use self::aliases::Aliases;
use self::attributes::{AttributeRules, Patterns};
use self::category::CategoryRules;
pub(crate) use self::grouping::Grouping;
use self::note::Note;
use self::options::Options;
pub(crate) use self::options::{OptionPairs, OptionRule};
use self::price::PriceRules;
use self::rule::Rule;
use self::section::Section;
use crate::draft::clip;
use crate::feed::error::{FeedError, MappingError};
use crate::feed::record::Header;
use crate::feed::rows::Format;
use crate::limits;

const BUILT_IN: &[(&str, &str)] = &[
    ("bigcommerce", include_str!("../../mappings/bigcommerce.toml")),
    ("google", include_str!("../../mappings/google.toml")),
    ("icecat", include_str!("../../mappings/icecat.toml")),
    ("magento", include_str!("../../mappings/magento.toml")),
    ("prestashop", include_str!("../../mappings/prestashop.toml")),
    ("shopify", include_str!("../../mappings/shopify.toml")),
    ("spree", include_str!("../../mappings/spree.toml")),
    ("woocommerce", include_str!("../../mappings/woocommerce.toml")),
];

/// What the columns of a file mean.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(crate) source: String,
    pub(crate) format: Option<Format>,
    pub(crate) delimiter: Option<u8>,
    /// Columns by which a file is recognised without being told: all those of one of the lists.
    detect: Vec<Vec<String>>,
    /// Other names of columns.
    pub(crate) aliases: Aliases,
    /// Columns that a file may lack: a format has more than any one file of it.
    optional_columns: bool,
    /// Which rows are one product.
    pub(crate) grouping: Option<Grouping>,
    /// The column that only the row with the product's own data fills.
    pub(crate) product_row: Option<Rule>,
    /// Rows that are no part of a product: translations, rules.
    pub(crate) skip: Option<Rule>,
    /// That row stands for the product alone, and is no variant where other rows are.
    pub(crate) parent_row: bool,
    /// A variant takes the price and weight that its row lacks from the product's row.
    pub(crate) inherit: bool,
    /// `\n` as two characters means a line break in this source.
    pub(crate) unescape: bool,
    pub(crate) product: ProductRules,
    pub(crate) variant: VariantRules,
    pub(crate) options: Vec<OptionRule>,
    pub(crate) option_pairs: Vec<OptionPairs>,
    /// Name and value by which a source says "there are no options".
    pub(crate) no_option: Option<(String, String)>,
    /// What a merchant should know of a file with some column.
    notes: Vec<Note>,
    pub(crate) price: PriceRules,
    pub(crate) category: CategoryRules,
    pub(crate) attributes: AttributeRules,
    /// Attributes that are never facets.
    pub(crate) never_facets: Patterns,
}

/// `[product]`.
#[derive(Clone, Debug)]
pub(crate) struct ProductRules {
    pub(crate) external_id: Rule,
    pub(crate) slug: Option<Rule>,
    pub(crate) title: Rule,
    pub(crate) brand: Option<Rule>,
    pub(crate) description: Option<Rule>,
    pub(crate) status: Option<Rule>,
    pub(crate) tags: Option<Rule>,
    pub(crate) seo_title: Option<Rule>,
    pub(crate) seo_description: Option<Rule>,
    pub(crate) media: Option<Rule>,
    pub(crate) media_alt: Option<Rule>,
}

/// `[variant]`.
#[derive(Clone, Debug, Default)]
pub(crate) struct VariantRules {
    pub(crate) external_id: Option<Rule>,
    pub(crate) sku: Option<Rule>,
    pub(crate) barcode: Option<Rule>,
    pub(crate) weight: Option<Rule>,
    pub(crate) weight_unit: Option<Rule>,
    pub(crate) stock: Option<Rule>,
    /// Units of a new variant of which the file does not say how many there are.
    pub(crate) default_stock: i64,
    /// What happens when the units run out.
    pub(crate) policy: Option<Rule>,
    pub(crate) tax_category: Option<Rule>,
    pub(crate) media: Option<Rule>,
}

impl std::str::FromStr for Mapping {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            MappingError::new(format!("line {line}"), error.message().to_owned())
        })?;
        Self::parse(Section::new("", table))
    }
}

/// What a file lacks that lacks the columns of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// There is nothing to sell.
    ToSell,
    /// What the mapping says is there, unless it says that a file may lack it.
    Mapped,
    /// Nothing: files have as many as they need.
    Possible,
}

impl Mapping {
    /// Reads a mapping file. A name without a path that is no file may be one of the built-in ones: `icecat`.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, FeedError> {
        let path = path.as_ref();
        if let Some(built_in) = path.to_str().and_then(Self::built_in).filter(|_| !path.exists()) {
            return Ok(built_in);
        }
        let size = std::fs::metadata(path)?.len();
        if size > limits::MAPPING_BYTES {
            let reason = format!("{size} bytes; the limit is {}", limits::MAPPING_BYTES);
            return Err(MappingError::new(path.display().to_string(), reason).into());
        }
        Ok(std::fs::read_to_string(path)?.parse::<Self>()?)
    }

    /// A mapping that Souk ships: `icecat`, `shopify`, `spree`.
    pub fn built_in(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Some(text.parse().expect("the mappings that are shipped are tested"))
    }

    /// Names and texts of the mappings that Souk ships, to print or to start an own one from.
    pub fn shipped() -> &'static [(&'static str, &'static str)] {
        BUILT_IN
    }

    /// The shipped mapping that knows a file by its columns.
    pub(crate) fn recognise(header: &Header) -> Option<Self> {
        let all = BUILT_IN.iter().filter_map(|(name, _)| Self::built_in(name));
        all.into_iter().find(|mapping| {
            let mut header = header.clone();
            mapping.aliases.apply(&mut header);
            mapping.detect.iter().any(|columns| columns.iter().all(|column| header.has(column)))
        })
    }

    /// Says how many units a new variant has of which the file does not tell; without a number the mapping's own holds.
    pub(crate) fn set_default_stock(&mut self, units: Option<i64>) {
        self.variant.default_stock = units.unwrap_or(self.variant.default_stock);
    }

    /// Where its products say they come from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// False when no rule gives a currency, so that the caller must.
    pub(crate) fn names_currency(&self) -> bool {
        self.price.names_currency()
    }

    /// Refuses a file that lacks a mapped column: what stands there is not known, and nothing is assumed for it. `has` tells
    /// whether the file has a column, `columns` are those that it has.
    pub(crate) fn check_columns(&self, has: &dyn Fn(&str) -> bool, columns: &[String]) -> Result<(), FeedError> {
        let mut lacking: Vec<String> = Vec::new();
        for (key, rule, need) in self.rules() {
            if need == Need::Possible || (need == Need::Mapped && self.optional_columns) {
                continue;
            }
            if let Some(missing) = rule.missing(has) {
                let names: Vec<String> = missing.iter().map(|name| format!("{name:?}")).collect();
                lacking.push(format!("{key} names {}", names.join(" or ")));
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        let names = clip_list(columns);
        Err(FeedError::MissingColumns(format!("{}; the file has {names}", lacking.join(", "))))
    }

    /// True where a file may lack mapped columns.
    pub(crate) fn is_lenient(&self) -> bool {
        self.optional_columns
    }

    /// The names of all mapped columns.
    pub(crate) fn columns(&self) -> BTreeSet<&str> {
        self.rules().flat_map(|(_, rule, _)| rule.columns()).collect()
    }

    /// What a merchant should know of a file with these columns.
    pub(crate) fn notes(&self, header: &Header) -> impl Iterator<Item = &str> {
        self.notes.iter().filter_map(|note| note.of(header))
    }

    /// The columns of a file that no rule reads.
    pub(crate) fn unread_columns(&self, header: &Header) -> Vec<String> {
        let read: HashSet<usize> = self
            .rules()
            .map(|(_, rule, _)| rule)
            .chain(self.attributes.pair_rules())
            .flat_map(|rule| rule.columns())
            .flat_map(|column| header.places(column).iter().copied())
            .collect();
        let names = header.names().iter().enumerate();
        let unread =
            names.filter(|(at, name)| !name.is_empty() && !read.contains(at) && !self.attributes.is_column(name));
        unread.map(|(_, name)| name.clone()).collect()
    }

    /// All rules by their keys, and what a file that lacks their columns lacks.
    fn rules(&self) -> impl Iterator<Item = (String, &Rule, Need)> {
        let (product, variant) = (&self.product, &self.variant);
        let single = [
            ("rows.group_by", self.grouping.as_ref().map(Grouping::rule)),
            ("rows.skip", self.skip.as_ref()),
            ("rows.product_row", self.product_row.as_ref()),
            ("product.external_id", Some(&product.external_id)),
            ("product.title", Some(&product.title)),
            ("product.slug", product.slug.as_ref()),
            ("product.brand", product.brand.as_ref()),
            ("product.description", product.description.as_ref()),
            ("product.status", product.status.as_ref()),
            ("product.tags", product.tags.as_ref()),
            ("product.seo_title", product.seo_title.as_ref()),
            ("product.seo_description", product.seo_description.as_ref()),
            ("product.media", product.media.as_ref()),
            ("product.media_alt", product.media_alt.as_ref()),
            ("variant.external_id", variant.external_id.as_ref()),
            ("variant.sku", variant.sku.as_ref()),
            ("variant.barcode", variant.barcode.as_ref()),
            ("variant.weight", variant.weight.as_ref()),
            ("variant.weight_unit", variant.weight_unit.as_ref()),
            ("variant.stock", variant.stock.as_ref()),
            ("variant.policy", variant.policy.as_ref()),
            ("variant.tax_category", variant.tax_category.as_ref()),
            ("variant.media", variant.media.as_ref()),
        ];
        // Where no row names a parent, each is a product.
        let group_by = if self.grouping.as_ref().is_some_and(Grouping::is_relation) { "" } else { "rows.group_by" };
        let needed = [group_by, "product.external_id", "product.title", "price.amount"];
        let single = single.into_iter().filter_map(|(key, rule)| Some((key.to_owned(), rule?)));
        let further = self.options.iter().filter(|option| option.is_further);
        let further = further.flat_map(|option| [&option.name, &option.value]);
        let further = further.map(|rule| ("option".to_owned(), rule, Need::Possible));
        let options = self.options.iter().filter(|option| !option.is_further).enumerate().flat_map(|(i, option)| {
            [(format!("option[{i}].name"), &option.name), (format!("option[{i}].value"), &option.value)]
        });
        let pairs = self.option_pairs.iter().enumerate();
        let options = options.chain(pairs.map(|(i, option)| (format!("option[{i}].pairs"), &option.pairs.from)));
        let price = self.price.rules().map(|(key, rule)| (key.to_owned(), rule));
        let more = self.category.rules().chain(self.attributes.rules());
        let all = single.chain(options).chain(price).chain(more);
        let all = all.map(move |(key, rule)| {
            let need = if needed.contains(&key.as_str()) { Need::ToSell } else { Need::Mapped };
            (key, rule, need)
        });
        all.chain(further)
    }

    /// True for attributes that buyers do not filter by.
    pub fn never_facet(&self, key: &str) -> bool {
        self.never_facets.fit(key)
    }

    fn parse(mut root: Section) -> Result<Self, MappingError> {
        let source = root.text("source")?.unwrap_or_default();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if source.is_empty() || source.len() > limits::SOURCE_CHARS || !source.bytes().all(plain) {
            return Err(root.error("source", "a name of [a-z0-9-] is wanted: with the external id it names a product"));
        }
        let format = match root.text("format")?.as_deref() {
            None => None,
            Some("csv") => Some(Format::Csv),
            Some("ndjson") => Some(Format::Ndjson),
            Some("xml") => Some(Format::Xml),
            Some(other) => return Err(root.error("format", format!("csv, ndjson or xml is wanted, not {other:?}"))),
        };
        let delimiter = match root.text("delimiter")?.as_deref() {
            None => None,
            Some(text) if text.len() == 1 && text != "\"" && text != "\n" => Some(text.as_bytes()[0]),
            Some(other) => return Err(root.error("delimiter", format!("one character is wanted, not {other:?}"))),
        };
        let detect = root.text_lists("detect")?;
        let optional_columns = root.flag("optional_columns")?;
        let aliases = Aliases::parse(root.section("aliases")?)?;
        let unescape = root.flag("literal_line_breaks")?;
        let mut rows = root.section("rows")?;
        let grouping = Grouping::take(&mut rows)?;
        let (product_row, skip) = (Rule::take(&mut rows, "product_row")?, Rule::take(&mut rows, "skip")?);
        let (parent_row, inherit) = (rows.flag("parent_row")?, rows.flag("inherit")?);
        rows.finish()?;
        let product = ProductRules::parse(root.section("product")?)?;
        let variant = VariantRules::parse(root.section("variant")?)?;
        let Options { options, option_pairs, no_option } = Options::take(&mut root)?;
        let notes = Note::take(&mut root)?;
        let price = PriceRules::parse(root.section("price")?)?;
        let category = CategoryRules::parse(root.section("category")?)?;
        let attributes = AttributeRules::parse(root.section("attributes")?)?;
        let mut facets = root.section("facets")?;
        let never_facets = Patterns::new(facets.texts("never")?);
        facets.finish()?;
        let has_options = !options.is_empty() || !option_pairs.is_empty();
        if grouping.is_none() && (product_row.is_some() || has_options) {
            return Err(root.error("rows.group_by", "is missing: options need rows that are joined into products"));
        }
        root.finish()?;
        Ok(Self {
            source,
            format,
            delimiter,
            detect,
            aliases,
            optional_columns,
            grouping,
            product_row,
            skip,
            parent_row,
            inherit,
            unescape,
            product,
            variant,
            options,
            option_pairs,
            no_option,
            notes,
            price,
            category,
            attributes,
            never_facets,
        })
    }
}

impl ProductRules {
    fn parse(mut section: Section) -> Result<Self, MappingError> {
        let required = |section: &mut Section, key: &'static str| {
            Rule::take(section, key)?.ok_or_else(|| section.error(key, "is missing"))
        };
        let rules = Self {
            external_id: required(&mut section, "external_id")?,
            title: required(&mut section, "title")?,
            slug: Rule::take(&mut section, "slug")?,
            brand: Rule::take(&mut section, "brand")?,
            description: Rule::take(&mut section, "description")?,
            status: Rule::take(&mut section, "status")?,
            tags: Rule::take(&mut section, "tags")?,
            seo_title: Rule::take(&mut section, "seo_title")?,
            seo_description: Rule::take(&mut section, "seo_description")?,
            media: Rule::take(&mut section, "media")?,
            media_alt: Rule::take(&mut section, "media_alt")?,
        };
        section.finish()?;
        Ok(rules)
    }
}

impl VariantRules {
    fn parse(mut section: Section) -> Result<Self, MappingError> {
        let rules = Self {
            external_id: Rule::take(&mut section, "external_id")?,
            sku: Rule::take(&mut section, "sku")?,
            barcode: Rule::take(&mut section, "barcode")?,
            weight: Rule::take(&mut section, "weight")?,
            weight_unit: Rule::take(&mut section, "weight_unit")?,
            stock: Rule::take(&mut section, "stock")?,
            default_stock: section.number("default_stock", 0..=limits::STOCK_UNITS)?.unwrap_or_default(),
            policy: Rule::take(&mut section, "policy")?,
            tax_category: Rule::take(&mut section, "tax_category")?,
            media: Rule::take(&mut section, "media")?,
        };
        section.finish()?;
        Ok(rules)
    }
}

/// Columns of one kind that are told apart by a number.
pub(crate) const NUMBERED: usize = 30;

/// Names for a message, as many as a person reads.
fn clip_list(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("{:?}", clip(name))).collect();
    match names.len() > SHOWN {
        true => format!("{} and {} more", shown.join(", "), names.len() - SHOWN),
        false => shown.join(", "),
    }
}

#[cfg(test)]
mod tests;
