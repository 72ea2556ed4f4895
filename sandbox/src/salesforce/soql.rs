//! SOQL, as much of it as this org understands; everything else is MALFORMED_QUERY, never an empty success.

mod tokens;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::fault::Problem;
use tokens::{Kind, Token};

/// A query.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) columns: Vec<Column>,
    pub(super) from: String,
    pub(super) alias: Option<String>,
    pub(super) condition: Option<Condition>,
    pub(super) order: Vec<Order>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
}

/// One thing to select.
#[derive(Debug, Clone)]
pub(super) enum Column {
    Path(Vec<String>),
    /// `COUNT()`: the answer is the total alone.
    CountAll,
    /// `COUNT(Id)` under its alias.
    Count(Vec<String>, Option<String>),
    Children(Box<Query>),
}

/// A filter.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Vec<String>, Operator, Literal),
    In(Vec<String>, bool, Vec<Literal>),
}

/// How two values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
}

/// A value written in a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Text(String),
    Number(Decimal),
    Moment(Timestamp),
    Day(Date),
    Today,
    LastDays(i64),
}

/// One sort key.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) path: Vec<String>,
    pub(super) descending: bool,
    pub(super) nulls_last: bool,
}

/// Reads a query.
pub(super) fn parse(text: &str) -> Result<Query, Problem> {
    let tokens = tokens::split(text).map_err(|at| malformed(text, at))?;
    let mut parser = Parser { text, tokens, next: 0 };
    let query = parser.query(true)?;
    if parser.next < parser.tokens.len() { Err(parser.unexpected()) } else { Ok(query) }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
}

impl Parser<'_> {
    fn query(&mut self, outermost: bool) -> Result<Query, Problem> {
        self.keyword("SELECT")?;
        let mut columns = vec![self.column(outermost)?];
        while self.sign(",") {
            columns.push(self.column(outermost)?);
        }
        let counts = columns.iter().any(|column| matches!(column, Column::CountAll | Column::Count(..)));
        if counts && columns.len() > 1 {
            // Grouped counts are not in this org's grammar.
            return Err(self.unexpected());
        }
        self.keyword("FROM")?;
        let from = self.name()?;
        let alias = self.alias();
        let condition = if self.word("WHERE") { Some(self.condition()?) } else { None };
        let mut order = Vec::new();
        if self.word("ORDER") {
            self.keyword("BY")?;
            order.push(self.order()?);
            while self.sign(",") {
                order.push(self.order()?);
            }
        }
        let limit = if self.word("LIMIT") { Some(self.number()?) } else { None };
        let offset = if self.word("OFFSET") { self.number()? } else { 0 };
        if offset > 2000 {
            return Err(Problem::bad("NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"));
        }
        Ok(Query { columns, from, alias, condition, order, limit, offset })
    }

    fn column(&mut self, outermost: bool) -> Result<Column, Problem> {
        if self.sign("(") {
            if !outermost {
                return Err(self.unexpected());
            }
            let children = self.query(false)?;
            self.close()?;
            return Ok(Column::Children(Box::new(children)));
        }
        if self.peek_word().is_some_and(|word| word.eq_ignore_ascii_case("COUNT")) && self.peek_sign(1, "(") {
            self.next += 2;
            if self.sign(")") {
                return Ok(Column::CountAll);
            }
            let path = self.path()?;
            self.close()?;
            return Ok(Column::Count(path, self.alias()));
        }
        Ok(Column::Path(self.path()?))
    }

    fn condition(&mut self) -> Result<Condition, Problem> {
        let first = self.single()?;
        let joined_by = |parser: &mut Self, word: &str| -> Result<Vec<Condition>, Problem> {
            let mut all = vec![first.clone()];
            while parser.word(word) {
                all.push(parser.single()?);
            }
            Ok(all)
        };
        let condition = if self.peek_word().is_some_and(|word| word.eq_ignore_ascii_case("AND")) {
            Condition::And(joined_by(self, "AND")?)
        } else if self.peek_word().is_some_and(|word| word.eq_ignore_ascii_case("OR")) {
            Condition::Or(joined_by(self, "OR")?)
        } else {
            first
        };
        // AND beside OR needs parentheses in SOQL.
        if self.peek_word().is_some_and(|word| word.eq_ignore_ascii_case("AND") || word.eq_ignore_ascii_case("OR")) {
            return Err(self.unexpected());
        }
        Ok(condition)
    }

    fn single(&mut self) -> Result<Condition, Problem> {
        if self.word("NOT") {
            return Ok(Condition::Not(Box::new(self.single()?)));
        }
        if self.sign("(") {
            let inner = self.condition()?;
            self.close()?;
            return Ok(inner);
        }
        let path = self.path()?;
        let negated = self.word("NOT");
        if self.word("IN") {
            if !self.sign("(") {
                return Err(self.unexpected());
            }
            let mut values = vec![self.literal()?];
            while self.sign(",") {
                values.push(self.literal()?);
            }
            self.close()?;
            return Ok(Condition::In(path, negated, values));
        }
        if negated {
            return Err(self.unexpected());
        }
        if self.word("LIKE") {
            return match self.literal()? {
                text @ Literal::Text(_) => Ok(Condition::Compare(path, Operator::Like, text)),
                Literal::Null
                | Literal::Bool(_)
                | Literal::Number(_)
                | Literal::Moment(_)
                | Literal::Day(_)
                | Literal::Today
                | Literal::LastDays(_) => Err(self.unexpected()),
            };
        }
        let operators = [
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<>", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        for (sign, operator) in operators {
            if self.sign(sign) {
                return Ok(Condition::Compare(path, operator, self.literal()?));
            }
        }
        Err(self.unexpected())
    }

    fn literal(&mut self) -> Result<Literal, Problem> {
        let literal = match self.tokens.get(self.next).map(|token| &token.kind) {
            Some(Kind::Quoted(text)) => Some(Literal::Text(text.clone())),
            Some(Kind::Word(word)) => bare(word),
            Some(Kind::Sign(_)) | None => None,
        };
        let literal = literal.ok_or_else(|| self.unexpected())?;
        self.next += 1;
        Ok(literal)
    }

    fn order(&mut self) -> Result<Order, Problem> {
        let path = self.path()?;
        let descending = self.word("DESC");
        if !descending {
            self.word("ASC");
        }
        let mut nulls_last = false;
        if self.word("NULLS") {
            nulls_last = self.word("LAST");
            if !nulls_last {
                self.keyword("FIRST")?;
            }
        }
        Ok(Order { path, descending, nulls_last })
    }

    fn path(&mut self) -> Result<Vec<String>, Problem> {
        let path: Vec<String> = self.name()?.split('.').map(str::to_owned).collect();
        // Five parents at most, and the column itself.
        if path.len() > 6 || path.iter().any(String::is_empty) { Err(self.unexpected()) } else { Ok(path) }
    }

    fn name(&mut self) -> Result<String, Problem> {
        let sound = |word: &&str| {
            word.starts_with(|c: char| c.is_ascii_alphabetic())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.')
                && !is_keyword(word)
        };
        match self.peek_word().filter(sound).map(str::to_owned) {
            Some(name) => {
                self.next += 1;
                Ok(name)
            }
            None => Err(self.unexpected()),
        }
    }

    fn alias(&mut self) -> Option<String> {
        let name = self
            .peek_word()
            .filter(|word| !is_keyword(word) && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))?;
        let name = name.to_owned();
        self.next += 1;
        Some(name)
    }

    fn number(&mut self) -> Result<usize, Problem> {
        match self.peek_word().and_then(|word| word.parse().ok()) {
            Some(number) => {
                self.next += 1;
                Ok(number)
            }
            None => Err(self.unexpected()),
        }
    }

    fn keyword(&mut self, word: &str) -> Result<(), Problem> {
        if self.word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn word(&mut self, word: &str) -> bool {
        let met = self.peek_word().is_some_and(|next| next.eq_ignore_ascii_case(word));
        self.next += usize::from(met);
        met
    }

    fn sign(&mut self, sign: &str) -> bool {
        let met = self.peek_sign(0, sign);
        self.next += usize::from(met);
        met
    }

    fn close(&mut self) -> Result<(), Problem> {
        if self.sign(")") { Ok(()) } else { Err(self.unexpected()) }
    }

    fn peek_word(&self) -> Option<&str> {
        match &self.tokens.get(self.next)?.kind {
            Kind::Word(word) => Some(word),
            Kind::Quoted(_) | Kind::Sign(_) => None,
        }
    }

    fn peek_sign(&self, ahead: usize, sign: &str) -> bool {
        matches!(self.tokens.get(self.next + ahead), Some(Token { kind: Kind::Sign(found), .. }) if *found == sign)
    }

    fn unexpected(&self) -> Problem {
        malformed(self.text, self.tokens.get(self.next).map_or(self.text.len(), |token| token.at))
    }
}

