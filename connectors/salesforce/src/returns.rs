//! What agents see of a return, in the objects of this org's model.
//!
//! First one composite of reads says what is there: parents that may be missing, and lines whose master may be set no
//! more. Then one composite writes all or nothing, the return first: when the org holds a newer version, its refusal
//! undoes the rest. It ends with a question for lines of an older version, which a second write removes.

use retail_connect::outcome;
use retail_proto::crm::v1 as pb;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Salesforce;
use crate::fault::{Error, Meaning, first, hindered};
use crate::map::returns::{Around, Return, sound};
use crate::map::{self, ACCOUNT, CONTACT, KEY, ORDER_CONTEXT};
use crate::model::Model;
use crate::sending::{Landed, MOST_ATTEMPTS, asking, land, part, path, refusals, settle, unreadable};
use crate::wire::service::{Collection, LineRow, ProductRow};
use crate::wire::{Entry, Found, Identity, Subrequest, VendorError};

const OPERATION: &str = "crm.return_context";
const LOOK: &str = "crm.return_context.look";
const HEAD: &str = "return";
const REST: &str = "rest";
/// Names of links that carry many records each.
const LINES: [&str; 4] = ["lines1", "lines2", "lines3", "lines4"];
const PRODUCTS: [&str; 4] = ["products1", "products2", "products3", "products4"];
/// Records of one collection, and codes of one question.
const MANY: usize = 200;

/// What became of a whole return.
enum Written {
    /// The return's id, and lines of an older version.
    Saved(String, Vec<LineRow>),
    /// A newer version is there.
    Stale,
    Failed(&'static str, Meaning, VendorError),
}

impl Salesforce {
    pub(crate) async fn save_return(
        &self,
        request: pb::UpsertReturnContextRequest,
    ) -> Result<pb::UpsertReturnContextResponse, Error> {
        self.is_ours(&request.instance)?;
        let given = sound(request.context)?;
        let model = self.model().await?;
        let mut attempt = 1;
        let (written, mut warnings) = loop {
            let around = self.doubting(self.look_around(&given, model).await)?;
            let (written, left_out) = self.doubting(self.write_return(&given, model, &around).await)?;
            attempt += 1;
            if !passed(&written) || attempt > MOST_ATTEMPTS {
                let warnings = given.warnings.iter().cloned().chain(given.unlinked(&around)).chain(left_out);
                break (written, warnings.collect::<Vec<_>>());
            }
        };
        let (outcome, landed) = match written {
            Written::Saved(id, rest) => {
                warnings.extend(self.remove(&given, model, &rest).await?);
                (outcome::done_with(warnings), Some(Landed::Saved(id)))
            }
            Written::Stale => {
                let warnings = vec!["return: a newer version is there already".to_owned()];
                (outcome::done_with(warnings), Some(Landed::Stale))
            }
            Written::Failed(name, meaning, error) => (self.doubting(settle(name, &meaning, error))?, None),
        };
        let record = match landed {
            Some(landed) => self.reference(model.head(), &given.key, &landed).await?,
            None => None,
        };
        Ok(pb::UpsertReturnContextResponse { outcome: Some(outcome), record })
    }

    /// What the org has around the return.
    async fn look_around(&self, given: &Return, model: Model) -> Result<Around, Error> {
        let keyed = |name, object: &str, key: &str| look(name, &format!("sobjects/{object}/{KEY}/{key}?fields=Id"));
        let mut parts = vec![keyed(HEAD, model.head(), &given.key)];
        if let Some(customer) = &given.customer {
            parts.extend([keyed("account", ACCOUNT, customer), keyed("contact", CONTACT, customer)]);
        }
        parts.extend(given.order.as_ref().map(|order| keyed("order", ORDER_CONTEXT, order)));
        parts.extend(given.case.as_ref().map(|case| look("case", &format!("sobjects/Case/{case}?fields=Id"))));
        parts.push(look(REST, &asking("query", &lines_of(given, model, ""))?));
        if model == Model::Standard {
            let mut codes: Vec<&str> = given.lines.iter().map(|line| line.sku.as_str()).collect();
            codes.sort_unstable();
            codes.dedup();
            for (name, codes) in PRODUCTS.into_iter().zip(codes.chunks(MANY)) {
                parts.push(look(name, &asking("query", &products_of(codes))?));
            }
        }
        let entries = self.look_up(LOOK, parts).await?;
        let mut around = Around {
            known: id_in(&entries, HEAD)?.is_some(),
            account: id_in(&entries, "account")?,
            contact: id_in(&entries, "contact")?,
            order: id_in(&entries, "order")?,
            case: id_in(&entries, "case")?,
            ..Around::default()
        };
        around.lines = rows_in::<LineRow>(&entries, REST)?.into_iter().filter_map(|row| row.mesh_id).collect();
        for name in PRODUCTS {
            for product in rows_in::<ProductRow>(&entries, name)? {
                // Codes are not unique; the oldest product of a code stands for it.
                around.products.entry(product.code.unwrap_or_default()).or_insert(product.id);
            }
        }
        Ok(around)
    }

