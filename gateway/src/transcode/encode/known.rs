//! The well-known types whose JSON is not an object of their fields.

use std::collections::HashSet;

use super::Encoder;
use crate::transcode::calendar::{Moment, read_duration, read_timestamp};
use crate::transcode::misfit::Misfit;
use crate::transcode::schema::{Kind, MessageId, Shape};
use crate::transcode::wire::{FIXED64, LEN, VARINT, close, open, put_bytes, put_tag, put_varint};

impl Encoder<'_, '_, '_> {
    /// The content of a well-known message from plain text: JSON strings, path and query parameters.
    pub(super) fn known_text(&mut self, id: MessageId, text: &str) -> Result<(), Misfit> {
        let message = self.schema.message(id);
        match message.shape {
            Shape::Timestamp => {
                let wanted = "must be a time as in RFC 3339, for example 2024-05-01T12:00:00Z";
                self.put_moment(read_timestamp(text).ok_or_else(|| Misfit::new(wanted))?);
                Ok(())
            }
            Shape::Duration => {
                let wanted = "must be a duration in seconds, for example 1.5s";
                self.put_moment(read_duration(text).ok_or_else(|| Misfit::new(wanted))?);
                Ok(())
            }
            Shape::FieldMask => self.field_mask(text),
            Shape::Wrapper => {
                let kind = message.fields.first().map_or(Kind::String, |field| field.kind);
                put_tag(self.out, 1, kind.wire_type());
                self.text(kind, text)
            }
            Shape::Plain | Shape::Struct | Shape::Value | Shape::ListValue | Shape::Any => {
                Err(Misfit::new("is a message; name one of its fields, as in `field.part`"))
            }
        }
    }

    fn put_moment(&mut self, moment: Moment) {
        if moment.seconds != 0 {
            put_tag(self.out, 1, VARINT);
            put_varint(self.out, moment.seconds.cast_unsigned());
        }
        if moment.nanos != 0 {
            put_tag(self.out, 2, VARINT);
            put_varint(self.out, i64::from(moment.nanos).cast_unsigned());
        }
    }

    /// `a,bC.dE` becomes the paths `a` and `b_c.d_e`; proto names are taken as they are.
    fn field_mask(&mut self, text: &str) -> Result<(), Misfit> {
        for path in text.split(',').filter(|_| !text.is_empty()) {
            let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
            if path.is_empty() || !path.bytes().all(good) {
                return Err(Misfit::new("must be names of fields separated by commas"));
            }
            let mut snake = String::with_capacity(path.len() + 4);
            for letter in path.chars() {
                if letter.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            put_bytes(self.out, 1, snake.as_bytes());
        }
        Ok(())
    }

    pub(super) fn wrapper(&mut self, id: MessageId) -> Result<(), Misfit> {
        let kind = self.schema.message(id).fields.first().map_or(Kind::String, |field| field.kind);
        put_tag(self.out, 1, kind.wire_type());
        self.scalar(kind)
    }

    /// `google.protobuf.Struct`: a map of values.
    pub(super) fn structure(&mut self) -> Result<(), Misfit> {
        self.enter(b'{', "an object")?;
        let mut keys = HashSet::new();
        let mut first = true;
        while self.json.more(&mut first, b'}')? {
            let key = self.json.key()?;
            put_tag(self.out, 1, LEN);
            let start = open(self.out);
            put_bytes(self.out, 1, key.as_bytes());
            put_tag(self.out, 2, LEN);
            let inner = open(self.out);
            self.value().map_err(|misfit| misfit.in_key(&key))?;
            close(self.out, inner);
            close(self.out, start);
            if !keys.insert(key.clone()) {
                return Err(Misfit::new("is given twice").in_key(&key));
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// `google.protobuf.ListValue`.
    pub(super) fn list_value(&mut self) -> Result<(), Misfit> {
        self.enter(b'[', "a list")?;
        let (mut first, mut index) = (true, 0_usize);
        while self.json.more(&mut first, b']')? {
            put_tag(self.out, 1, LEN);
            let start = open(self.out);
            self.value().map_err(|misfit| misfit.in_element(index))?;
            close(self.out, start);
            index += 1;
        }
        self.depth -= 1;
        Ok(())
    }

    /// `google.protobuf.Value`: whatever stands here.
    pub(super) fn value(&mut self) -> Result<(), Misfit> {
        match self.json.peek() {
            Some(b'n') => {
                self.json.word("null")?;
                put_tag(self.out, 1, VARINT);
                self.out.push(0);
                Ok(())
            }
            Some(b'"') => {
                put_tag(self.out, 3, LEN);
                self.scalar(Kind::String)
            }
            Some(b't' | b'f') => {
                put_tag(self.out, 4, VARINT);
                self.scalar(Kind::Bool)
            }
            Some(b'{') => {
                put_tag(self.out, 5, LEN);
                let start = open(self.out);
                self.structure()?;
                close(self.out, start);
                Ok(())
            }
            Some(b'[') => {
                put_tag(self.out, 6, LEN);
                let start = open(self.out);
                self.list_value()?;
                close(self.out, start);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                put_tag(self.out, 2, FIXED64);
                self.scalar(Kind::Double)
            }
            Some(_) | None => Err(self.wrong("a value")),
        }
    }
}