fn is_keyword(word: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "LIKE", "ORDER", "BY", "ASC", "DESC", "NULLS", "FIRST",
        "LAST", "LIMIT", "OFFSET", "GROUP", "HAVING", "FOR", "WITH", "USING", "ALL", "UPDATE", "TYPEOF", "INCLUDES",
        "EXCLUDES",
    ];
    KEYWORDS.iter().any(|keyword| keyword.eq_ignore_ascii_case(word))
}

fn bare(word: &str) -> Option<Literal> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "null" => Some(Literal::Null),
        "true" => Some(Literal::Bool(true)),
        "false" => Some(Literal::Bool(false)),
        "today" => Some(Literal::Today),
        _ => {
            if let Some(days) = lower.strip_prefix("last_n_days:") {
                return days.parse().ok().filter(|days| *days > 0).map(Literal::LastDays);
            }
            let day = || word.parse::<Date>().ok().filter(|_| word.len() == 10).map(Literal::Day);
            let moment = || word.parse::<Timestamp>().ok().filter(|_| word.len() > 10).map(Literal::Moment);
            let number = || word.parse::<Decimal>().ok().map(Literal::Number);
            number().or_else(day).or_else(moment)
        }
    }
}

fn malformed(text: &str, at: usize) -> Problem {
    let from = text.get(at..).and_then(|rest| rest.split_whitespace().next()).unwrap_or("<EOF>");
    Problem::bad(
        "MALFORMED_QUERY",
        format!("\n{text}\n{}^\nERROR at Row:1:Column:{}\nunexpected token: '{from}'", " ".repeat(at.min(200)), at + 1),
    )
}
