//! Index schema: the fields of a document. One field holds all words and decides what matches; two small ones lift what
//! matters: this keeps a search at one intersection of term lists however many parts a product has.

use std::sync::OnceLock;

use tantivy::Index;
use tantivy::schema::{
    BytesOptions, Field, IndexRecordOption, NumericOptions, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::TextAnalyzer;

use crate::text::Analyzer;

/// Changes with every change of fields or documents; an index of another format is built anew, as is one of other terms.
const FORMAT: u32 = 2;
const TOKENIZER: &str = "souk";
const RAW: &str = "raw";

/// The fields.
#[derive(Clone, Copy, Debug)]
pub struct Fields {
    /// Id of the product, to replace its document.
    pub id: Field,
    /// Every word of the product, with positions for phrases.
    pub all: Field,
    /// Words of the title; a short title counts for more.
    pub title: Field,
    /// Brand, codes and category names.
    pub strong: Field,
    /// `key US value` of each short attribute.
    pub attribute: Field,
    /// Minor units of the cheapest variant.
    pub price: Field,
    /// 1 when something of it can be bought now.
    pub available: Field,
    /// Maker.
    pub brand: Field,
    /// Id of its category.
    pub category: Field,
    /// Rises with the time it was created.
    pub newest: Field,
    /// Folded title.
    pub title_key: Field,
    /// The hit as it is shown, in JSON.
    pub hit: Field,
}

/// Schema and fields, made once.
pub fn fields() -> &'static (Schema, Fields) {
    static FIELDS: OnceLock<(Schema, Fields)> = OnceLock::new();
    FIELDS.get_or_init(build)
}

fn build() -> (Schema, Fields) {
    let words = |record, norms| {
        let indexing =
            TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_index_option(record).set_fieldnorms(norms);
        TextOptions::default().set_indexing_options(indexing)
    };
    let raw = TextFieldIndexing::default()
        .set_tokenizer(RAW)
        .set_index_option(IndexRecordOption::Basic)
        .set_fieldnorms(false);
    let column = || TextOptions::default().set_fast(RAW);
    let number = || NumericOptions::default().set_fast();
    let mut schema = SchemaBuilder::new();
    let fields = Fields {
        id: schema.add_bytes_field("id", BytesOptions::default().set_indexed()),
        // A rich description is no fault: length does not count against a product here, only in its title.
        all: schema.add_text_field("all", words(IndexRecordOption::WithFreqsAndPositions, false)),
        title: schema.add_text_field("title", words(IndexRecordOption::WithFreqs, true)),
        strong: schema.add_text_field("strong", words(IndexRecordOption::WithFreqs, false)),
        attribute: schema.add_text_field("attribute", column().set_indexing_options(raw)),
        price: schema.add_u64_field("price", number()),
        available: schema.add_u64_field("available", number()),
        brand: schema.add_text_field("brand", column()),
        category: schema.add_text_field("category", column()),
        newest: schema.add_u64_field("newest", number()),
        title_key: schema.add_text_field("title_key", column()),
        hit: schema.add_bytes_field("hit", BytesOptions::default().set_stored()),
    };
    (schema.build(), fields)
}

/// What tells an index of other fields, documents or terms.
pub fn format(analyzer: &Analyzer) -> String {
    format!("{FORMAT} {}", analyzer.format())
}

/// Gives an index the tokenizer its fields name.
pub fn register(index: &Index, analyzer: &Analyzer) {
    index.tokenizers().register(TOKENIZER, TextAnalyzer::from(analyzer.clone()));
}
