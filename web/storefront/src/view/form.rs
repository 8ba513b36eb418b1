//! Form fields: what they are called, what was typed, what is wrong with it.

use souk_kernel::Problem;
use souk_shipping_api::{Address, MAX_LINE};

/// One labelled field.
#[derive(Clone, Debug)]
pub struct Field {
    /// Prefix of its id, so that two forms of one page do not collide.
    pub form: &'static str,
    /// Name it is sent under.
    pub name: &'static str,
    /// For people.
    pub label: &'static str,
    /// Type of the input element.
    pub kind: &'static str,
    /// What browsers fill in (HTML, autofill detail tokens).
    pub auto: &'static str,
    /// Width: a class of the stylesheet.
    pub class: &'static str,
    /// Must be filled in.
    pub required: bool,
    /// A word of help.
    pub hint: &'static str,
    /// What is in it.
    pub value: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Most characters.
    pub max: usize,
    /// Fewest characters; 0 for no limit.
    pub min: usize,
    /// Values to choose from; none for free text.
    pub choices: &'static [(&'static str, &'static str)],
}

impl Field {
    /// A required line of text.
    pub fn text(form: &'static str, name: &'static str, label: &'static str, auto: &'static str) -> Self {
        Self {
            form,
            name,
            label,
            kind: "text",
            auto,
            class: "",
            required: true,
            hint: "",
            value: String::new(),
            error: None,
            max: MAX_LINE,
            min: 0,
            choices: &[],
        }
    }

    /// The same for another type of input.
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// The same with a value.
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// The same, but it may stay empty.
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// The same, narrower.
    pub fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// The same with a word of help.
    pub fn hint(mut self, hint: &'static str) -> Self {
        self.hint = hint;
        self
    }

    /// Its id in the page.
    pub fn id(&self) -> String {
        format!("{}-{}", self.form, self.name)
    }

    /// True when something below it belongs to it.
    pub fn described(&self) -> bool {
        self.error.is_some() || !self.hint.is_empty()
    }
}

/// Writes what is wrong to the fields concerned; returns what belongs to none of them.
pub fn place_errors(fields: &mut [Field], problem: &Problem) -> Vec<String> {
    let mut rest = Vec::new();
    for wrong in &problem.fields {
        let name = wrong.pointer.rsplit('/').next().unwrap_or_default();
        match fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.error = Some(super::message::sentence(&wrong.detail)),
            None => rest.push(super::message::sentence(&wrong.detail)),
        }
    }
    if problem.fields.is_empty() {
        rest.push(super::message::sentence(&problem.detail));
    }
    rest
}

/// The fields of a postal address.
pub fn address_fields(form: &'static str, address: &Address) -> Vec<Field> {
    let text = |name, label, auto| Field::text(form, name, label, auto);
    let given = |value: &Option<String>| value.clone().unwrap_or_default();
    let country = if address.country.is_empty() { "DE" } else { &address.country };
    vec![
        text("name", "Name", "name").value(&address.name),
        text("line1", "Street and number", "address-line1").value(&address.line1),
        text("line2", "Floor, company, care of", "address-line2").value(given(&address.line2)).optional(),
        Field {
            max: 20,
            ..text("postal_code", "Postal code", "postal-code").value(&address.postal_code).class("third")
        },
        text("city", "Town", "address-level2").value(&address.city).class("two"),
        text("region", "State or province", "address-level1").value(given(&address.region)).optional().class("half"),
        Field { choices: COUNTRIES, ..text("country", "Country", "country").value(country).class("half") },
        text("phone", "Phone, for the carrier", "tel").kind("tel").value(given(&address.phone)).optional(),
    ]
}

/// An address as lines of a label.
pub fn address_lines(address: &Address) -> Vec<String> {
    let town = format!("{} {}", address.postal_code, address.city);
    let country = COUNTRIES.iter().find(|(code, _)| *code == address.country);
    let country = country.map_or(address.country.as_str(), |(_, name)| *name);
    let lines = [
        Some(address.name.clone()),
        Some(address.line1.clone()),
        address.line2.clone(),
        Some(town),
        address.region.clone(),
    ];
    let mut lines: Vec<String> = lines.into_iter().flatten().filter(|line| !line.trim().is_empty()).collect();
    lines.push(country.to_owned());
    lines
}

/// Countries offered in forms: ISO 3166-1 alpha-2 and English name. Whether one is shipped to is pricing's business.
pub const COUNTRIES: &[(&str, &str)] = &[
    ("AU", "Australia"),
    ("AT", "Austria"),
    ("BE", "Belgium"),
    ("BR", "Brazil"),
    ("BG", "Bulgaria"),
    ("CA", "Canada"),
    ("HR", "Croatia"),
    ("CY", "Cyprus"),
    ("CZ", "Czechia"),
    ("DK", "Denmark"),
    ("EE", "Estonia"),
    ("FI", "Finland"),
    ("FR", "France"),
    ("DE", "Germany"),
    ("GR", "Greece"),
    ("HU", "Hungary"),
    ("IS", "Iceland"),
    ("IN", "India"),
    ("IE", "Ireland"),
    ("IT", "Italy"),
    ("JP", "Japan"),
    ("LV", "Latvia"),
    ("LI", "Liechtenstein"),
    ("LT", "Lithuania"),
    ("LU", "Luxembourg"),
    ("MT", "Malta"),
    ("MX", "Mexico"),
    ("MA", "Morocco"),
    ("NL", "Netherlands"),
    ("NZ", "New Zealand"),
    ("NO", "Norway"),
    ("PL", "Poland"),
    ("PT", "Portugal"),
    ("RO", "Romania"),
    ("RS", "Serbia"),
    ("SG", "Singapore"),
    ("SK", "Slovakia"),
    ("SI", "Slovenia"),
    ("ZA", "South Africa"),
    ("ES", "Spain"),
    ("SE", "Sweden"),
    ("CH", "Switzerland"),
    ("TN", "Tunisia"),
    ("TR", "Türkiye"),
    ("UA", "Ukraine"),
    ("GB", "United Kingdom"),
    ("US", "United States"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_land_at_their_fields_and_nothing_is_lost() {
        let mut fields = address_fields("a", &Address::default());
        let problem = Address::default().check("/shipping_address").unwrap_err();
        let rest = place_errors(&mut fields, &problem);
        assert!(rest.is_empty(), "{rest:?}");
        let wrong: Vec<_> = fields.iter().filter(|field| field.error.is_some()).map(|field| field.name).collect();
        assert_eq!(wrong, ["name", "line1", "city", "country"]);
        assert_eq!(place_errors(&mut fields, &Problem::conflict("x", "gone")), ["Gone."]);
    }
}
