//! Locales, and which one stands in for another.

/// A BCP 47 locale in lower case, with hyphens: `de-at`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Locale(String);

/// Longest locale that RFC 5646, section 4.4.1 wants held.
const LONGEST: usize = 35;

impl Locale {
    /// Reads a locale; none when it is not formed like one. Some shops write `de_AT`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.replace('_', "-").to_ascii_lowercase();
        let mut parts = text.split('-');
        let language = parts
            .next()
            .is_some_and(|part| (2..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase()));
        let rest =
            parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        (language && rest && text.len() <= LONGEST).then_some(Self(text))
    }

    /// The one that comes with the connector.
    pub(crate) fn english() -> Self {
        Self("en".to_owned())
    }

    /// It and what stands in for it, the nearest first: `de-at`, `de`.
    pub(crate) fn chain(&self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self.clone()), |one| {
            one.0.rsplit_once('-').map(|(shorter, _)| Self(shorter.to_owned()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_falls_back_to_what_it_is_a_kind_of() {
        let chain: Vec<Locale> = Locale::read("zh_Hant-TW").unwrap().chain().collect();
        assert_eq!(chain, ["zh-hant-tw", "zh-hant", "zh"].map(|text| Locale(text.to_owned())));
    }

    #[test]
    fn what_is_not_formed_like_a_locale_is_none() {
        for wrong in ["", "d", "de-", "de--at", "../etc", "de at", "dë", "deutschland-austria-vienna-1010-xx"] {
            assert_eq!(Locale::read(wrong), None, "{wrong}");
        }
        assert!(Locale::read("de").is_some() && Locale::read("es-419").is_some());
    }
}
