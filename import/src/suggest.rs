//! Suggested mappings: what the columns of an unknown file may mean, by their names and by what stands in them, as a mapping file to
//! start from. What cannot be told is left open and said, so that the mapping is refused until a person has decided.

mod fields;

use std::collections::HashSet;
use std::fmt::Write;

use self::fields::{FIELDS, Field, fit};
use crate::draft::clip;
use crate::feed::{Columns, Encoding, FeedError, Input, Mapping, SampledColumn};
use crate::text;

/// Values shown beside a column.
const SHOWN: usize = 3;
/// Characters of a value that are shown.
const SHOWN_CHARS: usize = 30;
/// Of the values of a column that must be of a field's kind: files have headings and notes among their rows.
const MOST: usize = 4;

/// A suggestion for a file.
pub struct Suggestion {
    /// The mapping file.
    pub mapping: String,
    /// The shipped mapping that knows the file by itself, so that none is needed.
    pub known: Option<String>,
    /// Fields without which nothing can be sold and for which no column was found.
    pub missing: Vec<&'static str>,
}

/// Reads the beginning of a file and suggests a mapping. `name` is the file's, for its source.
///
/// # Errors
/// Those of opening the file.
pub fn suggest(input: &Input, encoding: Option<Encoding>, name: &str) -> Result<Suggestion, FeedError> {
    let columns = Columns::sample(input, encoding)?;
    if let Some(mapping) = &columns.known {
        let text = Mapping::shipped().iter().find(|(known, _)| known == mapping).map_or("", |(_, text)| *text);
        return Ok(Suggestion { mapping: text.to_owned(), known: Some(mapping.clone()), missing: Vec::new() });
    }
    let draft = Draft::of(&columns.columns);
    let missing = draft.missing();
    Ok(Suggestion { mapping: draft.write(&columns, &source(name)), known: None, missing })
}

/// The file's name as a source: `Lager 2026.csv` is `lager-2026`.
fn source(name: &str) -> String {
    let stem = name.split('.').next().unwrap_or_default();
    let plain = souk_kernel::slugify(stem);
    let plain: String = plain.chars().take(crate::limits::SOURCE_CHARS).collect();
    if plain.is_empty() { "shop".to_owned() } else { plain.trim_matches('-').to_owned() }
}

/// Which column each field has.
struct Draft<'a> {
    columns: &'a [SampledColumn],
    taken: Vec<(Field, usize)>,
}

impl<'a> Draft<'a> {
    fn of(columns: &'a [SampledColumn]) -> Self {
        let mut draft = Self { columns, taken: Vec::new() };
        for (field, names) in FIELDS {
            let fits = columns.iter().enumerate().filter(|(at, column)| draft.may(*field, *at, column));
            let best =
                fits.filter_map(|(at, column)| Some((fit(&column.name, names)?, at))).max_by_key(|(score, at)| {
                    // Of columns that fit as well the first counts.
                    (*score, usize::MAX - at)
                });
            if let Some((_, at)) = best {
                draft.taken.push((*field, at));
            }
        }
        draft
    }

    /// Whether a column may be this field, by what stands in it and by what else it is already.
    fn may(&self, field: Field, at: usize, column: &SampledColumn) -> bool {
        let used = self
            .taken
            .iter()
            .any(|(other, place)| *place == at && !(field == Field::Sku && *other == Field::ExternalId));
        let numbers = || column.mostly(|value| value.chars().any(|c| c.is_numeric()));
        !used
            && match field {
                Field::Price | Field::CompareAt | Field::Stock | Field::Weight => numbers(),
                Field::Title => column.mostly(|value| value.chars().any(char::is_alphabetic)),
                Field::Barcode => column.mostly(|value| value.chars().filter(char::is_ascii_digit).count() >= 8),
                Field::Media => column.mostly(|value| value.contains(['/', '.'])),
                Field::Currency => column.mostly(|value| value.chars().count() <= 4),
                _ => !column.values.is_empty(),
            }
    }

