//! Path templates: `/orders/{id}` matches any one segment in place of a parameter, `/cart/*` the path itself and everything
//! below. Settings, the API's description and the page cache name paths this way.

/// A template, ready to be compared with paths.
#[derive(Clone, Debug)]
pub(crate) struct PathPattern {
    segments: Vec<Segment>,
    /// Everything below, too.
    below: bool,
}

#[derive(Clone, Debug)]
enum Segment {
    Literal(Box<str>),
    Parameter,
}

impl PathPattern {
    pub(crate) fn new(template: &str) -> Self {
        let (path, below) = match template.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (template, false),
        };
        let segment = |text: &str| match text.starts_with('{') {
            true => Segment::Parameter,
            false => Segment::Literal(text.into()),
        };
        Self { segments: path.split('/').skip(1).map(segment).collect(), below }
    }

    pub(crate) fn matches(&self, path: &str) -> bool {
        let mut given = path.split('/').skip(1);
        for segment in &self.segments {
            let fits = match (segment, given.next()) {
                (Segment::Parameter, Some(given)) => !given.is_empty(),
                (Segment::Literal(text), Some(given)) => given == &**text,
                (_, None) => false,
            };
            if !fits {
                return false;
            }
        }
        self.below || given.next().is_none()
    }
}
