//! Forms: names with brackets, values as text. A name that an endpoint does not know is refused, as Stripe does; so are the
//! many that Stripe knows and this twin does not.

use std::collections::BTreeMap;

use super::fault::Refusal;

/// Parameters of one request, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a form or a query string.
    pub(super) fn read(bytes: &[u8]) -> Result<Params, Refusal> {
        serde_urlencoded::from_bytes(bytes).map(Params).map_err(|err| {
            Refusal::parameter("parameter_invalid_string_blank", "body", format!("The form cannot be read: {err}"))
        })
    }

    pub(super) fn of(pairs: &[(&str, String)]) -> Params {
        Params(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    pub(super) fn push(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// The same for the same parameters, whatever their order.
    pub(super) fn digest(&self) -> String {
        let mut sorted = self.0.clone();
        sorted.sort();
        serde_urlencoded::to_string(sorted).unwrap_or_default()
    }

    /// Refuses names that are not of these; `metadata` stands for all of its keys, `a[b]` for itself alone.
    pub(super) fn known(&self, names: &[&str]) -> Result<(), Refusal> {
        let whole = ["metadata", "expand", "created", "types", "payment_method_types", "shipping"];
        for (name, _) in &self.0 {
            let root = name.split('[').next().unwrap_or_default();
            let plain = if whole.contains(&root) { root } else { name.as_str() };
            if !names.contains(&plain) {
                let message = format!("Received unknown parameter: {name}");
                return Err(Refusal::parameter("parameter_unknown", name, message));
            }
        }
        Ok(())
    }

    /// A value that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A value that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        let missing = || Refusal::parameter("parameter_missing", name, format!("Missing required param: {name}."));
        self.text(name).ok_or_else(missing)
    }

    /// A value of a set.
    pub(super) fn word<'a>(&self, name: &str, words: &[&'a str]) -> Result<Option<&'a str>, Refusal> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let known = words.iter().find(|word| **word == value).copied();
        known.map(Some).ok_or_else(|| {
            let message = format!("Invalid {name}: must be one of {}", words.join(", "));
            Refusal::parameter("parameter_invalid_enum", name, message)
        })
    }

    /// A whole number.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.text(name) else { return Ok(None) };
        let bad = |_| Refusal::parameter("parameter_invalid_integer", name, format!("Invalid integer: {value}"));
        value.parse().map(Some).map_err(bad)
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, name: &str) -> Result<Option<bool>, Refusal> {
        Ok(self.word(name, &["true", "false"])?.map(|word| word == "true"))
    }

    /// Values of `name[]` and `name[0]`.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let listed = |known: &str| {
            let index = known.strip_prefix(name).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.0.iter().filter(|(known, _)| listed(known)).map(|(_, value)| value.as_str()).collect()
    }

    /// `name[key]` by key; an empty value stands for taking the key away.
    pub(super) fn map(&self, name: &str) -> Result<BTreeMap<String, String>, Refusal> {
        let mut map = BTreeMap::new();
        for (known, value) in &self.0 {
            let key = known.strip_prefix(name).and_then(|rest| rest.strip_prefix('[')?.strip_suffix(']'));
            let Some(key) = key else { continue };
            if key.is_empty() || key.len() > 40 || key.contains(['[', ']']) {
                let message = format!("Metadata keys must be 1 to 40 characters without square brackets: {key}");
                return Err(Refusal::parameter("parameter_invalid_string_empty", known, message));
            }
            if value.len() > 500 {
                let message = "Metadata values can have up to 500 characters".to_owned();
                return Err(Refusal::parameter("parameter_invalid_string_blank", known, message));
            }
            map.insert(key.to_owned(), value.clone());
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(text: &str) -> Params {
        Params::read(text.as_bytes()).unwrap()
    }

    #[test]
    fn brackets_make_maps_and_lists() {
        let given = params("metadata%5Brma%5D=R1&expand[]=a&expand[1]=b&amount=5");
        assert_eq!(given.map("metadata").unwrap(), BTreeMap::from([("rma".to_owned(), "R1".to_owned())]));
        assert_eq!(given.list("expand"), ["a", "b"]);
        assert_eq!(given.integer("amount").unwrap(), Some(5));
        assert!(given.known(&["metadata", "expand", "amount"]).is_ok());
        assert!(given.known(&["metadata", "expand"]).is_err());
    }

    #[test]
    fn an_amount_is_an_integer_and_a_nested_name_is_known_whole() {
        assert!(params("amount=5.5").integer("amount").is_err());
        let options = params("payment_method_options[card][request_multicapture]=if_available");
        assert!(options.known(&["payment_method_options[card][request_multicapture]"]).is_ok());
        assert!(options.known(&["payment_method_options"]).is_err());
    }

    #[test]
    fn the_order_of_parameters_does_not_matter_and_their_values_do() {
        assert_eq!(params("a=1&b=2").digest(), params("b=2&a=1").digest());
        assert_ne!(params("a=1&b=2").digest(), params("a=2&b=1").digest());
    }
}
