//! Finding a route by its path: literals before wildcards, longer verbs before shorter ones.

use std::collections::HashMap;

use http::Method;

use super::template::{Segment, Template};

/// Routes by their path.
#[derive(Debug, Default)]
pub(crate) struct Trie {
    literals: HashMap<String, Trie>,
    one: Option<Box<Trie>>,
    rest: Leaf,
    here: Leaf,
}

/// Routes that end at one place, by verb; the empty verb is none.
#[derive(Debug, Default)]
struct Leaf(HashMap<String, Vec<(Method, usize)>>);

/// A path that some route has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found<'t, 'p> {
    /// The routes with this path, each with its method.
    pub(crate) routes: &'t [(Method, usize)],
    /// The segments of the path, without the verb, still percent-encoded.
    pub(crate) segments: Vec<&'p str>,
}

impl Trie {
    /// Adds a route; false when another one has the same method, path and verb.
    pub(crate) fn add(&mut self, method: Method, template: &Template, route: usize) -> bool {
        let mut node = self;
        for segment in &template.segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.clone()).or_default(),
                Segment::One => node.one.get_or_insert_default(),
                Segment::Rest => return node.rest.add(method, &template.verb, route),
            };
        }
        node.here.add(method, &template.verb, route)
    }

    /// The routes of a path. A colon in the last segment is tried as the start of a verb before it is taken as part of
    /// a value; an encoded colon is always part of the value.
    pub(crate) fn find<'p>(&self, path: &'p str) -> Option<Found<'_, 'p>> {
        let path = path.strip_prefix('/')?;
        let mut segments: Vec<&str> = path.split('/').collect();
        let last = segments.pop()?;
        let colons = last.match_indices(':').map(|(at, _)| (last.get(..at), last.get(at + 1..)));
        let splits = colons.filter_map(|(head, verb)| Some((head?, verb?))).chain([(last, "")]);
        for (head, verb) in splits {
            segments.push(head);
            if let Some(routes) = self.walk(&segments, verb) {
                return Some(Found { routes, segments });
            }
            segments.pop();
        }
        None
    }

    fn walk(&self, segments: &[&str], verb: &str) -> Option<&[(Method, usize)]> {
        let [first, tail @ ..] = segments else {
            return self.here.get(verb);
        };
        if let Some(found) = self.literals.get(*first).and_then(|node| node.walk(tail, verb)) {
            return Some(found);
        }
        if first.is_empty() {
            return None;
        }
        let one = self.one.as_ref().and_then(|node| node.walk(tail, verb));
        one.or_else(|| self.rest.get(verb))
    }
}

impl Leaf {
    fn add(&mut self, method: Method, verb: &str, route: usize) -> bool {
        let routes = self.0.entry(verb.to_owned()).or_default();
        if routes.iter().any(|(known, _)| *known == method) {
            return false;
        }
        routes.push((method, route));
        true
    }

    fn get(&self, verb: &str) -> Option<&[(Method, usize)]> {
        self.0.get(verb).map(Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie(templates: &[&str]) -> Trie {
        let mut trie = Trie::default();
        for (route, text) in templates.iter().enumerate() {
            assert!(trie.add(Method::GET, &Template::parse(text).unwrap(), route));
        }
        trie
    }

    fn found(trie: &Trie, path: &str) -> Option<(usize, String)> {
        trie.find(path).map(|found| (found.routes[0].1, found.segments.join("|")))
    }

    #[test]
    fn a_verb_stands_beside_the_plain_route() {
        let trie = trie(&["/v1/orders/{id}", "/v1/orders/{id}:cancel", "/v1/orders", "/v1/orders:count"]);
        assert_eq!(found(&trie, "/v1/orders/o-1"), Some((0, "v1|orders|o-1".to_owned())));
        assert_eq!(found(&trie, "/v1/orders/o-1:cancel"), Some((1, "v1|orders|o-1".to_owned())));
        assert_eq!(found(&trie, "/v1/orders/a:b:cancel"), Some((1, "v1|orders|a:b".to_owned())));
        assert_eq!(found(&trie, "/v1/orders/a:b"), Some((0, "v1|orders|a:b".to_owned())));
        assert_eq!(found(&trie, "/v1/orders/a%3Acancel"), Some((0, "v1|orders|a%3Acancel".to_owned())));
        assert_eq!(found(&trie, "/v1/orders:count"), Some((3, "v1|orders".to_owned())));
    }

    #[test]
    fn the_longest_verb_wins() {
        let trie = trie(&["/v1/{name}:e", "/v1/{name}:d:e"]);
        assert_eq!(found(&trie, "/v1/x:d:e"), Some((1, "v1|x".to_owned())));
        assert_eq!(found(&trie, "/v1/x:c:e"), Some((0, "v1|x:c".to_owned())));
    }

    #[test]
    fn a_literal_is_preferred_and_a_dead_end_is_left_again() {
        let trie = trie(&["/v1/{a}/parts", "/v1/mine/{b}", "/files/{path=**}"]);
        assert_eq!(found(&trie, "/v1/mine/x"), Some((1, "v1|mine|x".to_owned())));
        assert_eq!(found(&trie, "/v1/mine/parts"), Some((1, "v1|mine|parts".to_owned())));
        assert_eq!(found(&trie, "/v1/other/parts"), Some((0, "v1|other|parts".to_owned())));
        assert_eq!(found(&trie, "/files/a/b/c"), Some((2, "files|a|b|c".to_owned())));
    }

    #[test]
    fn an_empty_segment_is_no_value() {
        let trie = trie(&["/v1/orders/{id}", "/files/{path=**}"]);
        for path in ["/v1/orders/", "/v1//x", "/files/", "v1/orders/x", "/"] {
            assert_eq!(found(&trie, path), None, "{path}");
        }
    }

    #[test]
    fn two_routes_of_one_shape_collide() {
        let mut trie = trie(&["/v1/{a}"]);
        assert!(!trie.add(Method::GET, &Template::parse("/v1/{b}").unwrap(), 9));
        assert!(trie.add(Method::POST, &Template::parse("/v1/{b}").unwrap(), 9));
    }
}
