//! The transcoder against prost-reflect on one order of 20 lines, in the same run: `cargo bench -p retail-gateway`.

use std::io::Write as _;
use std::time::Duration;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use retail_gateway::{Schema, decode, encode};
use retail_runtime::Clock;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MESSAGE: &str = "retail.orders.v1.PlaceOrderRequest";
const ROUNDS: u32 = 2_000;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let pool = DescriptorPool::decode(retail_proto::DESCRIPTORS)?;
    let schema = Schema::new(&pool)?;
    let (Some(id), Some(descriptor)) = (schema.message_named(MESSAGE), pool.get_message_by_name(MESSAGE)) else {
        return Err("the contracts have no orders".into());
    };
    let json = order();
    let mut wire = Vec::new();
    encode(&schema, id, &json, &mut wire)?;
    let theirs = |json: &str| -> Result<Vec<u8>, Failure> {
        let mut reader = serde_json::Deserializer::from_str(json);
        Ok(DynamicMessage::deserialize(descriptor.clone(), &mut reader)?.encode_to_vec())
    };
    // We write zeros that the caller wrote and prost-reflect drops them, so both are read and written once more.
    if DynamicMessage::decode(descriptor.clone(), wire.as_slice())?.encoded_len() != theirs(&json)?.len() {
        return Err("the two transcoders disagree".into());
    }
    let into = pair(
        || {
            let mut out = Vec::with_capacity(json.len());
            encode(&schema, id, &json, &mut out)?;
            Ok(out.len())
        },
        || Ok(theirs(&json)?.len()),
    )?;
    let from = pair(
        || {
            let mut out = Vec::with_capacity(json.len());
            decode(&schema, id, &wire, &mut out)?;
            Ok(out.len())
        },
        || {
            let message = DynamicMessage::decode(descriptor.clone(), wire.as_slice())?;
            Ok(serde_json::to_vec(&message)?.len())
        },
    )?;
    let mut out = std::io::stdout();
    writeln!(out, "{} bytes of JSON, {} bytes of protobuf, {ROUNDS} rounds", json.len(), wire.len())?;
    for (name, (ours, theirs)) in [("JSON to wire", into), ("wire to JSON", from)] {
        let percent = theirs.as_nanos() * 100 / ours.as_nanos().max(1);
        let (ours, theirs) = (ours / ROUNDS, theirs / ROUNDS);
        writeln!(
            out,
            "{name}: ours {ours:?}, prost-reflect {theirs:?}, {}.{:02} times faster",
            percent / 100,
            percent % 100
        )?;
    }
    Ok(())
}

/// The time of both, in turns of a tenth, so that a noisy neighbour hits both.
fn pair(
    mut ours: impl FnMut() -> Result<usize, Failure>,
    mut theirs: impl FnMut() -> Result<usize, Failure>,
) -> Result<(Duration, Duration), Failure> {
    let clock = Clock::system();
    let mut sums = (Duration::ZERO, Duration::ZERO);
    for _ in 0..10 {
        let start = clock.monotonic();
        for _ in 0..ROUNDS / 10 {
            std::hint::black_box(ours()?);
        }
        let middle = clock.monotonic();
        for _ in 0..ROUNDS / 10 {
            std::hint::black_box(theirs()?);
        }
        sums = (sums.0 + (middle - start), sums.1 + (clock.monotonic() - middle));
    }
    Ok(sums)
}

fn order() -> String {
    let line = r#"{"kind":"LINE_KIND_GOODS","sku":"85123A","description":"WHITE HANGING HEART T-LIGHT HOLDER","quantity":"6",
        "unitPrice":"2.55","discount":{"minorUnits":"0","currency":"GBP"},"channelLineId":"gid://shopify/LineItem/1",
        "taxes":[{"title":"VAT","rate":"0.2","amount":{"minorUnits":"306","currency":"GBP"},"included":true}],
        "attributes":{"gift":"no","note":"caf\u00e9"}}"#;
    let lines = vec![line; 20].join(",");
    format!(
        r##"{{"idempotencyKey":"k-1","capture":"CAPTURE_FACT","channel":"shopify-uk","channelOrderId":"536365",
        "orderNumber":"#536365","placedAt":"2024-12-01T08:26:00Z","currency":"GBP","lines":[{lines}],
        "total":{{"minorUnits":"36720","currency":"GBP"}},"taxesIncluded":true}}"##
    )
}
