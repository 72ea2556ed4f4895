//! The well-known types whose JSON is not an object of their fields.

use super::careful::sort;
use super::{Decoder, Halt};
use crate::transcode::calendar::{Moment, put_duration, put_timestamp};
use crate::transcode::json::put_string;
use crate::transcode::schema::{Kind, Message, Shape};
use crate::transcode::wire::{Reader, Value};

impl Decoder<'_, '_> {
    pub(super) fn moment(&mut self, shape: Shape, bytes: &[u8]) -> Result<(), Halt> {
        let mut moment = Moment::default();
        let mut reader = Reader::new(bytes);
        while let Some((number, value)) = reader.next()? {
            match number {
                1 => moment.seconds = value.varint()?.cast_signed(),
                2 => {
                    let [a, b, c, d, ..] = value.varint()?.to_le_bytes();
                    moment.nanos = i32::from_le_bytes([a, b, c, d]);
                }
                _ => {}
            }
        }
        self.out.push(b'"');
        let written =
            if shape == Shape::Timestamp { put_timestamp(self.out, moment) } else { put_duration(self.out, moment) };
        self.out.push(b'"');
        written.ok_or(Halt::Broken)
    }

    /// Paths in lowerCamelCase, joined by commas; a path that would not survive the way back is refused.
    pub(super) fn field_mask(&mut self, bytes: &[u8]) -> Result<(), Halt> {
        let mut text = String::new();
        let mut reader = Reader::new(bytes);
        while let Some((number, value)) = reader.next()? {
            if number != 1 {
                continue;
            }
            let path = std::str::from_utf8(value.bytes()?).map_err(|_| Halt::Broken)?;
            if !text.is_empty() {
                text.push(',');
            }
            let mut upper = false;
            for letter in path.chars() {
                match (upper, letter) {
                    (false, '_') => upper = true,
                    (true, 'a'..='z') => {
                        text.push(letter.to_ascii_uppercase());
                        upper = false;
                    }
                    (true, _) | (false, 'A'..='Z') => return Err(Halt::Broken),
                    (false, _) => text.push(letter),
                }
            }
            if upper {
                return Err(Halt::Broken);
            }
        }
        put_string(self.out, &text);
        Ok(())
    }

    pub(super) fn wrapper(&mut self, message: &Message, bytes: &[u8]) -> Result<(), Halt> {
        let kind = message.fields.first().ok_or(Halt::Broken)?.kind;
        let mut reader = Reader::new(bytes);
        let mut last = super::scalar::zero(kind);
        while let Some((number, value)) = reader.next()? {
            if number == 1 {
                last = value;
            }
        }
        Ok(self.scalar(kind, last)?)
    }

    /// `Struct` and `ListValue`: the content of their only field.
    pub(super) fn only_field(&mut self, message: &Message, bytes: &[u8]) -> Result<(), Halt> {
        let field = message.fields.first().ok_or(Halt::Broken)?;
        let values = sort(message, bytes)?.remove(&0).unwrap_or_default();
        self.content(field, &values)
    }

    /// `Value`: the content of the member that is there; null when there is none.
    pub(super) fn value(&mut self, message: &Message, bytes: &[u8]) -> Result<(), Halt> {
        let Some((index, values)) = sort(message, bytes)?.pop_last() else {
            self.out.extend_from_slice(b"null");
            return Ok(());
        };
        let field = message.fields.get(index).ok_or(Halt::Broken)?;
        if let (Kind::Double, [.., Value::Fixed64(bits)]) = (field.kind, values.as_slice())
            && !f64::from_bits(*bits).is_finite()
        {
            return Err(Halt::Broken);
        }
        self.content(field, &values)
    }
}
