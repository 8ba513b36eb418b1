//! Other names of columns: programs translate the header of their exports into the language of whoever exports. `{n}` stands for a
//! number and `{unit}` for what is in brackets, in both names.

use std::collections::HashMap;

use super::section::Section;
use crate::feed::error::MappingError;
use crate::feed::record::{Header, plain_name};

/// `[aliases]` of a mapping: names by the other names, as they are compared.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aliases(HashMap<String, String>);

impl Aliases {
    pub(super) fn parse(mut section: Section) -> Result<Self, MappingError> {
        let mut names = HashMap::new();
        for (name, others) in section.lists()? {
            for other in others {
                names.insert(plain_name(&other), name.clone());
            }
        }
        Ok(Self(names))
    }

    /// Has the columns of a file found by the names that the mapping uses.
    pub(crate) fn apply(&self, header: &mut Header) {
        if !self.0.is_empty() {
            header.also(|name| self.name(name));
        }
    }

    fn name(&self, other: &str) -> Option<String> {
        let plain = plain_name(other);
        if let Some(name) = self.0.get(&plain) {
            return Some(name.clone());
        }
        let (pattern, number, unit) = pattern(&plain);
        let name = self.0.get(&pattern)?;
        Some(
            name.replace("{n}", number.as_deref().unwrap_or_default())
                .replace("{unit}", unit.as_deref().unwrap_or_default()),
        )
    }
}

/// A name with its number and its unit taken out: `gewicht (kg)` is `gewicht ({unit})`.
fn pattern(name: &str) -> (String, Option<String>, Option<String>) {
    let (mut pattern, mut unit) = (name.to_owned(), None);
    if let Some((before, inside)) = name.strip_suffix(')').and_then(|rest| rest.rsplit_once('('))
        && !before.is_empty()
        && !inside.chars().any(|c| c.is_ascii_digit())
    {
        pattern = format!("{before}({{unit}})");
        unit = Some(inside.to_owned());
    }
    let number = number(&pattern);
    if let Some(digits) = &number {
        pattern = pattern.replacen(digits.as_str(), "{n}", 1);
    }
    // A plural in brackets, `value(s)`, is no unit where there is a number.
    match number {
        Some(digits) => (name.replacen(digits.as_str(), "{n}", 1), Some(digits), None),
        None => (pattern, None, unit),
    }
}

fn number(name: &str) -> Option<String> {
    let start = name.find(|c: char| c.is_ascii_digit())?;
    Some(name[start..].chars().take_while(char::is_ascii_digit).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translated_columns_are_found() {
        let text = "'Attribute {n} value(s)' = ['Attribut {n} Wert(e)', \"Valeur(s) de l'attribut {n}\"]\n\
            'Weight ({unit})' = ['Gewicht ({unit})', 'Poids ({unit})']\nPublished = 'Veröffentlicht'\n";
        let aliases = Aliases::parse(Section::new("aliases", text.parse().unwrap())).unwrap();
        let names =
            ["Attribut 2 Wert(e)", "Valeur(s) de l’attribut 12 ", "gewicht (kg)", "VERÖFFENTLICHT", "Other (x)"];
        let mut header = Header::new(names.map(str::to_owned).to_vec());
        aliases.apply(&mut header);
        for name in
            ["Attribute 2 value(s)", "Attribute 12 value(s)", "Weight (kg)", "Published", "Other (x)", "Gewicht (kg)"]
        {
            assert!(header.has(name), "{name}");
        }
        assert!(!header.has("Weight (lb)"));
    }
}
