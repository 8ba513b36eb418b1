//! View models: what pages show, as plain structs, and the templates they fill. No I/O: handlers fetch, views decide how it
//! looks.

pub mod account;
pub mod address;
pub mod card;
pub mod cart;
pub mod checkout;
pub mod form;
pub mod gallery;
pub mod home;
pub mod layout;
pub mod listing;
pub mod message;
pub mod money;
pub mod order;
pub mod picture;
pub mod product;

/// One step of the way from the home page; the last one has no link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    /// Where it leads.
    pub href: Option<String>,
    /// Its name.
    pub text: String,
}

/// A sentence in a coloured box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// `good`, `bad`, or empty for a warning: a class of the stylesheet.
    pub kind: &'static str,
    /// The sentence.
    pub text: String,
}

impl Notice {
    /// Something went well.
    pub fn good(text: impl Into<String>) -> Self {
        Self { kind: "good", text: text.into() }
    }

    /// Something did not.
    pub fn bad(text: impl Into<String>) -> Self {
        Self { kind: "bad", text: text.into() }
    }

    /// Something to know.
    pub fn warn(text: impl Into<String>) -> Self {
        Self { kind: "", text: text.into() }
    }

    /// Name of its icon.
    pub fn icon(&self) -> &'static str {
        if self.kind == "good" { "check" } else { "alert" }
    }
}

/// An icon as inline SVG, drawn for Souk on a grid of 24.
pub fn icon(name: &str) -> String {
    let d = match name {
        "menu" => "M4 7h16M4 12h16M4 17h10",
        "search" => "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM15.5 15.5 20 20",
        "account" => "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8ZM4.5 20c.8-3.7 3.7-5.5 7.5-5.5s6.7 1.8 7.5 5.5",
        "cart" => "M5 8h14l-1.2 11.5H6.2ZM9 8V7a3 3 0 0 1 6 0v1",
        "plus" => "M12 5v14M5 12h14",
        "truck" => {
            "M3 6h11v10H3ZM14 9h4l3 3.5V16h-7ZM7 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4ZM17 16a2 2 0 1 0 0 4 2 2 0 0 0 0-4Z"
        }
        "return" => "M4 9h11a5 5 0 0 1 0 10H8M8 5 4 9l4 4",
        "lock" => "M6 11h12v9H6ZM8.5 11V8a3.5 3.5 0 0 1 7 0v3",
        "filter" => "M4 7h16M7 12h10M10 17h4",
        "sort" => "M8 5v14M8 19l-3-3M8 19l3-3M16 19V5M16 5l-3 3M16 5l3 3",
        "check" => "M4.5 12.5 10 18 19.5 7",
        _ => "M12 4 2.5 20h19ZM12 10v4.5M12 17.3v.1",
    };
    format!(r#"<svg class="i" viewBox="0 0 24 24" aria-hidden="true"><path d="{d}"/></svg>"#)
}

/// JSON for a data block in a page: `<` cannot end the script element it stands in.
pub(crate) fn embedded_json(value: &serde_json::Value) -> String {
    value.to_string().replace('<', "\\u003c")
}

/// `1 item`, `3 items`, `1,600 items`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", money::grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_json_cannot_leave_its_element() {
        let text = embedded_json(&serde_json::json!({"name": "</script><script>alert(1)</script>"}));
        assert!(!text.contains('<'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()["name"].as_str().unwrap().len(), 34);
    }
}
