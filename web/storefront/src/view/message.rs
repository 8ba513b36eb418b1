//! View models of pages that say one thing: not found, something broke, come back later; the help page; what a problem type
//! means.

use askama::Template;
use souk_kernel::{Kind, Problem};
use souk_web::ProblemType;

use super::layout::Layout;

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
pub struct MessagePage {
    /// Frame.
    pub layout: Layout,
    /// HTTP status.
    pub status: u16,
    /// Heading.
    pub heading: &'static str,
    /// A sentence or two.
    pub text: String,
    /// Names the request in our logs.
    pub request_id: Option<String>,
    /// The same address again, when that may help.
    pub retry: Option<String>,
}

impl MessagePage {
    /// The page of a problem; `here` is the address that was asked for, if it may be asked for again.
    pub fn of(layout: Layout, problem: &Problem, status: u16, request_id: &str, here: Option<String>) -> Self {
        let detail = || sentence(&problem.detail);
        let (heading, text) = match problem.kind {
            Kind::NotFound => (
                "There is no such stall",
                "The page may have moved, or what it showed is sold and gone. The search knows what is here today."
                    .into(),
            ),
            Kind::Internal => ("Something broke on our side", "It is noted, and nothing you did is lost.".into()),
            Kind::Unavailable | Kind::Timeout => {
                ("Too busy just now", "The shop is catching its breath. Please try again in a moment.".into())
            }
            Kind::RateLimited => ("A little slower, please", detail()),
            Kind::Unauthenticated => ("Please sign in", detail()),
            _ => ("That did not work", detail()),
        };
        let faulty = problem.kind.is_fault();
        let retry = here.filter(|_| faulty || problem.kind == Kind::RateLimited);
        Self { layout, status, heading, text, request_id: faulty.then(|| request_id.to_owned()), retry }
    }
}

/// A detail of a problem as a sentence: services write them in lower case, without a full stop.
pub fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let Some(first) = chars.next() else { return String::new() };
    let stop = if detail.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), chars.as_str())
}

/// One delivery rate.
#[derive(Clone, Debug)]
pub struct RateRow {
    /// Where to.
    pub zone: String,
    /// How.
    pub method: String,
    /// For how much.
    pub price: String,
}

/// Delivery, returns, payment, privacy, contact.
#[derive(Template)]
#[template(path = "help.html")]
pub struct HelpPage {
    /// Frame.
    pub layout: Layout,
    /// Delivery rates; empty when they are not known just now.
    pub zones: Vec<RateRow>,
}

/// What a problem type means.
#[derive(Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// Frame.
    pub layout: Layout,
    /// The type.
    pub known: &'static ProblemType,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_become_sentences() {
        assert_eq!(sentence("no such product"), "No such product.");
        assert_eq!(sentence("Really?"), "Really?");
        assert_eq!(sentence(""), "");
    }
}
