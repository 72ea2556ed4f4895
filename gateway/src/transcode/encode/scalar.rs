//! Scalars: from a JSON token, and from plain text (map keys, quoted numbers, path and query parameters).

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Encoder;
use crate::transcode::json::number_prefix;
use crate::transcode::misfit::Misfit;
use crate::transcode::schema::{EnumId, Kind};
use crate::transcode::wire::{put_length, put_varint};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// More digits than this in a number are a mistake or an attack.
const NUMBER_LENGTH: usize = 512;

impl Encoder<'_, '_, '_> {
    /// A scalar's payload from the next JSON token.
    pub(super) fn scalar(&mut self, kind: Kind) -> Result<(), Misfit> {
        match kind {
            Kind::String => {
                if self.json.peek() != Some(b'"') {
                    return Err(self.wrong("a string"));
                }
                let text = self.json.string()?;
                put_length(self.out, text.len());
                self.out.extend_from_slice(text.as_bytes());
                Ok(())
            }
            Kind::Bytes => {
                if self.json.peek() != Some(b'"') {
                    return Err(self.wrong("a string in base64"));
                }
                let text = self.json.string()?;
                self.text(kind, &text)
            }
            Kind::Bool => {
                let word = match self.json.peek() {
                    Some(b't') => "true",
                    Some(b'f') => "false",
                    Some(_) | None => return Err(self.wrong("true or false")),
                };
                self.json.word(word)?;
                self.text(kind, word)
            }
            Kind::Enum(id) => self.enumeration(id),
            Kind::Double | Kind::Float => self.quoted_or_bare(kind),
            Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 | Kind::Sint32 | Kind::Sint64 => {
                self.quoted_or_bare(kind)
            }
            Kind::Fixed32 | Kind::Fixed64 | Kind::Sfixed32 | Kind::Sfixed64 => self.quoted_or_bare(kind),
            Kind::Message(_) => Err(Misfit::new("must be an object")),
        }
    }

    fn quoted_or_bare(&mut self, kind: Kind) -> Result<(), Misfit> {
        match self.json.peek() {
            Some(b'"') => {
                let text = self.json.string()?;
                self.text(kind, &text)
            }
            Some(b'-' | b'0'..=b'9') => {
                let text = self.json.number()?;
                self.text(kind, text)
            }
            Some(_) | None => Err(self.wrong("a number")),
        }
    }

    fn enumeration(&mut self, id: EnumId) -> Result<(), Misfit> {
        match self.json.peek() {
            Some(b'"') => {
                let name = self.json.string()?;
                let Some(number) = self.schema.enumeration(id).number(&name) else {
                    return Err(self.no_such_name(id));
                };
                self.put_i32(number);
                Ok(())
            }
            Some(b'n') if self.schema.enumeration(id).null => {
                self.json.word("null")?;
                self.put_i32(0);
                Ok(())
            }
            Some(b'-' | b'0'..=b'9') => {
                let text = self.json.number()?;
                self.text(Kind::Enum(id), text)
            }
            Some(_) | None => Err(self.wrong("a name as a string, or its number")),
        }
    }

    /// A scalar's payload from plain text.
    pub(super) fn text(&mut self, kind: Kind, text: &str) -> Result<(), Misfit> {
        match kind {
            Kind::String => {
                put_length(self.out, text.len());
                self.out.extend_from_slice(text.as_bytes());
            }
            Kind::Bytes => {
                let engine = if text.contains(['-', '_']) { &SAFE } else { &PLAIN };
                let bytes = engine.decode(text).map_err(|_| Misfit::new("must be base64"))?;
                put_length(self.out, bytes.len());
                self.out.extend_from_slice(&bytes);
            }
            Kind::Bool => match text {
                "true" => self.out.push(1),
                "false" => self.out.push(0),
                _ => return Err(Misfit::new("must be true or false")),
            },
            Kind::Enum(id) => {
                let known = self.schema.enumeration(id);
                let number = match known.number(text) {
                    Some(number) => number,
                    None if number_prefix(text.as_bytes()).is_some() => integer::<i32>(text)?,
                    None => return Err(self.no_such_name(id)),
                };
                if known.closed && known.quoted(number).is_none() {
                    return Err(self.no_such_name(id));
                }
                self.put_i32(number);
            }
            Kind::Double => {
                let number: f64 = float(text)?;
                self.out.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Float => {
                let number: f32 = float(text)?;
                self.out.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Int32 => self.put_i32(integer::<i32>(text)?),
            Kind::Int64 => put_varint(self.out, integer::<i64>(text)?.cast_unsigned()),
            Kind::Uint32 => put_varint(self.out, u64::from(integer::<u32>(text)?)),
            Kind::Uint64 => put_varint(self.out, integer::<u64>(text)?),
            Kind::Sint32 => put_varint(self.out, zigzag(i64::from(integer::<i32>(text)?))),
            Kind::Sint64 => put_varint(self.out, zigzag(integer::<i64>(text)?)),
            Kind::Fixed32 => self.out.extend_from_slice(&integer::<u32>(text)?.to_le_bytes()),
            Kind::Fixed64 => self.out.extend_from_slice(&integer::<u64>(text)?.to_le_bytes()),
            Kind::Sfixed32 => self.out.extend_from_slice(&integer::<i32>(text)?.to_le_bytes()),
            Kind::Sfixed64 => self.out.extend_from_slice(&integer::<i64>(text)?.to_le_bytes()),
            Kind::Message(_) => return Err(Misfit::new("must be an object")),
        }
        Ok(())
    }

    fn put_i32(&mut self, number: i32) {
        put_varint(self.out, i64::from(number).cast_unsigned());
    }

    fn no_such_name(&self, id: EnumId) -> Misfit {
        let names = &self.schema.enumeration(id).names;
        let shown = names.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = if names.len() > 20 { ", ..." } else { "" };
        Misfit::new(format!("must be one of {shown}{more}"))
    }
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// A whole number: `12`, and also `12.0` and `1.2e1`, which JSON writers may produce for the same number.
fn integer<N: TryFrom<i128> + std::str::FromStr>(text: &str) -> Result<N, Misfit> {
    if number_prefix(text.as_bytes()) != Some(text.len()) || text.len() > NUMBER_LENGTH {
        return Err(Misfit::new("must be a whole number"));
    }
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let whole = whole_part(text).ok_or_else(|| Misfit::new("must be a whole number in range"))?;
    N::try_from(whole).map_err(|_| Misfit::new("must be a whole number in range"))
}

/// The exact value of a number with a point or an exponent, when it is whole and not huge.
fn whole_part(text: &str) -> Option<i128> {
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, places) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let places = places.trim_end_matches('0');
    let digits = format!("{whole}{places}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    let shift = exponent.parse::<i64>().ok()?.checked_sub(i64::try_from(places.len()).ok()?)?;
    let kept = digits.trim_end_matches('0');
    let shift = shift.checked_add(i64::try_from(digits.len() - kept.len()).ok()?)?;
    let shift = u32::try_from(shift).ok().filter(|shift| *shift < 30)?;
    kept.parse::<i128>().ok()?.checked_mul(10_i128.checked_pow(shift)?)?.checked_mul(sign)
}

/// A number with a fraction, or one of the three that JSON cannot write.
fn float<F: std::str::FromStr + Copy + Into<f64>>(text: &str) -> Result<F, Misfit> {
    let special = matches!(text, "NaN" | "Infinity" | "-Infinity");
    if !special && (number_prefix(text.as_bytes()) != Some(text.len()) || text.len() > NUMBER_LENGTH) {
        return Err(Misfit::new("must be a number"));
    }
    let number: F = text.parse().map_err(|_| Misfit::new("must be a number"))?;
    if !special && !number.into().is_finite() {
        return Err(Misfit::new("must be a number in range"));
    }
    Ok(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_be_spelt_with_point_or_exponent() {
        for text in ["1200", "1200.0", "1.2e3", "12E2", "120000e-2", "1200.000"] {
            assert_eq!(integer::<i32>(text), Ok(1200), "{text}");
        }
        assert_eq!(integer::<i64>("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(integer::<u64>("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(integer::<i32>("-0"), Ok(0));
    }

    #[test]
    fn a_number_that_is_not_whole_or_does_not_fit_is_refused() {
        for text in ["1.5", "1e-1", "2147483648", "1e400", "", " 1", "1 ", "0x1", "+1", "007"] {
            assert!(integer::<i32>(text).is_err(), "{text}");
        }
        assert!(integer::<u32>("-1").is_err());
        for text in ["1e400", "-1e400", "inf", "nan", "infinity", "1_0"] {
            assert!(float::<f64>(text).is_err(), "{text}");
        }
        assert!(float::<f32>("1e39").is_err());
    }
}
