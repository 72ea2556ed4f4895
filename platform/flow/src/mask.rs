//! Taking personal data out of a bundle: names, addresses and the like become others of the same shape and length, equal
//! ones equal, so that rules that compare, copy or look for a letter go the same way. What is personal says the proto
//! option `pii` in messages of the contracts, and [`Personal`] in documents of our own.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, Kind, MessageDescriptor};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::kept;
use crate::patch::field;

/// Shorter words, and words of letters alone, are masked only where they are known to be personal: elsewhere they may be
/// anything, even a word of our own.
const WORD: usize = 6;

/// A place in a document that holds personal data.
#[derive(Debug, Clone, Copy)]
pub struct Personal {
    /// Field numbers, outermost first.
    path: &'static [u32],
    /// Full name of the message there; empty where the field itself is personal.
    message: &'static str,
}

impl Personal {
    /// A text, or a list of them.
    #[must_use]
    pub const fn text(path: &'static [u32]) -> Self {
        Self { path, message: "" }
    }

    /// A message of a contract, whose own options say what of it is personal.
    #[must_use]
    pub const fn message(path: &'static [u32], name: &'static str) -> Self {
        Self { path, message: name }
    }
}

struct Contracts {
    pool: DescriptorPool,
    pii: Option<ExtensionDescriptor>,
}

static CONTRACTS: LazyLock<Contracts> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(retail_proto::BARE_DESCRIPTORS).unwrap_or_default();
    let pii = pool.get_extension_by_name("retail.options.v1.pii");
    Contracts { pool, pii }
});

