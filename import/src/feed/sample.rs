//! Sample of a file whose columns are not known yet: their names, and the values of its first rows.

use std::collections::HashSet;

use super::encoding::Encoding;
use super::error::FeedError;
use super::input::Input;
use super::record::Header;
use super::rows::Rows;
use super::{known_names, mapping::Mapping};

/// Rows that are looked at.
const ROWS: usize = 500;
/// Values of a column that are kept.
const VALUES: usize = 50;

/// The columns of a file.
pub struct Columns {
    /// In the order of the file.
    pub columns: Vec<SampledColumn>,
    /// The shipped mapping that knows the file by itself.
    pub known: Option<String>,
}

/// A column with its first values.
pub struct SampledColumn {
    /// Its name.
    pub name: String,
    /// The first values that are not empty.
    pub values: Vec<String>,
    /// One value stands on several rows.
    pub repeats: bool,
}

impl Columns {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// Those of opening the file.
    pub fn sample(input: &Input, encoding: Option<Encoding>) -> Result<Self, FeedError> {
        let text_format = input.examine(encoding, None)?;
        let rows = Rows::open(input, text_format, None, None)?;
        let header = match rows.header() {
            Some(header) => header.clone(),
            None => Header::new(known_names(input, text_format)?),
        };
        let known = Mapping::recognise(&header).map(|mapping| mapping.source().to_owned());
        let mut columns: Vec<SampledColumn> = Vec::new();
        for name in header.names().iter().filter(|name| !name.is_empty()) {
            if !columns.iter().any(|column| column.name == *name) {
                columns.push(SampledColumn { name: name.clone(), values: Vec::new(), repeats: false });
            }
        }
        let mut seen: Vec<HashSet<String>> = vec![HashSet::new(); columns.len()];
        for row in rows.flatten().take(ROWS) {
            for (column, seen) in columns.iter_mut().zip(&mut seen) {
                let Some(value) = row.record.text(&column.name) else { continue };
                column.repeats |= !seen.insert(value.clone().into_owned());
                if column.values.len() < VALUES {
                    column.values.push(value.into_owned());
                }
            }
        }
        Ok(Self { columns, known })
    }
}
