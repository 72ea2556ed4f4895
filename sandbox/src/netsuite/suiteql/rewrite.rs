//! SuiteQL words turned into SQLite's.

use super::super::tables::TABLES;

/// Only one SELECT over the vendor's tables comes through; the rest is refused with a cause.
pub(super) fn sql(query: &str) -> Result<String, String> {
    let tokens = tokens(query)?;
    let word = |place: usize| tokens.get(place).map(|token| token.to_lowercase()).unwrap_or_default();
    if !["select", "with"].contains(&word(0).as_str()) {
        return Err("Only SELECT is allowed.".to_owned());
    }
    let named = |name: &str| tokens.windows(2).any(|pair| pair == [name, "AS"] || pair == [name, "as"]);
    let mut out: Vec<String> = Vec::with_capacity(tokens.len());
    let mut place = 0;
    while let Some(token) = tokens.get(place) {
        let lower = word(place);
        let qualified = place > 0 && tokens.get(place - 1).is_some_and(|before| before == ".");
        let from = place > 0 && ["from", "join"].contains(&word(place - 1).as_str());
        if from && token != "(" && !TABLES.contains(&lower.as_str()) && !named(token) {
            return Err(format!("Record '{token}' was not found."));
        }
        match lower.as_str() {
            ";" => return Err("Unexpected ';'.".to_owned()),
            "limit" if !qualified => return Err("Unexpected 'LIMIT'.".to_owned()),
            "rownum" => return Err("ROWNUM is not served by this sandbox.".to_owned()),
            "transaction" => out.push("\"transaction\"".to_owned()),
            "to_date" => out.push("ns_to_date".to_owned()),
            "to_char" => out.push("ns_to_char".to_owned()),
            "nvl" => out.push("ifnull".to_owned()),
            "fetch" if word(place + 3) == "rows" && word(place + 4) == "only" => {
                out.push(format!("LIMIT {}", word(place + 2)));
                place += 4;
            }
            "builtin" if word(place + 2) == "df" => {
                let inner: Vec<String> =
                    tokens.iter().skip(place + 4).take_while(|token| *token != ")").cloned().collect();
                out.push(match inner.as_slice() {
                    [column] => format!("df_{column}"),
                    [table, dot, column] if dot == "." => {
                        let table = if table.eq_ignore_ascii_case("transaction") { "\"transaction\"" } else { table };
                        format!("{table}.df_{column}")
                    }
                    _ => return Err("BUILTIN.DF takes one column.".to_owned()),
                });
                place += 4 + inner.len();
            }
            _ if ["ns_", "sqlite_", "pragma_", "json_", "df_"].iter().any(|own| lower.starts_with(own)) => {
                return Err(format!("Field '{token}' was not found."));
            }
            _ => out.push(token.clone()),
        }
        place += 1;
    }
    Ok(out.join(" "))
}

/// The property name of a column: lower case, `exprN` for what has no name, none for the twin's own columns.
pub(super) fn key(place: usize, name: &str) -> Option<String> {
    let plain = !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !plain || name.starts_with("df_") {
        return Some(format!("expr{}", place + 1));
    }
    Some(name.to_lowercase())
}

fn tokens(query: &str) -> Result<Vec<String>, String> {
    let mut tokens = Vec::new();
    let mut letters = query.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        let mut token = String::from(letter);
        if letter == '\'' || letter == '"' {
            loop {
                let next = letters.next().ok_or("Unterminated text.")?;
                token.push(next);
                if next == letter {
                    match letters.next_if_eq(&letter) {
                        Some(doubled) => token.push(doubled),
                        None => break,
                    }
                }
            }
        } else if letter.is_alphanumeric() || letter == '_' {
            while let Some(next) = letters.next_if(|next| next.is_alphanumeric() || *next == '_') {
                token.push(next);
            }
            if token.chars().all(|digit| digit.is_ascii_digit())
                && let Some(dot) = letters.next_if_eq(&'.')
            {
                token.push(dot);
                while let Some(next) = letters.next_if(char::is_ascii_digit) {
                    token.push(next);
                }
            }
        } else if ['<', '>', '!', '|', '-', '/'].contains(&letter)
            && let Some(next) = letters.next_if(|next| ['=', '>', '|', '-', '*'].contains(next))
        {
            token.push(next);
            if token == "--" || token == "/*" {
                return Err("Comments are not served by this sandbox.".to_owned());
            }
        }
        tokens.push(token);
    }
    Ok(tokens)
}
