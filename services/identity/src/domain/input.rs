//! Input validation: all wrong fields at once, each with its place.

use souk_identity_api::{MAX_NAME, PASSWORD_CHARS};
use souk_kernel::{FieldError, Problem};
use unicode_normalization::UnicodeNormalization;

use super::Email;
use super::common_passwords::is_common;

/// Wrong fields, gathered.
#[derive(Default)]
pub struct Checks(Vec<FieldError>);

impl Checks {
    /// Notes a wrong field.
    pub fn wrong(&mut self, pointer: &str, detail: &str) {
        self.0.push(FieldError { pointer: pointer.to_owned(), detail: detail.to_owned() });
    }

    /// A well-formed address.
    pub fn email(&mut self, pointer: &str, text: &str) -> Option<Email> {
        Email::parse(text).map_err(|error| self.wrong(pointer, &error.to_string())).ok()
    }

    /// A name, trimmed; may be empty. It ends up in mail headers, so it is one line, and what
    /// is seen of it is what is stored.
    pub fn name(&mut self, pointer: &str, text: &str) -> String {
        let name = text.trim();
        if name.chars().count() > MAX_NAME {
            self.wrong(pointer, "is too long: at most 100 characters");
        }
        if let Some(why) = souk_address::unprintable(name) {
            self.wrong(pointer, why);
        } else if !name.is_empty() && souk_address::is_invisible(name) {
            self.wrong(pointer, "must say something: it has invisible characters only");
        }
        name.to_owned()
    }

    /// A password that may be chosen by the account `email`.
    pub fn password(&mut self, pointer: &str, password: &str, email: Option<&Email>) {
        let chars = password.chars().count();
        if chars < *PASSWORD_CHARS.start() {
            return self.wrong(pointer, "is too short: at least 8 characters");
        }
        if chars > *PASSWORD_CHARS.end() {
            return self.wrong(pointer, "is too long: at most 128 characters");
        }
        let folded = normalised_password(password).to_lowercase();
        if is_common(&folded) {
            return self.wrong(pointer, "is one of the most common passwords, which are tried first");
        }
        if email.is_some_and(|email| folded == email.as_str() || folded == email.local()) {
            self.wrong(pointer, "must not be your e-mail address");
        }
    }

    /// All of them, if there are any.
    pub fn done(self) -> Result<(), Problem> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(Problem::invalid_fields("invalid_request", "some fields are not right", self.0)),
        }
    }
}

/// The fields of a new account: its address and its name.
pub fn check_account(email: &str, password: &str, name: &str) -> Result<(Email, String), Problem> {
    let mut checks = Checks::default();
    let parsed = checks.email("/email", email);
    checks.password("/password", password, parsed.as_ref());
    let name = checks.name("/name", name);
    checks.done()?;
    let email = parsed.ok_or_else(|| Problem::internal("a wrong address passed its check"))?;
    Ok((email, name))
}

/// The form that is hashed: one for all the ways a keyboard may compose the same characters (NIST SP 800-63B, 5.1.1.2).
pub fn normalised_password(password: &str) -> String {
    password.nfkc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(result: Result<impl Sized, Problem>) -> Vec<String> {
        result.err().map(|p| p.fields.into_iter().map(|f| f.pointer).collect()).unwrap_or_default()
    }

    #[test]
    fn all_wrong_fields_are_named_at_once() {
        let wrong = check_account("nobody", "short", &"x".repeat(101));
        assert_eq!(pointers(wrong), ["/email", "/password", "/name"]);
        let (email, name) = check_account("A@b.cd", "correct horse battery", "  Ada ").unwrap();
        assert_eq!((email.as_str(), &*name), ("a@b.cd", "Ada"));
        for name in ["Ada\r\nBcc: x@y.zz", "Ada\u{202e}", "\u{200b}", "\u{3164}", "\u{200d}"] {
            assert_eq!(pointers(check_account("a@b.cd", "correct horse battery", name)), ["/name"], "{name:?}");
        }
    }

    #[test]
    fn passwords_that_are_tried_first_are_refused() {
        let email = Email::parse("ada.lovelace@example.com").ok();
        let refused = |password: &str| {
            let mut checks = Checks::default();
            checks.password("/p", password, email.as_ref());
            checks.done().is_err()
        };
        for weak in [
            "password",
            "PassWord",
            "12345678",
            "Password1",
            "iloveyou1",
            "ｐａｓｓｗｏｒｄ",
            "ada.lovelace@example.com",
            "Ada.Lovelace",
        ] {
            assert!(refused(weak), "{weak}");
        }
        for fine in ["correct horse battery", "пароль-на-сегодня", &"é ".repeat(64)] {
            assert!(!refused(fine), "{fine}");
        }
        assert!(refused("1234567") && refused(&"é ".repeat(65)));
    }

    #[test]
    fn the_same_characters_are_the_same_password() {
        assert_eq!(normalised_password("Ame\u{301}lie"), normalised_password("Am\u{e9}lie"));
        assert_ne!(normalised_password("Amelie"), normalised_password("Am\u{e9}lie"));
    }
}
