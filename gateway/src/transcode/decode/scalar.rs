//! Scalars as ProtoJSON spells them: 64-bit integers as strings, bytes in base64, enums by name.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Decoder, Halt};
use crate::transcode::json::put_string;
use crate::transcode::schema::Kind;
use crate::transcode::wire::{Broken, Value};

impl Decoder<'_, '_> {
    pub(super) fn scalar(&mut self, kind: Kind, value: Value<'_>) -> Result<(), Broken> {
        let written = match (kind, value) {
            (Kind::String, Value::Bytes(bytes)) => {
                put_string(self.out, std::str::from_utf8(bytes).map_err(|_| Broken)?);
                Ok(())
            }
            (Kind::Bytes, Value::Bytes(bytes)) => {
                write!(self.out, "\"{}\"", STANDARD.encode(bytes))
            }
            (Kind::Bool, Value::Varint(number)) => {
                self.out.extend_from_slice(if number == 0 { b"false" } else { b"true" });
                Ok(())
            }
            (Kind::Enum(id), Value::Varint(number)) => {
                let (number, known) = (signed(number), self.schema.enumeration(id));
                if known.null {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                match known.quoted(number) {
                    Some(name) => {
                        self.out.extend_from_slice(name);
                        Ok(())
                    }
                    None => write!(self.out, "{number}"),
                }
            }
            (Kind::Int32, Value::Varint(number)) => write!(self.out, "{}", signed(number)),
            (Kind::Uint32, Value::Varint(number)) => write!(self.out, "{}", low(number)),
            (Kind::Sint32, Value::Varint(number)) => {
                write!(self.out, "{}", signed(unzigzag(u64::from(low(number))).cast_unsigned()))
            }
            (Kind::Int64, Value::Varint(number)) => write!(self.out, "\"{}\"", number.cast_signed()),
            (Kind::Uint64, Value::Varint(number)) => write!(self.out, "\"{number}\""),
            (Kind::Sint64, Value::Varint(number)) => write!(self.out, "\"{}\"", unzigzag(number)),
            (Kind::Fixed32, Value::Fixed32(number)) => write!(self.out, "{number}"),
            (Kind::Sfixed32, Value::Fixed32(number)) => write!(self.out, "{}", number.cast_signed()),
            (Kind::Fixed64, Value::Fixed64(number)) => write!(self.out, "\"{number}\""),
            (Kind::Sfixed64, Value::Fixed64(number)) => write!(self.out, "\"{}\"", number.cast_signed()),
            (Kind::Double, Value::Fixed64(bits)) => {
                let number = f64::from_bits(bits);
                if number.is_finite() { write!(self.out, "{number:?}") } else { self.special(number) }
            }
            (Kind::Float, Value::Fixed32(bits)) => {
                let number = f32::from_bits(bits);
                if number.is_finite() { write!(self.out, "{number:?}") } else { self.special(f64::from(number)) }
            }
            (_, Value::Varint(_) | Value::Fixed32(_) | Value::Fixed64(_) | Value::Bytes(_)) => return Err(Broken),
        };
        written.map_err(|_| Broken)
    }

    fn special(&mut self, number: f64) -> std::io::Result<()> {
        let word = match (number.is_nan(), number.is_sign_negative()) {
            (true, _) => "\"NaN\"",
            (false, false) => "\"Infinity\"",
            (false, true) => "\"-Infinity\"",
        };
        self.out.write_all(word.as_bytes())
    }

    /// A map's key, which JSON wants as a string.
    pub(super) fn map_key(&mut self, kind: Kind, key: Value<'_>) -> Result<(), Halt> {
        let start = self.out.len();
        self.scalar(kind, key)?;
        if self.out.get(start) != Some(&b'"') {
            self.out.insert(start, b'"');
            self.out.push(b'"');
        }
        Ok(())
    }

    /// A value that is not on the wire.
    pub(super) fn default_of(&mut self, kind: Kind) -> Result<(), Halt> {
        if let Kind::Message(id) = kind {
            return self.message(id, &[]);
        }
        Ok(self.scalar(kind, zero(kind))?)
    }
}

/// The default of a scalar, as it would lie on the wire.
pub(super) fn zero(kind: Kind) -> Value<'static> {
    match kind {
        Kind::String | Kind::Bytes | Kind::Message(_) => Value::Bytes(&[]),
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Value::Fixed64(0),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Value::Fixed32(0),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Sint32 => Value::Varint(0),
        Kind::Sint64 | Kind::Bool | Kind::Enum(_) => Value::Varint(0),
    }
}

/// True for a value that a field without presence does not tell from absence.
pub(super) fn is_default(kind: Kind, value: Value<'_>) -> bool {
    match (kind, value) {
        (Kind::Message(_), _) => false,
        (Kind::Int32 | Kind::Uint32 | Kind::Sint32 | Kind::Enum(_), Value::Varint(number)) => low(number) == 0,
        (_, Value::Varint(number) | Value::Fixed64(number)) => number == 0,
        (_, Value::Fixed32(number)) => number == 0,
        (_, Value::Bytes(bytes)) => bytes.is_empty() && kind.wire_type() == crate::transcode::wire::LEN,
    }
}

/// A key spelt one way only, so that two spellings of it are one key.
pub(super) fn normal_key(kind: Kind, key: Value<'_>) -> Result<Value<'_>, Broken> {
    Ok(match (kind, key) {
        (Kind::Bool, Value::Varint(number)) => Value::Varint(u64::from(number != 0)),
        (Kind::Int32 | Kind::Uint32 | Kind::Sint32, Value::Varint(number)) => Value::Varint(u64::from(low(number))),
        (_, key) => key,
    })
}

/// The lower half: 32-bit values written with more bits are cut, as every protobuf library does.
fn low(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

fn signed(number: u64) -> i32 {
    low(number).cast_signed()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
