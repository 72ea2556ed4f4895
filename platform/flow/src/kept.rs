//! How protobuf messages stand in what is written down for a replay: `retail.erp.v1.SalesOrder:` and base64. The name says
//! what it is, to people, to the mask and to whoever reads it again. For serde's `with`.

use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::{Message, Name};
use serde::de::Error as _;
use serde::{Deserialize as _, Deserializer, Serializer};

/// What stands for the name of a message of no contract.
pub(crate) const OWN: &str = "own";

/// The text of a message.
pub(crate) fn text(name: &str, bytes: &[u8]) -> String {
    format!("{name}:{}", STANDARD.encode(bytes))
}

/// Name and bytes of a text that was written by [`text`].
pub(crate) fn parts(text: &str) -> Option<(&str, Vec<u8>)> {
    let (name, bytes) = text.split_once(':')?;
    Some((name, STANDARD.decode(bytes).ok()?))
}

fn read<M: Message + Default>(name: &str, text: &str) -> Result<M, String> {
    let (found, bytes) = parts(text).ok_or("a message is not written as name:base64")?;
    if found != name {
        return Err(format!("a message is {found}, not {name}"));
    }
    M::decode(bytes.as_slice()).map_err(|error| format!("{name}: {error}"))
}

/// Writes a message of a contract.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<M: Message + Name, S: Serializer>(message: &M, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(&M::full_name(), &message.encode_to_vec()))
}

/// Reads a message of a contract.
///
/// # Errors
/// It is not written so, or is another message.
pub fn deserialize<'de, M: Message + Name + Default, D: Deserializer<'de>>(from: D) -> Result<M, D::Error> {
    read(&M::full_name(), &String::deserialize(from)?).map_err(D::Error::custom)
}

/// A message in a box.
pub mod boxed {
    use std::ops::Deref;

    use super::{Deserializer, Message, Name, Serializer, custom, read, text};
    use serde::Deserialize as _;

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<B, S: Serializer>(message: &B, to: S) -> Result<S::Ok, S::Error>
    where
        B: Deref,
        B::Target: Message + Name + Sized,
    {
        to.serialize_str(&text(&B::Target::full_name(), &message.encode_to_vec()))
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not written so, or is another message.
    pub fn deserialize<'de, M: Message + Name + Default, D: Deserializer<'de>>(from: D) -> Result<Box<M>, D::Error> {
        read(&M::full_name(), &String::deserialize(from)?).map(Box::new).map_err(custom)
    }
}

/// A message that may be absent.
pub mod maybe {
    use super::{Deserializer, Message, Name, Serializer, custom, read, text};
    use serde::{Deserialize as _, Serialize as _};

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<M: Message + Name, S: Serializer>(message: &Option<M>, to: S) -> Result<S::Ok, S::Error> {
        message.as_ref().map(|message| text(&M::full_name(), &message.encode_to_vec())).serialize(to)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not written so, or is another message.
    pub fn deserialize<'de, M: Message + Name + Default, D: Deserializer<'de>>(from: D) -> Result<Option<M>, D::Error> {
        let found = Option::<String>::deserialize(from)?;
        found.map(|found| read(&M::full_name(), &found)).transpose().map_err(custom)
    }
}

/// Messages, in order.
pub mod list {
    use super::{Deserializer, Message, Name, Serializer, custom, read, text};
    use serde::Deserialize as _;

    /// Writes them.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<M: Message + Name, S: Serializer>(messages: &[M], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(messages.iter().map(|message| text(&M::full_name(), &message.encode_to_vec())))
    }

    /// Reads them.
    ///
    /// # Errors
    /// One is not written so, or is another message.
    pub fn deserialize<'de, M: Message + Name + Default, D: Deserializer<'de>>(from: D) -> Result<Vec<M>, D::Error> {
        let found = Vec::<String>::deserialize(from)?;
        found.iter().map(|found| read(&M::full_name(), found)).collect::<Result<_, _>>().map_err(custom)
    }
}

/// A message of no contract: a document's part. It must not hold personal data; nobody could mask it.
pub mod own {
    use super::{Deserializer, Message, OWN, Serializer, custom, read, text};
    use serde::Deserialize as _;

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<M: Message, S: Serializer>(message: &M, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(OWN, &message.encode_to_vec()))
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not written so.
    pub fn deserialize<'de, M: Message + Default, D: Deserializer<'de>>(from: D) -> Result<M, D::Error> {
        read(OWN, &String::deserialize(from)?).map_err(custom)
    }
}

/// Messages of no contract, in order; as [`own`].
pub mod own_list {
    use super::{Deserializer, Message, OWN, Serializer, custom, read, text};
    use serde::Deserialize as _;

    /// Writes them.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<M: Message, S: Serializer>(messages: &[M], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(messages.iter().map(|message| text(OWN, &message.encode_to_vec())))
    }

    /// Reads them.
    ///
    /// # Errors
    /// One is not written so.
    pub fn deserialize<'de, M: Message + Default, D: Deserializer<'de>>(from: D) -> Result<Vec<M>, D::Error> {
        let found = Vec::<String>::deserialize(from)?;
        found.iter().map(|found| read(OWN, found)).collect::<Result<_, _>>().map_err(custom)
    }
}

/// A map whose keys are no texts, as a list of pairs.
pub mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes it.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    /// Reads it.
    ///
    /// # Errors
    /// It is not a list of pairs.
    pub fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

fn custom<E: serde::de::Error>(why: impl Display) -> E {
    E::custom(why)
}

#[cfg(test)]
mod tests {
    use retail_proto::types::v1::{Money, Ref};
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Brought {
        #[serde(with = "super::boxed")]
        paid: Box<Money>,
        #[serde(with = "super::maybe")]
        record: Option<Ref>,
        #[serde(with = "super::list")]
        others: Vec<Ref>,
    }

    #[test]
    fn what_is_written_down_is_read_again_and_says_what_it_is() {
        let paid = Box::new(Money { minor_units: 100, currency: "GBP".into() });
        let brought = Brought { paid, record: Some(Ref::default()), others: vec![Ref::default()] };
        let text = serde_json::to_string(&brought).unwrap();
        assert!(text.contains("retail.types.v1.Money:"), "{text}");
        assert_eq!(serde_json::from_str::<Brought>(&text).unwrap(), brought);
        let other = text.replace("retail.types.v1.Money", "retail.types.v1.Ref");
        assert!(serde_json::from_str::<Brought>(&other).is_err(), "another message is not taken for it");
    }
}
