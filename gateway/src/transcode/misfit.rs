//! What is wrong with a request's JSON or parameters, and where.

use std::fmt;

/// A value that does not fit the contract: where it stands in the request and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    path: String,
    what: String,
}

impl Misfit {
    /// A misfit at the place being read; callers add the way to it from the inside out.
    pub fn new(what: impl Into<String>) -> Misfit {
        Misfit { path: String::new(), what: what.into() }
    }

    /// Where: `lines[0].quantity`; empty for the body as a whole.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What is wrong, in the words of the caller's JSON.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The same misfit seen from the message that has the field.
    #[must_use]
    pub fn in_field(self, name: &str) -> Misfit {
        let path = match self.path.as_bytes().first() {
            None => name.to_owned(),
            Some(b'[') => format!("{name}{}", self.path),
            Some(_) => format!("{name}.{}", self.path),
        };
        Misfit { path, what: self.what }
    }

    /// The same misfit seen from the list that has the element.
    #[must_use]
    pub fn in_element(self, index: usize) -> Misfit {
        self.in_field(&format!("[{index}]"))
    }

    /// The same misfit seen from the map that has the key.
    #[must_use]
    pub fn in_key(self, key: &str) -> Misfit {
        self.in_field(&format!("[{key:?}]"))
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { write!(out, "{}", self.what) } else { write!(out, "{}: {}", self.path, self.what) }
    }
}

impl std::error::Error for Misfit {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_reads_like_the_callers_own_code() {
        let misfit = Misfit::new("is wrong").in_key("a b").in_field("attributes").in_element(2).in_field("lines");
        assert_eq!(misfit.to_string(), "lines[2].attributes[\"a b\"]: is wrong");
    }
}
