//! `[[note]]` of a mapping: what a merchant should know of a file as a whole.

use super::section::Section;
use crate::feed::error::MappingError;
use crate::feed::record::Header;

/// `[[note]]`: said once of a file that has one column and lacks another.
#[derive(Clone, Debug)]
pub(super) struct Note {
    has: String,
    lacks: Option<String>,
    text: String,
}

impl Note {
    /// The notes of a mapping.
    pub(super) fn take(root: &mut Section) -> Result<Vec<Self>, MappingError> {
        let mut notes = Vec::new();
        for mut section in root.sections("note")? {
            let Some(has) = section.text("has")? else { return Err(section.error("has", "is missing")) };
            let Some(text) = section.text("text")? else { return Err(section.error("text", "is missing")) };
            notes.push(Self { has, lacks: section.text("lacks")?, text });
            section.finish()?;
        }
        Ok(notes)
    }

    /// What it says of a file with these columns, if it does.
    pub(super) fn of(&self, header: &Header) -> Option<&str> {
        let fits = header.has(&self.has) && !self.lacks.as_ref().is_some_and(|name| header.has(name));
        fits.then_some(self.text.as_str())
    }
}
