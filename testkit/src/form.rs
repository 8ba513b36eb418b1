//! Just enough of an HTML reader to use the storefront's forms as a browser without scripts does. It knows the markup that
//! our templates write (quoted attributes, no nested forms) and is wrong on anybody else's.

/// A form of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Where it goes; empty: to its own page.
    pub action: String,
    /// What it would send as it stands.
    pub fields: Vec<(String, String)>,
    /// Names of its radio buttons and selects with the values they offer.
    pub choices: Vec<(String, String)>,
    /// Text of its submit button.
    pub button: String,
}

impl Form {
    /// Fills a field in, or ticks a choice; panics when the form has no such field.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        let offered: Vec<&str> = self.choices.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect();
        assert!(offered.is_empty() || offered.contains(&value), "{name}={value} is not among {offered:?}");
        match self.fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => value.clone_into(known),
            None if !offered.is_empty() => self.fields.push((name.to_owned(), value.to_owned())),
            None => panic!("the form {} has no field {name}: {:?}", self.action, self.fields),
        }
        self
    }

    /// What a field holds.
    pub fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// As a browser sends it.
    pub fn encoded(&self) -> String {
        let encode =
            |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let pairs: Vec<String> =
            self.fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.join("&")
    }
}

/// All forms of a page that are sent by POST.
pub fn forms(html: &str) -> Vec<Form> {
    let mut found = Vec::new();
    for part in html.split("<form").skip(1) {
        let Some((head, rest)) = part.split_once('>') else { continue };
        let body = rest.split("</form>").next().unwrap_or_default();
        if attribute(head, "method").is_some_and(|method| method.eq_ignore_ascii_case("post")) {
            found.push(form(head, body));
        }
    }
    found
}

fn form(head: &str, body: &str) -> Form {
    let mut form = Form {
        action: attribute(head, "action").unwrap_or_default(),
        fields: Vec::new(),
        choices: Vec::new(),
        button: String::new(),
    };
    let mut select: Option<String> = None;
    for tag in body.split('<').skip(1) {
        let (tag, text) = tag.split_once('>').unwrap_or((tag, ""));
        let name = attribute(tag, "name");
        let value = attribute(tag, "value").unwrap_or_default();
        match (tag.split([' ', '/']).next().unwrap_or_default(), name) {
            ("input", Some(name)) => match attribute(tag, "type").as_deref() {
                Some("radio" | "checkbox") => {
                    form.choices.push((name.clone(), value.clone()));
                    if has(tag, "checked") {
                        form.fields.push((name, value));
                    }
                }
                _ => form.fields.push((name, value)),
            },
            ("select", Some(name)) => {
                select = Some(name);
            }
            ("option", _) => {
                if let Some(select) = &select {
                    let first = !form.choices.iter().any(|(known, _)| known == select);
                    form.choices.push((select.clone(), value.clone()));
                    if first || has(tag, "selected") {
                        form.fields.retain(|(known, _)| known != select);
                        form.fields.push((select.clone(), value));
                    }
                }
            }
            ("button", _) if attribute(tag, "type").as_deref() != Some("button") => {
                form.button = decode(text.trim());
            }
            _ => {}
        }
    }
    form
}

/// `name="value"` of a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}="))? + name.len() + 2;
    let rest = &tag[start..];
    match rest.strip_prefix('"') {
        Some(quoted) => Some(decode(quoted.split('"').next()?)),
        // The provider's page leaves the quotes out.
        None => Some(decode(rest.split([' ', '>']).next()?)),
    }
}

fn has(tag: &str, flag: &str) -> bool {
    tag.split([' ', '/']).any(|word| word == flag)
}

fn decode(text: &str) -> String {
    let text = text.replace("&quot;", "\"").replace("&#34;", "\"").replace("&#39;", "'").replace("&#x27;", "'");
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&#60;", "<")
        .replace("&#62;", ">")
        .replace("&#38;", "&")
        .replace("&amp;", "&")
}

/// The words of a page, without markup.
pub fn text_of(html: &str) -> String {
    let words = html.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    decode(&words.collect::<Vec<_>>().join(" ")).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_a_browser_reads_them() {
        let html = r#"<form method="get" action="/search"><input name="q"></form>
            <form class="panel" method="post" action="/pay"><input type="hidden" name="key" value="a&amp;b">
            <input type="radio" name="token" value="x"><input type="radio" name="token" value="y" checked>
            <select name="country"><option value="AT">A</option><option value="DE" selected>D</option></select>
            <button class="btn">Pay 1 &lt; 2</button></form>"#;
        let found = forms(html);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].get("key"), found[0].get("token"), found[0].get("country")), ("a&b", "y", "DE"));
        assert_eq!(found[0].button, "Pay 1 < 2");
        assert_eq!(found[0].clone().set("token", "x").encoded(), "key=a%26b&token=x&country=DE");
        assert_eq!(text_of("<p>a <b>b</b></p>"), "a b");
    }
}
