//! `[[option]]` of a mapping: where the names and values of what buyers choose by stand.

use super::NUMBERED;
use super::pairs::Pairs;
use super::rule::Rule;
use super::section::Section;
use crate::feed::error::MappingError;

/// `[[option]]`: where an option's name and value stand.
#[derive(Clone, Debug)]
pub(crate) struct OptionRule {
    pub(crate) name: Rule,
    pub(crate) value: Rule,
    /// Another one of those that a mapping numbers with `{n}`: a file seldom has as many as there may be.
    pub(crate) is_further: bool,
}

/// `[[option]]` with pairs: where names and values of options stand in one cell.
#[derive(Clone, Debug)]
pub(crate) struct OptionPairs {
    pub(crate) pairs: Pairs,
    /// The pairs stand on the product's row, a list for each variant: the name whose value is the variant's SKU.
    pub(crate) of: Option<String>,
    /// What people call the options, as pairs of their names.
    pub(crate) labels: Option<Rule>,
}

/// The keys that say what buyers choose by.
pub(super) struct Options {
    pub(super) options: Vec<OptionRule>,
    pub(super) option_pairs: Vec<OptionPairs>,
    pub(super) no_option: Option<(String, String)>,
}

impl Options {
    pub(super) fn take(root: &mut Section) -> Result<Self, MappingError> {
        let (mut options, mut option_pairs) = (Vec::new(), Vec::new());
        for mut section in root.sections("option")? {
            if let Some(pairs) = Pairs::take(&mut section)? {
                let (of, labels) = (section.text("of")?, Rule::take(&mut section, "labels")?);
                option_pairs.push(OptionPairs { pairs, of, labels });
                section.finish()?;
                continue;
            }
            let Some(name) = Rule::take(&mut section, "name")? else { return Err(section.error("name", "is missing")) };
            let Some(value) = Rule::take(&mut section, "value")? else {
                return Err(section.error("value", "is missing"));
            };
            section.finish()?;
            match value.is_numbered() {
                true => options.extend((1..=NUMBERED).map(|n| OptionRule {
                    name: name.numbered(n),
                    value: value.numbered(n),
                    is_further: n > 1,
                })),
                false => options.push(OptionRule { name, value, is_further: false }),
            }
        }
        let none = root.texts("no_option")?;
        let no_option = match <[String; 2]>::try_from(none) {
            Ok([name, value]) => Some((name, value)),
            Err(list) if list.is_empty() => None,
            Err(_) => {
                return Err(root.error("no_option", "a name and a value are wanted: [\"Title\", \"Default Title\"]"));
            }
        };
        Ok(Self { options, option_pairs, no_option })
    }
}
