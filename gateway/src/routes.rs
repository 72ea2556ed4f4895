//! The REST face of the contracts: every `google.api.http` annotation as a route, with what it needs at run time.

pub(crate) mod parameters;
mod template;
mod trie;

use std::sync::Arc;

use http::Method;
use http::uri::PathAndQuery;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ReflectMessage as _, Value};

use self::parameters::Target;
use self::template::Template;
pub use self::template::TemplateError;
pub(crate) use self::trie::Found;
use self::trie::Trie;
use crate::transcode::{Docs, MessageId, Schema};

/// Annotations that the gateway cannot serve. Found at start, before a port is bound.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// Nobody said who may call it: deny by default.
    #[error("{method} has a route but no permission; add `option (retail.options.v1.permission)`")]
    NoPermission {
        /// Full name of the method.
        method: String,
    },
    /// A stream from the caller has no REST form.
    #[error("{method} takes a stream, which has no REST form; remove its route")]
    ClientStream {
        /// Full name of the method.
        method: String,
    },
    /// The template is broken.
    #[error("{method}")]
    Template {
        /// Full name of the method.
        method: String,
        /// What is wrong with it.
        #[source]
        source: TemplateError,
    },
    /// A name in the annotation is no field of the message.
    #[error("{method}: {field:?} is not a field that a route can use")]
    Field {
        /// Full name of the method.
        method: String,
        /// The name.
        field: String,
    },
    /// Two routes cannot be told apart.
    #[error("{method}: another route has the same method and path as {template:?}")]
    Collision {
        /// Full name of the method.
        method: String,
        /// The path.
        template: String,
    },
    /// The HTTP method is not one.
    #[error("{method}: the route says no HTTP method that exists")]
    Verb {
        /// Full name of the method.
        method: String,
    },
}

/// A method of a service.
#[derive(Debug)]
pub(crate) struct Rpc {
    /// `retail.orders.v1.OrdersService`.
    pub(crate) service: String,
    /// `CancelOrder`.
    pub(crate) name: String,
    pub(crate) path: PathAndQuery,
    pub(crate) input: MessageId,
    pub(crate) output: MessageId,
    pub(crate) streaming: bool,
    pub(crate) permission: String,
    pub(crate) doc: String,
    /// Index of the request's field `idempotency_key`, when it has one.
    pub(crate) key: Option<usize>,
}

/// What a route makes of a request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// There must be none.
    None,
    /// It is the request message.
    Whole,
    /// It is this field of it.
    Field(usize),
}

/// One way to call a method over REST.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) template: Template,
    pub(crate) rpc: Arc<Rpc>,
    pub(crate) body: Body,
    /// The field that is the answer; the whole message when `None`.
    pub(crate) answer: Option<usize>,
    /// What each variable of the template fills.
    pub(crate) targets: Vec<Target>,
}

impl Route {
    /// True when a caller must give an Idempotency-Key.
    pub(crate) fn needs_key(&self) -> bool {
        self.rpc.key.is_some() && !matches!(self.method, Method::GET | Method::HEAD)
    }
}

/// Every route.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    all: Vec<Route>,
    trie: Trie,
}

impl Routes {
    /// The routes of every service that `serves` names.
    pub(crate) fn new(
        pool: &DescriptorPool,
        schema: &Schema,
        serves: impl Fn(&str) -> bool,
    ) -> Result<Routes, RouteError> {
        let mut routes = Routes::default();
        let mut docs = Docs::default();
        for service in pool.services().filter(|service| serves(service.full_name())) {
            for method in service.methods() {
                if let Some(rule) = rule_of(pool, &method) {
                    let rpc = Arc::new(rpc(pool, schema, &method, &mut docs)?);
                    routes.add(schema, &rpc, &rule)?;
                    for more in messages(&rule, "additional_bindings") {
                        routes.add(schema, &rpc, &more)?;
                    }
                }
            }
        }
        Ok(routes)
    }

