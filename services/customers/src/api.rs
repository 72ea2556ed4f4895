//! Customers over gRPC: parse, call, render.

use prost::Message as _;
use retail_proto::customers::v1 as pb;
use retail_proto::customers::v1::customers_service_server::CustomersService;
use retail_runtime::fault::{self, BadShape, Violations};
use retail_store::Caller;
use tonic::{Request, Response, Status};

use crate::customer::{Kind, Sighting};
use crate::fault::Error;
use crate::keys::{Key, Strength, e164};
use crate::people::People;
use crate::telling::SystemKind;

/// Name of the domain in errors.
const DOMAIN: &str = "customers.retail";
/// Longest text of a profile field, characters.
const MAX_TEXT: usize = 512;

/// The customers service.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) people: People,
}

fn status(error: Error) -> Status {
    fault::status(DOMAIN, &error)
}

fn parse_resolve(request: pb::ResolveCustomerRequest) -> Result<(Vec<Key>, Sighting), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    let record = request.system_id;
    let system = record.as_ref().and_then(Key::system);
    bad.require("system_id", record.is_none() || system.is_some(), "give kind, instance, type and id, or leave it out");
    let email = if request.email_verified { Key::email(&request.email) } else { None };
    let keys: Vec<Key> = [system, email, Key::phone(&request.phone)].into_iter().flatten().collect();
    bad.require("brand", !keys.is_empty() || !request.brand.is_empty(), "a sale without any key needs its brand");
    let mut profile = request.profile.unwrap_or_default();
    profile_shape(&profile, &mut bad);
    bad.check()?;
    for (field, given) in [(&mut profile.email, request.email), (&mut profile.phone, request.phone)] {
        if field.is_empty() {
            *field = given;
        }
    }
    profile.phone = e164(&profile.phone).unwrap_or(profile.phone);
    let registered = keys.first().is_some_and(|key| key.strength() == Strength::System);
    let sighting = Sighting {
        kind: if registered { Kind::Registered } else { Kind::Guest },
        record,
        profile,
        brand: request.brand,
        keys: keys.iter().map(ToString::to_string).collect(),
    };
    Ok((keys, sighting))
}

fn parse_update(request: &pb::UpdateCustomerRequest) -> Result<(Caller, pb::Profile), BadShape> {
    let mut bad = Violations::default();
    keyed(&request.idempotency_key, &mut bad);
    bad.require("customer_id", !request.customer_id.is_empty(), "give our id of the customer");
    let mut profile = request.profile.clone().unwrap_or_default();
    bad.require("profile", profile != pb::Profile::default(), "give at least one field to change");
    profile_shape(&profile, &mut bad);
    bad.check()?;
    profile.phone = e164(&profile.phone).unwrap_or(profile.phone);
    let caller = Caller::keyed("", "UpdateCustomer", &request.idempotency_key, &request.encode_to_vec());
    Ok((caller, profile))
}

fn parse_ensure(request: &pb::EnsureReferenceRequest) -> Result<SystemKind, BadShape> {
    let mut bad = Violations::default();
    bad.require("customer_id", !request.customer_id.is_empty(), "give our id of the customer");
    bad.require("instance", !request.instance.is_empty(), "name the configured instance");
    let kind = SystemKind::parse(&request.kind);
    bad.require("kind", kind.is_some(), "say erp or crm");
    match kind {
        Some(kind) => bad.check().map(|()| kind),
        None => Err(bad.into_shape()),
    }
}

fn keyed(key: &str, bad: &mut Violations) {
    bad.require("idempotency_key", !key.is_empty(), "give a key that is the same at every repeat of this request");
}

fn profile_shape(profile: &pb::Profile, bad: &mut Violations) {
    let fields = [
        ("profile.first_name", &profile.first_name),
        ("profile.last_name", &profile.last_name),
        ("profile.company", &profile.company),
        ("profile.email", &profile.email),
        ("profile.phone", &profile.phone),
    ];
    for (field, text) in fields {
        bad.require(field, text.chars().count() <= MAX_TEXT, "is longer than 512 characters");
        bad.require(field, !text.chars().any(char::is_control), "has control characters");
    }
}

