//! JSON to protobuf's wire and back in one pass over the bytes: no message objects, no JSON tree.

mod calendar;
mod decode;
mod encode;
mod json;
mod misfit;
mod schema;
mod seen;
mod wire;

pub use decode::{decode, decode_field};
pub(crate) use encode::encode_text;
pub use encode::{encode, encode_field};
pub use misfit::Misfit;
pub use schema::{MessageId, Schema, SchemaError};
pub use wire::Broken;
pub(crate) use {
    schema::{Docs, Field, Kind, Many, Shape},
    wire::{LEN, close, open, put_bytes, put_tag, text_of},
};
