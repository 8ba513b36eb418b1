//! What the OpenAPI document says about one route, written beside its handler.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type inside a shared generator.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One operation. Start with [`op`].
#[derive(Clone, Debug)]
pub struct Op {
    pub(crate) id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) query: Option<SchemaOf>,
    pub(crate) body: Option<SchemaOf>,
    pub(crate) replies: Vec<(u16, &'static str, Option<SchemaOf>)>,
    pub(crate) problems: &'static [u16],
    pub(crate) header_params: Vec<(&'static str, bool, &'static str)>,
    pub(crate) bearer: bool,
    pub(crate) body_limit: Option<usize>,
}

/// An operation with its unique `operationId`, in camel case.
pub fn op(id: &'static str) -> Op {
    Op {
        id,
        summary: "",
        description: "",
        tag: "",
        query: None,
        body: None,
        replies: Vec::new(),
        problems: &[],
        header_params: Vec::new(),
        bearer: false,
        body_limit: None,
    }
}

fn referred<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn spelled_out<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

impl Op {
    /// One line.
    pub fn summary(mut self, text: &'static str) -> Self {
        self.summary = text;
        self
    }

    /// A paragraph, in CommonMark.
    pub fn description(mut self, text: &'static str) -> Self {
        self.description = text;
        self
    }

    /// The group it is listed under.
    pub fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    /// The fields of `T` are its query parameters.
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(spelled_out::<T>);
        self
    }

    /// It takes a JSON body.
    pub fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(referred::<T>);
        self
    }

    /// It may answer with `status` and a JSON body.
    pub fn reply<T: JsonSchema>(mut self, status: u16) -> Self {
        self.replies.push((status, "application/json", Some(referred::<T>)));
        self
    }

    /// It may answer with `status` and a body of another media type.
    pub fn reply_as(mut self, status: u16, media_type: &'static str) -> Self {
        self.replies.push((status, media_type, None));
        self
    }

    /// It may answer with `status` and no body.
    pub fn empty(mut self, status: u16) -> Self {
        self.replies.push((status, "", None));
        self
    }

    /// Statuses of problems it may answer with, beside the ones every call has.
    pub fn problems(mut self, statuses: &'static [u16]) -> Self {
        self.problems = statuses;
        self
    }

    /// It reads a request header.
    pub fn header(mut self, name: &'static str, required: bool, description: &'static str) -> Self {
        self.header_params.push((name, required, description));
        self
    }

    /// It needs a signed-in customer: `Authorization: Bearer`.
    pub fn bearer(mut self) -> Self {
        self.bearer = true;
        self
    }

    /// Largest body in bytes, where [`crate::DEFAULT_BODY_LIMIT`] is not right. The gateway must be told as well.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }
}

/// The operations of some routes, in the order they were declared.
#[derive(Clone, Debug, Default)]
pub struct Operations(pub(crate) Vec<(Method, &'static str, Op)>);

impl Operations {
    /// Method and path template of every route.
    pub fn routes(&self) -> impl Iterator<Item = (&Method, &'static str)> {
        self.0.iter().map(|(method, path, _)| (method, *path))
    }

    /// Paths whose bodies may be larger than the default, with their limits in bytes.
    pub fn body_limits(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.0.iter().filter_map(|(_, path, op)| op.body_limit.map(|limit| (*path, limit)))
    }
}
