//! What an edit means to a line that several places ship: whoever names the line as it was ordered means all of its parts.

use super::Asked;
use crate::fault::Error;
use crate::record::{Line, Order};

impl Order {
    /// The quantity that is asked for of a line, millionths, and the place of the wish in the request; none when it stays.
    pub(super) fn wished(&self, asked: &Asked, line: &Line) -> Result<Option<(i64, usize)>, Error> {
        let of = |wanted: i32| {
            let mut wishes = asked.quantities.iter().zip(0_usize..);
            wishes
                .find(|((number, _), _)| *number == wanted)
                .map(|((_, quantity), field)| (quantity.millionths(), field))
        };
        let whole = line.ordered_as();
        if self.parts_of(whole).nth(1).is_none() {
            return Ok(of(line.number));
        }
        let own = of(line.number).filter(|_| line.split_from != 0);
        match (of(whole), own) {
            (Some(_), Some((_, field))) => {
                let words = format!("line {} is a part of line {whole}; name one of both", line.number);
                Err(self.not_edited(&format!("quantities[{field}].line_number"), &words))
            }
            (Some((wanted, field)), None) => Ok(Some((self.part_when(line, wanted), field))),
            (None, own) => Ok(own),
        }
    }
}