    /// Writes the return and its lines, all or nothing; beside it, what is to be said of lines that were left out.
    async fn write_return(
        &self,
        given: &Return,
        model: Model,
        around: &Around,
    ) -> Result<(Written, Vec<String>), Error> {
        let (mut records, left_out) = given.records(model, around);
        let mut parts = vec![part(HEAD, model.head(), &given.key, &given.head(model, around))];
        for name in LINES {
            let later = records.split_off(records.len().min(MANY));
            let records = std::mem::replace(&mut records, later);
            if !records.is_empty() {
                parts.push(Subrequest {
                    method: "PATCH",
                    url: path(&format!("composite/sobjects/{}/{KEY}", model.line())),
                    reference_id: name,
                    body: serde_json::to_value(Collection { all_or_none: true, records }).unwrap_or_default(),
                });
            }
        }
        let older = format!(" AND Mesh_Version__c < {}", given.version);
        parts.push(look(REST, &asking("query", &lines_of(given, model, &older))?));
        let entries = self.compose(OPERATION, &given.key, parts, true).await?;
        Ok((written(&entries)?, left_out))
    }

    /// Removes lines of an older version, unless a newer one was written meanwhile; what is to be said of it.
    async fn remove(&self, given: &Return, model: Model, rest: &[LineRow]) -> Result<Vec<String>, Error> {
        if rest.is_empty() {
            return Ok(Vec::new());
        }
        // The same version again: refused, and with it the removal, when a newer one is there.
        let guard = serde_json::json!({"Mesh_Version__c": given.version});
        let mut parts = vec![part(HEAD, model.head(), &given.key, &guard)];
        for (name, rows) in LINES.into_iter().zip(rest.chunks(MANY)) {
            let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
            parts.push(Subrequest {
                method: "DELETE",
                url: path(&format!("composite/sobjects?ids={}&allOrNone=true", ids.join(","))),
                reference_id: name,
                body: Value::Null,
            });
        }
        let entries = self.compose("crm.return_context.tidy", &given.key, parts, true).await?;
        let own = entries.iter().flat_map(refusals).find(|(meaning, _)| *meaning != Meaning::Derived);
        Ok(match own {
            None | Some((Meaning::Stale, _)) => Vec::new(),
            Some((_, error)) => vec![format!("{} lines of an older version stay: {}", rest.len(), error.code)],
        })
    }
}

fn look(name: &'static str, resource: &str) -> Subrequest {
    Subrequest { method: "GET", url: path(resource), reference_id: name, body: Value::Null }
}

fn lines_of(given: &Return, model: Model, also: &str) -> String {
    let (line, master, key) = (model.line(), model.master(), map::quoted(&given.key));
    format!("SELECT Id, {KEY} FROM {line} WHERE {master}.{KEY} = {key}{also}")
}

fn products_of(codes: &[&str]) -> String {
    let codes: Vec<String> = codes.iter().map(|code| map::quoted(code)).collect();
    let codes = codes.join(", ");
    format!("SELECT Id, ProductCode FROM Product2 WHERE ProductCode IN ({codes}) AND IsActive = true ORDER BY Id")
}

/// The id of the record a link read; none when there is no such record, or several under one key.
fn id_in(entries: &[Entry], name: &str) -> Result<Option<String>, Error> {
    let Some(entry) = entries.iter().find(|entry| entry.reference_id == name) else { return Ok(None) };
    match entry.http_status_code {
        300 | 404 => Ok(None),
        200..300 => Ok(Some(read::<Identity>(entry)?.id)),
        status => Err(hindered(status, first(&entry.body))),
    }
}

/// The rows a link found; none for a link that was not sent.
fn rows_in<T: DeserializeOwned>(entries: &[Entry], name: &str) -> Result<Vec<T>, Error> {
    let Some(entry) = entries.iter().find(|entry| entry.reference_id == name) else { return Ok(Vec::new()) };
    match entry.http_status_code {
        200..300 => Ok(read::<Found<T>>(entry)?.records),
        status => Err(hindered(status, first(&entry.body))),
    }
}

fn read<T: DeserializeOwned>(entry: &Entry) -> Result<T, Error> {
    T::deserialize(&entry.body).map_err(|err| unreadable(entry.http_status_code, &err.to_string()))
}

/// What the answers to a written composite say.
fn written(entries: &[Entry]) -> Result<Written, Error> {
    let head = land(HEAD, entries);
    if matches!(head, Landed::Stale) {
        return Ok(Written::Stale);
    }
    let mut lost = Vec::new();
    for entry in entries {
        let name = if entry.reference_id == HEAD { HEAD } else { "lines" };
        lost.extend(refusals(entry).into_iter().map(|(meaning, error)| (name, meaning, error)));
    }
    // What was merely halted or rolled back beside the culprit is not the cause.
    let own = lost.iter().position(|(_, meaning, _)| *meaning != Meaning::Derived);
    if let Some((name, meaning, error)) = own.map(|own| lost.swap_remove(own)).or_else(|| lost.into_iter().next()) {
        return Ok(Written::Failed(name, meaning, error));
    }
    Ok(match head {
        Landed::Saved(id) => Written::Saved(id, rows_in(entries, REST)?),
        Landed::Stale => Written::Stale,
        Landed::Failed(meaning, error) => Written::Failed(HEAD, meaning, error),
    })
}

/// Whether the org changed between the look and the write: a parent went, a line came or went.
fn passed(written: &Written) -> bool {
    match written {
        Written::Failed(_, Meaning::Refused(code), _) => matches!(
            code.as_str(),
            "INVALID_CROSS_REFERENCE_KEY"
                | "ENTITY_IS_DELETED"
                | "INVALID_FIELD_FOR_INSERT_UPDATE"
                | "REQUIRED_FIELD_MISSING"
        ),
        Written::Failed(..) | Written::Saved(..) | Written::Stale => false,
    }
}
