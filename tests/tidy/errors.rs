//! A page for every reason, a reason for every page.

use std::collections::BTreeSet;

use crate::tree::{files, none, rust, text};

/// The upper-case words in quotes inside the bodies of `fn reason` and of those it asks (`fn stock_reason`).
fn reasons_in(source: &str) -> BTreeSet<String> {
    let told =
        |rest: &&str| rest.split(['(', '<']).next().is_some_and(|name| name.split('_').next_back() == Some("reason"));
    let source = product(source);
    let starts = source.match_indices("fn ").map(|(at, word)| &source[at + word.len()..]);
    starts.filter(told).filter_map(body).flat_map(words).collect()
}

/// A file without its tests.
fn product(source: &str) -> &str {
    source.split("#[cfg(test)]").next().unwrap()
}

/// The upper-case words in quotes.
fn words(source: &str) -> Vec<String> {
    source.split('"').skip(1).filter(|word| is_reason(word)).map(String::from).collect()
}

/// What stands between the next braces; `None` for a declaration without a body.
fn body(rest: &str) -> Option<&str> {
    let open = rest.find(['{', ';'])?;
    let mut depth = 0usize;
    for (at, sign) in rest.char_indices().skip_while(|(at, _)| *at < open) {
        match sign {
            '{' => depth += 1,
            '}' if depth == 1 => return rest.get(open..at),
            '}' => depth -= 1,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

fn is_reason(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The product's files; the twins speak their vendors' words, not ours.
fn sources() -> impl Iterator<Item = String> {
    let ours = rust("").into_iter().filter(|path| !path.starts_with("sandbox") && !path.ends_with("tests.rs"));
    ours.filter(|path| path.iter().any(|part| part == "src")).map(text)
}

fn pages() -> BTreeSet<String> {
    let pages = files("docs/errors").into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "md"));
    pages
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .filter(|name| is_reason(name) && name != "README")
        .collect()
}

#[test]
fn every_reason_has_its_page() {
    let reasons: BTreeSet<String> = sources().flat_map(|source| reasons_in(&source)).collect();
    let missing = reasons.difference(&pages()).cloned().collect();
    none(missing, "write docs/errors/<REASON>.md: cause, what to do, who is paged");
}

#[test]
fn every_page_has_its_reason() {
    // Single items of a batch are refused without an error of their own: any word in quotes will do.
    let said: BTreeSet<String> = sources().flat_map(|source| words(product(&source))).collect();
    none(pages().difference(&said).cloned().collect(), "no code gives this reason; delete its page");
}

#[test]
fn reasons_are_found_in_bodies_and_nowhere_else() {
    let source = r#"
        fn reason(&self) -> &'static str;
        fn reason(&self) -> &'static str { match self { A => "NO_SUCH_ORDER", B { .. } => "STORE_2" } }
        fn stock_reason(error: &Error) -> &'static str { "NOT_ON_HAND" }
        fn other() { "NOT_A_REASON" }"#;
    assert_eq!(Vec::from_iter(reasons_in(source)), ["NOT_ON_HAND", "NO_SUCH_ORDER", "STORE_2"]);
}