    fn column(&self, field: Field) -> Option<&'a SampledColumn> {
        self.taken.iter().find(|(known, _)| *known == field).map(|(_, at)| &self.columns[*at])
    }

    fn missing(&self) -> Vec<&'static str> {
        let needed = [
            (Field::ExternalId, "product.external_id"),
            (Field::Title, "product.title"),
            (Field::Price, "price.amount"),
        ];
        needed.into_iter().filter(|(field, _)| self.column(*field).is_none()).map(|(_, key)| key).collect()
    }

    /// Whether rows with one id are the variants of a product.
    fn is_grouped(&self) -> bool {
        let repeats = self.column(Field::ExternalId).is_some_and(|column| column.repeats);
        repeats && (self.column(Field::Size).is_some() || self.column(Field::Colour).is_some())
    }

    fn write(&self, columns: &Columns, source: &str) -> String {
        let mut out = Text::default();
        out.line("# A mapping to start from, suggested by `souk import suggest`. Look at each line, then try it:");
        out.line("#   souk import products FILE --mapping THIS.toml --dry-run");
        out.line("# docs/import.md explains every key. The columns of the file, and what stands in the first rows:");
        for column in &columns.columns {
            out.line(&format!("#   {}: {}", text::plain_line(&column.name), shown(column)));
        }
        out.line("");
        out.line(&format!(
            "source = {}           # part of each product's identity: never change it later",
            quoted(source)
        ));
        if self.is_grouped() {
            out.line("");
            out.line("[rows]                      # rows with the same id are the variants of one product");
            out.field("group_by", self.column(Field::ExternalId), "");
        }
        out.line("");
        out.line("[product]");
        out.needed("external_id", self.column(Field::ExternalId));
        out.needed("title", self.column(Field::Title));
        for (key, field) in [
            ("slug", Field::Slug),
            ("brand", Field::Brand),
            ("description", Field::Description),
            ("status", Field::Status),
        ] {
            out.field(key, self.column(field), "");
        }
        out.listed("tags", self.column(Field::Tags));
        out.listed("media", self.column(Field::Media));
        out.line("");
        out.line("[variant]");
        out.field("sku", self.column(Field::Sku), "");
        out.field("barcode", self.column(Field::Barcode), "");
        out.field("stock", self.column(Field::Stock), "");
        self.weight(&mut out);
        for (name, field) in [("Size", Field::Size), ("Colour", Field::Colour)] {
            if let Some(column) = self.column(field) {
                out.line("");
                if self.is_grouped() {
                    out.line("[[option]]");
                    out.line(&format!("name = {{ value = {} }}", quoted(name)));
                    out.field("value", Some(column), "");
                } else {
                    out.line("[[attributes.field]]");
                    out.line(&format!("key = {}", quoted(&name.to_lowercase())));
                    out.field("from", Some(column), "");
                }
            }
        }
        out.line("");
        out.line("[price]");
        out.needed("amount", self.column(Field::Price));
        out.field("compare_at", self.column(Field::CompareAt), "");
        match self.column(Field::Currency) {
            Some(column) => out.field("currency", Some(column), ""),
            None => out.line("# currency: no column looks like one, so that of the shop is meant (--currency)"),
        }
        out.line("");
        out.line("[category]");
        if let Some(column) = self.column(Field::Category) {
            out.field("from", Some(column), "");
            let separators = [" > ", ">", "->", " / ", "/", "|"];
            let found = separators.into_iter().find(|sign| column.mostly(|value| value.contains(sign)));
            if let Some(sign) = found {
                out.line(&format!("separator = {}", quoted(sign.trim())));
            }
        }
        out.line("fallback = [\"Other Products\"]");
        out.0
    }

    /// A weight whose unit is not known is left out: it would be taken for grams.
    fn weight(&self, out: &mut Text) {
        let Some(column) = self.column(Field::Weight) else { return };
        let words: Vec<String> = column.name.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).collect();
        let known =
            [("kg", "kg"), ("g", "g"), ("grams", "g"), ("gramm", "g"), ("lb", "lb"), ("lbs", "lb"), ("oz", "oz")];
        let unit = known.iter().find(|(word, _)| words.iter().any(|own| own == word)).map(|(_, unit)| *unit);
        let beside = column.mostly(|value| value.ends_with(char::is_alphabetic));
        match (unit, beside) {
            (Some(unit), _) => {
                out.field("weight", Some(column), "");
                out.line(&format!("weight_unit = {{ value = {} }}", quoted(unit)));
            }
            (None, true) => out.field("weight", Some(column), ""),
            (None, false) => {
                out.field("# weight", Some(column), "in which unit?");
                out.line("# weight_unit = { value = \"kg\" }");
            }
        }
    }
}

impl SampledColumn {
    /// Whether most of its values are so.
    fn mostly(&self, is: impl Fn(&str) -> bool) -> bool {
        let fit = self.values.iter().filter(|value| is(value)).count();
        fit > 0 && fit * (MOST + 1) >= self.values.len() * MOST
    }
}

/// The lines of the file.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn field(&mut self, key: &str, column: Option<&SampledColumn>, remark: &str) {
        let Some(column) = column else { return };
        let rule = format!("{key} = {}", quoted(&column.name));
        let remark = if remark.is_empty() { shown(column) } else { remark.to_owned() };
        // Writing into a text cannot fail.
        writeln!(self.0, "{rule:<40} # {remark}").ok();
    }

    /// A column with several values in a cell.
    fn listed(&mut self, key: &str, column: Option<&SampledColumn>) {
        let Some(column) = column else { return };
        let sign = [", ", ",", "|", ";"].into_iter().find(|sign| column.mostly(|value| value.contains(sign)));
        match sign {
            None => self.field(key, Some(column), ""),
            Some(sign) => {
                let rule = format!("{key} = {{ from = {}, split = {} }}", quoted(&column.name), quoted(sign.trim()));
                writeln!(self.0, "{rule:<40} # {}", shown(column)).ok();
            }
        }
    }

    fn needed(&mut self, key: &str, column: Option<&SampledColumn>) {
        match column {
            Some(column) => self.field(key, Some(column), ""),
            None => self.line(&format!("# {key} = \"\"             # no column looks like it: which one is it?")),
        }
    }
}

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The first different values, for a comment.
fn shown(column: &SampledColumn) -> String {
    let mut seen = HashSet::new();
    let first = column.values.iter().filter(|value| seen.insert(value.as_str())).take(SHOWN);
    let values: Vec<String> = first
        .map(|value| {
            let line = clip(&text::plain_line(value));
            match line.char_indices().nth(SHOWN_CHARS) {
                Some((end, _)) => format!("{}…", &line[..end]),
                None => line,
            }
        })
        .collect();
    if values.is_empty() { "(empty)".to_owned() } else { values.join(" | ") }
}
