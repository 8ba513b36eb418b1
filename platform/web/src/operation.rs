//! OpenAPI operation: what the document says about one route, written beside its handler.

use http::Method;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

use crate::rules;

const JSON: &str = "application/json";

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
    pub(crate) body_required: bool,
    pub(crate) replies: Vec<(u16, &'static str, Option<SchemaOf>)>,
    pub(crate) reply_headers: &'static [&'static str],
    pub(crate) links: Vec<Link>,
    pub(crate) codes: &'static [&'static str],
    /// Of all parameters: of the one, or of a tuple.
    pub(crate) path_schema: Option<SchemaOf>,
    pub(crate) path_params: Vec<(&'static str, &'static str)>,
    pub(crate) header_params: Vec<(&'static str, bool, &'static str)>,
    pub(crate) access: Access,
    pub(crate) key: Key,
    pub(crate) deprecated: Option<Deprecated>,
    pub(crate) body_limit: Option<usize>,
}

/// Whom a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// All callers; who they are does not matter.
    Anybody,
    /// Guests and signed-in customers; for the latter it may mean something else.
    Guest,
    /// Signed-in customers: others get 401 before anything else is looked at.
    Customer,
}

/// What an `Idempotency-Key` is to an unsafe call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// It makes the call safe to repeat.
    Taken,
    /// It must be there.
    Required,
    /// Nothing: the call names what it is about by itself.
    Ignored,
}

/// Since when a call should not be used, and until when it can be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deprecated {
    /// `Deprecation` (RFC 9745): `@` and seconds since 1970.
    pub(crate) since: &'static str,
    /// `Sunset` (RFC 8594): an HTTP date.
    pub(crate) sunset: &'static str,
}

/// What can be called with an answer (OpenAPI 3.1, Link Object).
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) status: u16,
    pub(crate) operation: &'static str,
    pub(crate) parameters: &'static [(&'static str, &'static str)],
    pub(crate) body: Option<Value>,
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
        body_required: true,
        replies: Vec::new(),
        reply_headers: &[],
        links: Vec::new(),
        codes: &[],
        path_schema: None,
        path_params: Vec::new(),
        header_params: Vec::new(),
        access: Access::Anybody,
        key: Key::Taken,
        deprecated: None,
        body_limit: None,
    }
}

fn referred<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

fn spelled_out<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    T::json_schema(generator)
}

/// What a handler's signature says (`binding.rs`).
impl Op {
    pub(crate) fn takes_body<T: JsonSchema + 'static>(&mut self, required: bool) {
        // A schema that cannot be checked is found here, not by a client.
        rules::rule_of::<T>();
        self.body = Some(referred::<T>);
        self.body_required = required;
    }

    pub(crate) fn takes_query<T: JsonSchema + 'static>(&mut self) {
        rules::rule_of::<T>();
        self.query = Some(spelled_out::<T>);
    }

    pub(crate) fn takes_path<T: JsonSchema>(&mut self) {
        self.path_schema = Some(referred::<T>);
    }

    pub(crate) fn answers_with<T: JsonSchema>(&mut self) {
        let json = self.replies.iter_mut().filter(|(_, media_type, _)| *media_type == JSON);
        json.for_each(|(.., schema)| *schema = Some(referred::<T>));
    }
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

    /// The fields of `T` are its query parameters: for a handler that reads them itself, others say so by [`crate::ApiQuery`].
    pub fn query<T: JsonSchema + 'static>(mut self) -> Self {
        self.takes_query::<T>();
        self
    }

    /// Describes a `{name}` of its path, whose type is that of the handler's [`crate::ApiPath`].
    pub fn path(mut self, name: &'static str, description: &'static str) -> Self {
        self.path_params.push((name, description));
        self
    }

    /// It may answer with `status` and what its handler returns, as JSON.
    pub fn reply(mut self, status: u16) -> Self {
        self.replies.push((status, JSON, None));
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

    /// Headers of its successful answers, of those that the document describes.
    pub fn reply_headers(mut self, names: &'static [&'static str]) -> Self {
        self.reply_headers = names;
        self
    }

    /// With an answer of this status, `operation` can be called: its parameters, and fields of its body, are expressions
    /// such as `$response.body#/id`.
    pub fn link(
        mut self,
        status: u16,
        operation: &'static str,
        parameters: &'static [(&'static str, &'static str)],
        body: Option<Value>,
    ) -> Self {
        self.links.push(Link { status, operation, parameters, body });
        self
    }

    /// Codes of problems it may answer with (docs/errors.md), beside the ones every call has.
    pub fn codes(mut self, codes: &'static [&'static str]) -> Self {
        self.codes = codes;
        self
    }

    /// It reads a request header.
    pub fn header(mut self, name: &'static str, required: bool, description: &'static str) -> Self {
        self.header_params.push((name, required, description));
        self
    }

    /// It needs a signed-in customer: `Authorization: Bearer`. Others get 401 before their request is looked at.
    pub fn bearer(mut self) -> Self {
        self.access = Access::Customer;
        self
    }

    /// It is for guests as for signed-in customers, whose `Authorization: Bearer` it heeds.
    pub fn guest(mut self) -> Self {
        self.access = Access::Guest;
        self
    }

    /// It does not go without an `Idempotency-Key`, and looks after it by itself.
    pub fn key_required(mut self) -> Self {
        self.key = Key::Required;
        self
    }

    /// An `Idempotency-Key` means nothing to it.
    pub fn unkeyed(mut self) -> Self {
        self.key = Key::Ignored;
        self
    }

    /// It should not be used any more: `since` is for `Deprecation` (RFC 9745: `@` and seconds), `sunset`, the date it may
    /// go, for `Sunset` (RFC 8594).
    pub fn deprecated(mut self, since: &'static str, sunset: &'static str) -> Self {
        self.deprecated = Some(Deprecated { since, sunset });
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

    /// Method and path template of the unsafe routes on which an `Idempotency-Key` is looked after around the handler.
    pub fn keyed(&self) -> impl Iterator<Item = (&Method, &'static str)> {
        self.0.iter().filter(|(method, _, op)| takes_key(method) && op.key == Key::Taken).map(|(m, path, _)| (m, *path))
    }

    /// Paths whose bodies may be larger than the default, with their limits in bytes.
    pub fn body_limits(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.0.iter().filter_map(|(_, path, op)| op.body_limit.map(|limit| (*path, limit)))
    }
}

/// True for methods that change something (RFC 9110, 9.2.1).
pub(crate) fn takes_key(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}
