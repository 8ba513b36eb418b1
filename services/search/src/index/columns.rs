//! Column values (doc values) of a segment, which searches look at for every match: prices, brands, categories and facet
//! values as plain arrays of small numbers, read from the segment's columns once. About 60 bytes a product.

use tantivy::SegmentReader;
use tantivy::columnar::StrColumn;

use super::names::{AttributeNames, NONE, Names};

/// The columns of one segment. Documents of a segment never change, so neither do these.
pub struct Columns {
    /// Minor units.
    pub price: Vec<u64>,
    /// Rises with the time of creation.
    pub newest: Vec<u64>,
    /// Number of the brand, or [`NONE`].
    pub brand: Vec<u32>,
    /// Number of the category, or [`NONE`].
    pub category: Vec<u32>,
    /// Can be bought now.
    pub available: Vec<bool>,
    /// Numbers of facet values, document after document.
    values: Vec<u32>,
    /// Where each document's values begin; one more than there are documents.
    begins: Vec<u32>,
}

impl Columns {
    /// Reads them, numbering names that are new.
    ///
    /// # Errors
    /// When the segment cannot be read.
    pub fn read(
        segment: &SegmentReader,
        brands: &mut Names,
        categories: &mut Names,
        attributes: &mut AttributeNames,
    ) -> tantivy::Result<Self> {
        let fast = segment.fast_fields();
        let documents = segment.max_doc();
        let numbers = |name| -> tantivy::Result<Vec<u64>> {
            let column = fast.u64(name)?;
            Ok((0..documents).map(|doc| column.first(doc).unwrap_or(0)).collect())
        };
        let (values, begins) = many(fast.str("attribute")?, documents, |term| attributes.number(term))?;
        Ok(Self {
            price: numbers("price")?,
            newest: numbers("newest")?,
            brand: one(fast.str("brand")?, documents, |name| brands.number(name))?,
            category: one(fast.str("category")?, documents, |id| categories.number(id))?,
            available: numbers("available")?.into_iter().map(|flag| flag != 0).collect(),
            values,
            begins,
        })
    }

    /// Numbers of a document's facet values.
    pub fn values(&self, doc: u32) -> &[u32] {
        let doc = doc as usize;
        &self.values[self.begins[doc] as usize..self.begins[doc + 1] as usize]
    }

    /// How many documents there are, deleted ones included.
    pub fn len(&self) -> u32 {
        u32::try_from(self.price.len()).unwrap_or(u32::MAX)
    }
}

/// The number of each text of a column, in the order of the column's own numbers.
fn numbers(column: &StrColumn, mut number: impl FnMut(&str) -> u32) -> tantivy::Result<Vec<u32>> {
    let mut numbers = Vec::with_capacity(column.num_terms());
    let mut texts = column.dictionary().stream()?;
    while texts.advance() {
        // What is no text cannot have been written; it counts as no name.
        numbers.push(std::str::from_utf8(texts.key()).map_or(NONE, &mut number));
    }
    Ok(numbers)
}

fn one(column: Option<StrColumn>, documents: u32, number: impl FnMut(&str) -> u32) -> tantivy::Result<Vec<u32>> {
    let Some(column) = column else { return Ok(vec![NONE; documents as usize]) };
    let numbers = numbers(&column, number)?;
    let of = |ord: u64| usize::try_from(ord).ok().and_then(|ord| numbers.get(ord).copied()).unwrap_or(NONE);
    Ok((0..documents).map(|doc| column.ords().first(doc).map_or(NONE, of)).collect())
}

fn many(
    column: Option<StrColumn>,
    documents: u32,
    number: impl FnMut(&str) -> u32,
) -> tantivy::Result<(Vec<u32>, Vec<u32>)> {
    let mut values = Vec::new();
    let mut begins = vec![0];
    let column = match column {
        Some(column) => Some((numbers(&column, number)?, column)),
        None => None,
    };
    for doc in 0..documents {
        if let Some((numbers, column)) = &column {
            let ords = column.ords().values_for_doc(doc);
            let found = ords.filter_map(|ord| numbers.get(usize::try_from(ord).ok()?).copied());
            values.extend(found.filter(|number| *number != NONE));
        }
        begins.push(u32::try_from(values.len()).unwrap_or(u32::MAX));
    }
    values.shrink_to_fit();
    Ok((values, begins))
}
