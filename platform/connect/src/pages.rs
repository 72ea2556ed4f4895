//! Following a vendor's `next` links without being led astray.

use std::collections::BTreeSet;

use http::Uri;

/// Why a list was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PageFault {
    /// More pages than the cap.
    #[error("more than {0} pages; narrow the question")]
    TooMany(usize),
    /// The vendor sent us in a circle.
    #[error("the vendor's next link leads to a page already read")]
    Circle,
    /// The vendor's link leaves its own address: following it would hand our token to a stranger.
    #[error("the vendor's next link leaves {0}")]
    Stranger(String),
    /// The link is no address.
    #[error("the vendor's next link is no address")]
    NoAddress,
}

/// The pages of one list read so far.
#[derive(Debug)]
pub struct Pages {
    base: Uri,
    cap: usize,
    seen: BTreeSet<String>,
}

impl Pages {
    /// Starts a list at the vendor's base address, reading at most `cap` further pages.
    #[must_use]
    pub fn new(base: Uri, cap: usize) -> Self {
        Self { base, cap, seen: BTreeSet::new() }
    }

    /// Path and query of the next page. Each link is followed once.
    pub fn follow(&mut self, link: &str) -> Result<String, PageFault> {
        let uri: Uri = link.parse().map_err(|_| PageFault::NoAddress)?;
        if let Some(authority) = uri.authority()
            && (Some(authority) != self.base.authority() || uri.scheme() != self.base.scheme())
        {
            return Err(PageFault::Stranger(self.base.to_string()));
        }
        let path = uri.path_and_query().ok_or(PageFault::NoAddress)?.as_str().to_owned();
        if self.seen.len() >= self.cap {
            return Err(PageFault::TooMany(self.cap));
        }
        if !self.seen.insert(path.clone()) {
            return Err(PageFault::Circle);
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(cap: usize) -> Pages {
        Pages::new("https://shop.example:8443".parse().unwrap(), cap)
    }

    #[test]
    fn a_link_to_another_host_or_scheme_is_refused() {
        assert!(matches!(pages(9).follow("https://evil.example/a"), Err(PageFault::Stranger(_))));
        assert!(matches!(pages(9).follow("http://shop.example:8443/a"), Err(PageFault::Stranger(_))));
        assert_eq!(pages(9).follow("https://shop.example:8443/a?page=2").unwrap(), "/a?page=2");
        assert_eq!(pages(9).follow("/a?page=2").unwrap(), "/a?page=2");
    }

    #[test]
    fn a_list_ends_at_its_cap_and_at_a_circle() {
        let mut list = pages(2);
        list.follow("/1").unwrap();
        assert_eq!(list.follow("/1"), Err(PageFault::Circle));
        list.follow("/2").unwrap();
        assert_eq!(list.follow("/3"), Err(PageFault::TooMany(2)));
    }
}
