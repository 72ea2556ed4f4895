//! Carries a plan out: what it may cost, what each field says, and the answer's shape.

use serde_json::{Map, Value, json};

use super::call::{Call, Problem};
use super::plan::{Node, Plan};
use super::{reads, writes};

/// Points of a mutation before what it selects.
const MUTATION: u64 = 10;

/// Points a plan needs at most. Scalars are free, objects cost one, connections what their pages can hold.
pub(super) fn requested(plan: &Plan) -> u64 {
    let base = if plan.mutation { MUTATION } else { 0 };
    plan.nodes.iter().fold(0, |sum: u64, node| {
        // A mutation's payload and its errors are part of the ten.
        let cost = if plan.mutation { children(node).saturating_add(base) } else { cost(node) };
        sum.saturating_add(cost)
    })
}

fn children(node: &Node) -> u64 {
    node.children.iter().fold(0, |sum, child| sum.saturating_add(cost(child)))
}

fn free(name: &str) -> bool {
    name.ends_with("Connection") || name.ends_with("Edge") || name.ends_with("UserError") || name == "PageInfo"
}

fn cost(node: &Node) -> u64 {
    if node.children.is_empty() {
        return 0;
    }
    let name = node.shape.name();
    let one = children(node).saturating_add(u64::from(!free(name)));
    if let Some(page) = node.arguments.get("first").and_then(Value::as_u64) {
        // `edges` and `nodes` hold a page each, and asking for both costs both.
        return one.saturating_mul(page.max(1));
    }
    match node.arguments.get("ids").and_then(Value::as_array) {
        Some(ids) => one.saturating_mul(u64::try_from(ids.len()).unwrap_or(u64::MAX).max(1)),
        None => one,
    }
}

/// What came of a plan.
pub(super) struct Outcome {
    pub(super) data: Value,
    pub(super) errors: Vec<Value>,
    pub(super) cost: u64,
    /// Notes on searches that were not understood.
    pub(super) searches: Vec<Value>,
}

struct Runner<'a> {
    call: Call<'a>,
    outcome: Outcome,
    path: Vec<Value>,
}

/// Carries it out, in order; a mutation that fails leaves its own changes behind it undone.
pub(super) fn execute(call: Call<'_>, plan: &Plan) -> Outcome {
    let outcome = Outcome { data: Value::Null, errors: Vec::new(), cost: 0, searches: Vec::new() };
    let mut runner = Runner { call, outcome, path: Vec::new() };
    let root = if plan.mutation { "Mutation" } else { "Query" };
    let data = runner.select(root, &Value::Null, &plan.nodes);
    runner.outcome.data = data;
    runner.outcome
}

impl Runner<'_> {
    fn select(&mut self, kind: &str, doc: &Value, nodes: &[Node]) -> Value {
        let mut answer = Map::new();
        for node in nodes {
            if node.on.as_deref().is_some_and(|on| !self.call.schema.is(kind, on)) {
                continue;
            }
            self.path.push(node.key.as_str().into());
            let value = if node.name == "__typename" { kind.into() } else { self.field(kind, doc, node) };
            self.path.pop();
            match answer.get_mut(&node.key) {
                Some(there) => merge(there, value),
                None => {
                    answer.insert(node.key.clone(), value);
                }
            }
        }
        Value::Object(answer)
    }

    fn field(&mut self, kind: &str, doc: &Value, node: &Node) -> Value {
        let found = match kind {
            "Mutation" => {
                self.outcome.cost = self.outcome.cost.saturating_add(MUTATION);
                writes::mutate(&self.call, node).map(Some)
            }
            _ => reads::resolve(&self.call, kind, doc, node, &mut self.outcome.searches),
        };
        match found {
            Ok(found) => {
                let value = found.unwrap_or_else(|| doc.get(&node.name).cloned().unwrap_or_default());
                self.complete(value, node)
            }
            Err(problem) => {
                self.fail(&problem, node);
                Value::Null
            }
        }
    }

    fn complete(&mut self, value: Value, node: &Node) -> Value {
        if node.children.is_empty() {
            return value;
        }
        match value {
            Value::Array(list) => list
                .into_iter()
                .enumerate()
                .map(|(at, one)| {
                    self.path.push(at.into());
                    let one = self.complete(one, node);
                    self.path.pop();
                    one
                })
                .collect(),
            Value::Object(_) => {
                let kind = value.get("__typename").and_then(Value::as_str).unwrap_or(node.shape.name()).to_owned();
                let counts = !free(&kind) && !kind.ends_with("Payload");
                self.outcome.cost = self.outcome.cost.saturating_add(u64::from(counts));
                self.select(&kind, &value, &node.children)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Value::Null,
        }
    }

    fn fail(&mut self, problem: &Problem, node: &Node) {
        self.outcome.errors.push(json!({
            "message": problem.message,
            "locations": [{"line": node.at.line, "column": node.at.column}],
            "path": self.path,
            "extensions": {"code": problem.code},
        }));
    }
}

/// Two selections of one field are one answer.
fn merge(there: &mut Value, more: Value) {
    match (there, more) {
        (Value::Object(there), Value::Object(more)) => {
            for (key, value) in more {
                match there.get_mut(&key) {
                    Some(old) => merge(old, value),
                    None => {
                        there.insert(key, value);
                    }
                }
            }
        }
        (Value::Array(there), Value::Array(more)) => {
            for (old, new) in there.iter_mut().zip(more) {
                merge(old, new);
            }
        }
        _ => {}
    }
}