fn required(id: &str) -> Result<(), Error> {
    let mut bad = Violations::default();
    bad.require("customer_id", !id.is_empty(), "give our id of the customer");
    Ok(bad.check()?)
}

#[tonic::async_trait]
impl CustomersService for Api {
    async fn resolve_customer(
        &self,
        request: Request<pb::ResolveCustomerRequest>,
    ) -> Result<Response<pb::ResolveCustomerResponse>, Status> {
        let (keys, sighting) = parse_resolve(request.into_inner()).map_err(|bad| status(bad.into()))?;
        let resolved = self.people.resolve(keys, sighting).await.map_err(status)?;
        Ok(Response::new(pb::ResolveCustomerResponse {
            customer: Some((&resolved.customer).into()),
            created: resolved.created,
            merge_candidates: resolved.others,
        }))
    }

    async fn get_customer(
        &self,
        request: Request<pb::GetCustomerRequest>,
    ) -> Result<Response<pb::GetCustomerResponse>, Status> {
        let id = request.into_inner().customer_id;
        required(&id).map_err(status)?;
        let customer = self.people.get(&id).await.map_err(status)?;
        Ok(Response::new(pb::GetCustomerResponse { customer: Some((&customer).into()) }))
    }

    async fn update_customer(
        &self,
        request: Request<pb::UpdateCustomerRequest>,
    ) -> Result<Response<pb::UpdateCustomerResponse>, Status> {
        let request = request.into_inner();
        let (caller, profile) = parse_update(&request).map_err(|bad| status(bad.into()))?;
        let customer = self.people.update(&request.customer_id, caller, profile).await.map_err(status)?;
        Ok(Response::new(pb::UpdateCustomerResponse { customer: Some(customer) }))
    }

    async fn ensure_reference(
        &self,
        request: Request<pb::EnsureReferenceRequest>,
    ) -> Result<Response<pb::EnsureReferenceResponse>, Status> {
        let request = request.into_inner();
        let kind = parse_ensure(&request).map_err(|bad| status(bad.into()))?;
        let record = self.people.reference(&request.customer_id, kind, &request.instance).await.map_err(status)?;
        Ok(Response::new(pb::EnsureReferenceResponse { r#ref: Some(record) }))
    }
}

#[cfg(test)]
mod tests {
    use retail_runtime::fault::Fault as _;

    use super::*;

    fn request() -> pb::ResolveCustomerRequest {
        pb::ResolveCustomerRequest { idempotency_key: "k".into(), brand: "acme".into(), ..Default::default() }
    }

    #[test]
    fn an_unverified_address_is_known_but_is_no_key() {
        let request = pb::ResolveCustomerRequest { email: "ada@lovelace.org".into(), ..request() };
        let (keys, sighting) = parse_resolve(request).unwrap();
        assert!(keys.is_empty());
        assert_eq!(sighting.profile.email, "ada@lovelace.org");
    }

    #[test]
    fn a_sale_without_key_and_brand_is_nobodys() {
        let bad = parse_resolve(pb::ResolveCustomerRequest { brand: String::new(), ..request() }).unwrap_err();
        assert_eq!(bad.fields()[0].0, "brand");
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let profile = pb::Profile { first_name: "x".repeat(513), last_name: "a\u{0}b".into(), ..Default::default() };
        let request =
            pb::ResolveCustomerRequest { idempotency_key: String::new(), profile: Some(profile), ..request() };
        let fields: Vec<String> = parse_resolve(request).unwrap_err().fields().into_iter().map(|(f, _)| f).collect();
        assert_eq!(fields, ["idempotency_key", "profile.first_name", "profile.last_name"]);
    }
}