/// Masks for one aggregate.
pub(crate) struct Mask {
    salt: [u8; 32],
    /// Personal words that are long enough to be looked for everywhere, with their masks.
    words: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Mask {
    /// A mask that depends on this salt.
    pub(crate) fn new(salt: u64, id: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(salt.to_be_bytes());
        hash.update(id.as_bytes());
        Self { salt: hash.finalize().into(), words: BTreeMap::new() }
    }

    /// Gets to know the personal words of a document.
    pub(crate) fn learn_document(&mut self, doc: &[u8], personal: &[Personal]) {
        self.learn(doc, places_in_document(doc, personal));
    }

    /// Gets to know the personal words of a message of a contract.
    pub(crate) fn learn_message(&mut self, name: &str, message: &[u8]) {
        self.learn(message, places_in_message(name, message));
    }

    /// Gets to know the personal words of what was written down.
    pub(crate) fn learn_written(&mut self, value: &Value) {
        each_text(value, &mut |text| {
            if let Some((name, bytes)) = kept::parts(text) {
                self.learn_message(name, &bytes);
            }
        });
    }

    fn learn(&mut self, bytes: &[u8], places: Vec<Range<usize>>) {
        for place in places {
            let Some(word) = bytes.get(place).filter(|word| is_telling(word)) else { continue };
            if !self.words.contains_key(word) {
                self.words.insert(word.to_vec(), self.token(word));
            }
        }
    }

    /// A document with its personal words masked.
    pub(crate) fn document(&self, doc: &[u8], personal: &[Personal]) -> Vec<u8> {
        self.masked(doc, places_in_document(doc, personal))
    }

    /// A message of a contract with its personal words masked.
    pub(crate) fn message(&self, name: &str, message: &[u8]) -> Vec<u8> {
        self.masked(message, places_in_message(name, message))
    }

    /// Bytes in which nothing is known to be personal but words that were learnt.
    pub(crate) fn anything(&self, bytes: &[u8]) -> Vec<u8> {
        self.masked(bytes, Vec::new())
    }

    /// A text, likewise.
    pub(crate) fn text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.anything(text.as_bytes())).into_owned()
    }

    /// What was written down, with its personal words masked.
    pub(crate) fn written(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(match kept::parts(text).filter(|(name, _)| is_message(name)) {
                Some((name, bytes)) => kept::text(name, &self.message(name, &bytes)),
                None => self.text(text),
            }),
            Value::Array(all) => Value::Array(all.iter().map(|one| self.written(one)).collect()),
            Value::Object(fields) => {
                Value::Object(fields.iter().map(|(name, one)| (name.clone(), self.written(one))).collect())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn masked(&self, bytes: &[u8], places: Vec<Range<usize>>) -> Vec<u8> {
        let mut masked = bytes.to_vec();
        for (word, mask) in &self.words {
            replace(&mut masked, word, mask);
        }
        // A mask is of the length of its word, so that places stay where they are.
        for place in places {
            if let (Some(word), Some(there)) = (bytes.get(place.clone()), masked.get_mut(place)) {
                there.copy_from_slice(&self.token(word));
            }
        }
        masked
    }

    /// Of the same length and shape; words that differ in case alone get masks that do so as well.
    fn token(&self, word: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(word);
        let mut hash = Sha256::new();
        hash.update(self.salt);
        hash.update(text.to_lowercase().as_bytes());
        let seed: [u8; 32] = hash.finalize().into();
        let mut token = Vec::with_capacity(word.len());
        let mut stream = Stream { seed, block: [0; 32], at: 32, count: 0 };
        for letter in text.chars() {
            let drawn = stream.next();
            match letter {
                '0'..='9' => token.push(b'0'.saturating_add(drawn % 10)),
                'a'..='z' => token.push(b'a'.saturating_add(drawn % 26)),
                'A'..='Z' => token.push(b'A'.saturating_add(drawn % 26)),
                other if other.is_ascii() => token.extend(other.to_string().as_bytes()),
                other => token.extend(std::iter::repeat_n(b'x', other.len_utf8())),
            }
        }
        // Text that is no UTF-8 has another length once it is read; nothing of it is worth keeping.
        token.resize(word.len(), b'x');
        token
    }
}

/// What was written down, with the messages of the contracts in their JSON form.
pub(crate) fn readable(value: &Value) -> Value {
    let message = |text: &str| {
        let (name, bytes) = kept::parts(text)?;
        let descriptor = CONTRACTS.pool.get_message_by_name(name)?;
        let message = DynamicMessage::decode(descriptor, bytes.as_slice()).ok()?;
        Some(serde_json::json!({ name: serde_json::to_value(message).ok()? }))
    };
    match value {
        Value::String(text) => message(text).unwrap_or_else(|| value.clone()),
        Value::Array(all) => Value::Array(all.iter().map(readable).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, one)| (name.clone(), readable(one))).collect())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Was it written down as a message, or does it only look like one?
pub(crate) fn is_message(name: &str) -> bool {
    name == kept::OWN || CONTRACTS.pool.get_message_by_name(name).is_some()
}

struct Stream {
    seed: [u8; 32],
    block: [u8; 32],
    at: usize,
    count: u64,
}

impl Stream {
    fn next(&mut self) -> u8 {
        if self.at >= self.block.len() {
            let mut hash = Sha256::new();
            hash.update(self.seed);
            hash.update(self.count.to_be_bytes());
            self.block = hash.finalize().into();
            self.count = self.count.saturating_add(1);
            self.at = 0;
        }
        let drawn = self.block.get(self.at).copied().unwrap_or_default();
        self.at = self.at.saturating_add(1);
        drawn
    }
}

fn is_telling(word: &[u8]) -> bool {
    word.len() >= WORD && !word.iter().all(u8::is_ascii_alphabetic)
}

fn replace(bytes: &mut [u8], word: &[u8], mask: &[u8]) {
    let mut at = 0_usize;
    while let Some(found) = bytes.get(at..).and_then(|rest| rest.windows(word.len()).position(|here| here == word)) {
        let from = at.saturating_add(found);
        at = from.saturating_add(word.len());
        if let Some(there) = bytes.get_mut(from..at) {
            there.copy_from_slice(mask);
        }
    }
}

fn each_text(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => visit(text),
        Value::Array(all) => all.iter().for_each(|one| each_text(one, visit)),
        Value::Object(fields) => fields.values().for_each(|one| each_text(one, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn places_in_document(doc: &[u8], personal: &[Personal]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for one in personal {
        follow(doc, 0, one.path, one.message, &mut places);
    }
    places
}

fn follow(message: &[u8], start: usize, path: &[u32], name: &str, places: &mut Vec<Range<usize>>) {
    let Some((first, rest)) = path.split_first() else {
        let inside = places_in_message(name, message).into_iter();
        places.extend(inside.map(|place| shifted(&place, start)));
        return;
    };
    for (number, place) in held(message) {
        if number != *first {
            continue;
        }
        if rest.is_empty() && name.is_empty() {
            places.push(shifted(&place, start));
        } else if let Some(inner) = message.get(place.clone()) {
            follow(inner, start.saturating_add(place.start), rest, name, places);
        }
    }
}

fn shifted(place: &Range<usize>, by: usize) -> Range<usize> {
    place.start.saturating_add(by)..place.end.saturating_add(by)
}

/// Texts and messages of a message, by field number.
fn held(message: &[u8]) -> Vec<(u32, Range<usize>)> {
    let (mut all, mut at) = (Vec::new(), 0_usize);
    while let Some((length, number, held)) = message.get(at..).and_then(field) {
        all.extend(held.map(|(from, to)| (number, shifted(&(from..to), at))));
        at = at.saturating_add(length);
    }
    all
}

fn places_in_message(name: &str, message: &[u8]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    if let Some(descriptor) = CONTRACTS.pool.get_message_by_name(name) {
        walk(&descriptor, message, 0, &mut places);
    }
    places
}

fn walk(descriptor: &MessageDescriptor, message: &[u8], start: usize, places: &mut Vec<Range<usize>>) {
    for (number, place) in held(message) {
        let Some(known) = descriptor.get_field(number) else { continue };
        let is_personal = |pii: &ExtensionDescriptor| known.options().get_extension(pii).as_bool() == Some(true);
        if CONTRACTS.pii.as_ref().is_some_and(is_personal) {
            places.push(shifted(&place, start));
        } else if let Kind::Message(inner) = known.kind()
            && let Some(bytes) = message.get(place.clone())
        {
            walk(&inner, bytes, start.saturating_add(place.start), places);
        }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use retail_proto::orders::v1::Buyer;
    use retail_proto::types::v1::Address;

    use super::*;

    const ADDRESS: &str = "retail.types.v1.Address";

    fn address(name: &str) -> Address {
        Address { name: name.into(), city: "Leeds".into(), phone: "+44 113".into(), ..Address::default() }
    }

    fn masked(mask: &Mask, address: &Address) -> Address {
        Address::decode(mask.message(ADDRESS, &address.encode_to_vec()).as_slice()).unwrap()
    }

    #[test]
    fn equal_words_have_equal_masks_of_their_shape_and_others_have_others() {
        let mask = Mask::new(7, "order/1");
        let (one, same, other) = (address("Ada Byron"), address("ADA byron"), address("Bob Byron"));
        let (one, same, other) = (masked(&mask, &one), masked(&mask, &same), masked(&mask, &other));
        assert_eq!(one.name.to_lowercase(), same.name.to_lowercase());
        assert_ne!(one.name, other.name);
        assert_ne!(one.name, "Ada Byron");
        assert_eq!(one.name.find(' '), Some(3));
        assert!(one.phone.starts_with('+') && one.phone != "+44 113");
        assert_eq!(one.city, "Leeds", "what the contract does not call personal stays");
    }

    #[test]
    fn masks_of_another_salt_are_others() {
        let ada = address("Ada Byron");
        assert_ne!(masked(&Mask::new(7, "order/1"), &ada).name, masked(&Mask::new(8, "order/1"), &ada).name);
    }

    #[test]
    fn a_word_that_is_personal_somewhere_is_masked_in_free_text_as_well() {
        let mut mask = Mask::new(7, "order/1");
        let buyer = Buyer { email: "ada@example.org".into(), ..Buyer::default() }.encode_to_vec();
        mask.learn_message("retail.orders.v1.Buyer", &buyer);
        let said = mask.text("nobody knows ada@example.org here");
        assert!(said.starts_with("nobody knows ") && said.ends_with(" here") && !said.contains("ada@"), "{said}");
    }

    #[test]
    fn a_name_that_is_a_word_of_ours_is_masked_where_it_is_a_name_and_nowhere_else() {
        let mut mask = Mask::new(7, "order/1");
        let buyer = Buyer { last_name: "Customer".into(), ..Buyer::default() }.encode_to_vec();
        mask.learn_message("retail.orders.v1.Buyer", &buyer);
        assert_ne!(mask.message("retail.orders.v1.Buyer", &buyer), buyer);
        let written = serde_json::json!({"Customer": "Customer is told"});
        assert_eq!(mask.written(&written), written);
    }

    #[test]
    fn documents_say_by_path_what_is_personal() {
        let mask = Mask::new(7, "order/1");
        // The address of a document whose third field is its shipment, whose first field is an address.
        let inner = address("Ada Byron").encode_to_vec();
        let shipment = [&[0x0a, u8::try_from(inner.len()).unwrap()], inner.as_slice()].concat();
        let doc = [&[0x1a, u8::try_from(shipment.len()).unwrap()], shipment.as_slice()].concat();
        let masked = mask.document(&doc, &[Personal::message(&[3, 1], ADDRESS)]);
        let found = Address::decode(masked.get(4..).unwrap()).unwrap();
        assert!(found.name != "Ada Byron" && found.city == "Leeds");
        assert_eq!(mask.document(&doc, &[Personal::text(&[4])]), doc, "another path is nowhere");
    }
}