    /// Every route, in the order of the contracts.
    pub(crate) fn all(&self) -> &[Route] {
        &self.all
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Route> {
        self.all.get(index)
    }

    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<Found<'_, 'p>> {
        self.trie.find(path)
    }

    /// The template that a mistyped path comes nearest to.
    pub(crate) fn nearest(&self, path: &str) -> Option<&str> {
        let path: String = path.chars().take(120).collect();
        self.all.iter().map(|route| route.template.text.as_str()).min_by_key(|known| distance(&path, known))
    }

    fn add(&mut self, schema: &Schema, rpc: &Arc<Rpc>, rule: &DynamicMessage) -> Result<(), RouteError> {
        let method = || format!("{}.{}", rpc.service, rpc.name);
        let (http, text) = pattern(rule).ok_or_else(|| RouteError::Verb { method: method() })?;
        let template = Template::parse(&text).map_err(|source| RouteError::Template { method: method(), source })?;
        let no_field = |field: &str| RouteError::Field { method: method(), field: field.to_owned() };
        let field = |message, name: &str| schema.message(message).named(name, 0).map(|(at, _)| at);
        let body = match string(rule, "body").as_str() {
            "" => Body::None,
            "*" => Body::Whole,
            name => Body::Field(field(rpc.input, name).ok_or_else(|| no_field(name))?),
        };
        let answer = match string(rule, "response_body").as_str() {
            "" => None,
            name => Some(field(rpc.output, name).ok_or_else(|| no_field(name))?),
        };
        let mut targets = Vec::new();
        for variable in &template.variables {
            let names = variable.field.iter().map(String::as_str);
            let target = Target::find(schema, rpc.input, names).ok().filter(|target| !target.many);
            targets.push(target.ok_or_else(|| no_field(&variable.field.join(".")))?);
        }
        let route = self.all.len();
        if !self.trie.add(http.clone(), &template, route) {
            return Err(RouteError::Collision { method: method(), template: template.text });
        }
        self.all.push(Route { method: http, template, rpc: Arc::clone(rpc), body, answer, targets });
        Ok(())
    }
}

fn rpc(pool: &DescriptorPool, schema: &Schema, method: &MethodDescriptor, docs: &mut Docs) -> Result<Rpc, RouteError> {
    let full = || method.full_name().to_owned();
    if method.is_client_streaming() {
        return Err(RouteError::ClientStream { method: full() });
    }
    let permission = option(pool, method, "retail.options.v1.permission");
    let permission = permission.and_then(|value| value.as_str().map(str::to_owned)).filter(|it| !it.is_empty());
    let service = method.parent_service().full_name().to_owned();
    let path = PathAndQuery::try_from(format!("/{service}/{}", method.name()));
    let message =
        |name: &str| schema.message_named(name).ok_or_else(|| RouteError::Field { method: full(), field: name.into() });
    let input = message(method.input().full_name())?;
    Ok(Rpc {
        path: path.map_err(|_| RouteError::Verb { method: full() })?,
        service,
        name: method.name().to_owned(),
        input,
        output: message(method.output().full_name())?,
        streaming: method.is_server_streaming(),
        permission: permission.ok_or_else(|| RouteError::NoPermission { method: full() })?,
        doc: docs.of(&method.parent_service().parent_file(), method.path()),
        key: schema.message(input).named("idempotency_key", 0).map(|(at, _)| at),
    })
}

fn rule_of(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<DynamicMessage> {
    option(pool, method, "google.api.http")?.as_message().cloned()
}

fn option(pool: &DescriptorPool, method: &MethodDescriptor, name: &str) -> Option<Value> {
    let extension = pool.get_extension_by_name(name)?;
    let options = method.options();
    options.has_extension(&extension).then(|| options.get_extension(&extension).into_owned())
}

/// The HTTP method and path of a rule.
fn pattern(rule: &DynamicMessage) -> Option<(Method, String)> {
    let plain = [
        ("get", Method::GET),
        ("put", Method::PUT),
        ("post", Method::POST),
        ("delete", Method::DELETE),
        ("patch", Method::PATCH),
    ];
    for (name, method) in plain {
        if rule.descriptor().get_field_by_name(name).is_some_and(|field| rule.has_field(&field)) {
            return Some((method, string(rule, name)));
        }
    }
    let custom = rule.get_field_by_name("custom")?.as_message()?.clone();
    Some((Method::from_bytes(string(&custom, "kind").as_bytes()).ok()?, string(&custom, "path")))
}

fn string(message: &DynamicMessage, name: &str) -> String {
    message.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn messages(message: &DynamicMessage, name: &str) -> Vec<DynamicMessage> {
    let value = message.get_field_by_name(name);
    let list = value.as_ref().and_then(|value| value.as_list()).unwrap_or_default();
    list.iter().filter_map(|value| value.as_message().cloned()).collect()
}

/// How many letters must change; a variable stands for whatever is there.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (line, letter) in left.chars().enumerate() {
        let mut corner = line;
        let mut before = line + 1;
        let mut next = vec![before];
        for (other, above) in right.iter().zip(row.iter().skip(1)) {
            before = (corner + usize::from(letter != *other)).min(above + 1).min(before + 1);
            corner = *above;
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_levenshteins() {
        for (left, right, far) in [("kitten", "sitting", 3), ("", "abc", 3), ("abc", "abc", 0), ("ab", "ba", 2)] {
            assert_eq!(distance(left, right), far, "{left} {right}");
        }
    }
}
