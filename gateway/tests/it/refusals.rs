//! What the transcoder refuses, and how it says so; what it accepts in more than one spelling.

use retail_gateway::decode_field;

use crate::kinds::{SCHEMA, everything_id, to_json, to_wire};

fn refusal(json: &str) -> String {
    to_wire(json).unwrap_err().to_string()
}

#[test]
fn an_unknown_field_is_named_with_its_place() {
    assert_eq!(refusal(r#"{"inner":{"strinks":1}}"#), "inner.strinks: is not a field of this message");
}

#[test]
fn a_wrong_type_says_what_is_wanted_and_what_came() {
    assert_eq!(refusal(r#"{"inners":[{},{"aString":7}]}"#), "inners[1].aString: must be a string, not a number");
    assert_eq!(refusal(r#"{"aBool":"true"}"#), "aBool: must be true or false, not a string");
    assert_eq!(refusal(r#"{"ints":{}}"#), "ints: must be a list, not an object");
    assert_eq!(refusal("[]"), "must be an object, not a list");
    assert_eq!(refusal(r#"{"at":"yesterday"}"#), "at: must be a time as in RFC 3339, for example 2024-05-01T12:00:00Z");
}

#[test]
fn a_number_that_does_not_fit_is_refused_in_the_callers_words() {
    assert_eq!(refusal(r#"{"ints":[1,2147483648]}"#), "ints[1]: must be a whole number in range");
    assert_eq!(refusal(r#"{"aUint32":-1}"#), "aUint32: must be a whole number in range");
    assert_eq!(refusal(r#"{"anInt64":"12a"}"#), "anInt64: must be a whole number");
    assert_eq!(refusal(r#"{"aFloat":1e39}"#), "aFloat: must be a number in range");
}

#[test]
fn a_field_given_twice_is_refused_under_either_of_its_names() {
    assert_eq!(refusal(r#"{"aString":"x","a_string":"y"}"#), "a_string: is given twice");
    assert_eq!(refusal(r#"{"words":{"a":"1","a":"2"}}"#), "words[\"a\"]: is given twice");
    assert_eq!(refusal(r#"{"free":{"a":1,"a":2}}"#), "free[\"a\"]: is given twice");
}

#[test]
fn two_members_of_a_oneof_are_refused() {
    let said = "choiceNumber: excludes another field that is given as well; give one of them";
    assert_eq!(refusal(r#"{"choiceText":"x","choiceNumber":"1"}"#), said);
    assert!(to_wire(r#"{"choiceText":null,"choiceNumber":"1"}"#).is_ok());
}

#[test]
fn a_word_that_an_enum_does_not_have_names_those_it_has() {
    let said = "colour: must be one of COLOUR_UNSPECIFIED, COLOUR_RED, COLOUR_BLUE, COLOUR_INFRA";
    assert_eq!(refusal(r#"{"colour":"GREEN"}"#), said);
}

#[test]
fn an_enum_is_taken_by_name_and_by_number() {
    let by_name = to_wire(r#"{"colour":"COLOUR_BLUE","colours":["COLOUR_INFRA"]}"#).unwrap();
    assert_eq!(by_name, to_wire(r#"{"colour":2,"colours":[-1]}"#).unwrap());
    assert_eq!(to_json(&to_wire(r#"{"colour":99}"#).unwrap()).unwrap(), r#"{"colour":99}"#);
}

#[test]
fn a_text_deeper_than_64_levels_is_refused() {
    let nested = |levels: usize| format!("{}{{}}{}", r#"{"inner":"#.repeat(levels - 1), "}".repeat(levels - 1));
    assert!(to_wire(&nested(64)).is_ok());
    assert!(refusal(&nested(65)).ends_with("is deeper than 64 levels"));
    let free = format!(r#"{{"anyValue":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(refusal(&free).ends_with("is deeper than 64 levels"));
}

#[test]
fn text_that_is_not_json_says_where() {
    assert_eq!(
        refusal(r#"{"aString":"x""#),
        "is not valid JSON: the text ends at byte 14 where `,` or `}` should stand"
    );
    assert_eq!(refusal(r#"{"ints":[1,]}"#), "ints: is not valid JSON: another value after `,` should stand at byte 11");
    assert_eq!(refusal("{} x"), "is not valid JSON: the end should stand at byte 3");
}

#[test]
fn a_null_in_a_list_or_map_is_refused_and_elsewhere_means_absent() {
    assert_eq!(refusal(r#"{"strings":["a",null]}"#), "strings[1]: must not be null here; leave it out");
    assert_eq!(refusal(r#"{"words":{"a":null}}"#), "words[\"a\"]: must not be null here; leave it out");
    assert_eq!(to_wire(r#"{"aString":null,"inner":null,"words":null,"at":null,"maybeInt":null}"#).unwrap(), b"");
}

#[test]
fn both_base64_alphabets_are_read_with_and_without_padding() {
    let bytes = to_wire(r#"{"someBytes":"+/+/AA=="}"#).unwrap();
    for spelling in ["+/+/AA", "-_-_AA==", "-_-_AA"] {
        assert_eq!(to_wire(&format!(r#"{{"someBytes":"{spelling}"}}"#)).unwrap(), bytes, "{spelling}");
    }
    assert_eq!(refusal(r#"{"someBytes":"*"}"#), "someBytes: must be base64");
}

#[test]
fn numbers_that_json_cannot_write_travel_as_words() {
    let json = r#"{"aDouble":"NaN","aFloat":"-Infinity","doubles":["Infinity",1.5]}"#;
    assert_eq!(to_json(&to_wire(json).unwrap()).unwrap(), json);
}

#[test]
fn a_zero_that_was_said_on_purpose_is_kept() {
    let json = r#"{"maybeInt":0,"maybeString":"","maybeColour":"COLOUR_UNSPECIFIED","choiceNumber":"0"}"#;
    assert_eq!(to_json(&to_wire(json).unwrap()).unwrap(), json);
    assert_eq!(to_json(&to_wire(r#"{"anInt32":0,"aString":"","aBool":false,"ints":[]}"#).unwrap()).unwrap(), "{}");
}

#[test]
fn names_far_away_and_renamed_ones_are_found() {
    let json = r#"{"farAway":"x","otherName":"y"}"#;
    assert_eq!(to_json(&to_wire(json).unwrap()).unwrap(), json);
    assert_eq!(to_wire(r#"{"far_away":"x","renamed":"y"}"#).unwrap(), to_wire(json).unwrap());
}

#[test]
fn one_field_can_be_the_whole_answer() {
    let wire = to_wire(r#"{"inner":{"aString":"x"},"strings":["a","b"]}"#).unwrap();
    let alone = |number: usize| {
        let mut out = Vec::new();
        decode_field(&SCHEMA, everything_id(), number, &wire, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    assert_eq!(alone(16), r#"{"aString":"x"}"#);
    assert_eq!((alone(0), alone(13), alone(22)), ("0.0".into(), r#""""#.into(), "null".into()));
    assert_eq!(alone(29), r#"["a","b"]"#);
}

#[test]
fn a_message_nested_too_deep_is_refused_and_not_half_written() {
    let mut wire = Vec::new();
    for _ in 0..200 {
        let mut outer = vec![0x8a, 0x01];
        prost::encoding::encode_varint(wire.len() as u64, &mut outer);
        outer.extend(wire);
        wire = outer;
    }
    assert_eq!(to_json(&wire), None);
}
