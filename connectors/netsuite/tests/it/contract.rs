//! The contract itself: what is described is what there is.

use std::collections::BTreeSet;

use prost::Message;
use retail_netsuite::{Effect, METHODS};
use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use tonic::Request;

use crate::bench::Bench;

/// Methods of `ErpService`, and whether each is allowed to write.
fn contract() -> Vec<(String, bool)> {
    let set = prost_types::FileDescriptorSet::decode(retail_proto::DESCRIPTORS).unwrap();
    let file = set.file.iter().find(|file| file.package() == "retail.erp.v1").unwrap();
    let service = file.service.iter().find(|service| service.name() == "ErpService").unwrap();
    let writes = ["Upsert", "Create", "Cancel", "Record", "Adjust"];
    let is_write = |name: &str| writes.iter().any(|verb| name.starts_with(verb));
    service.method.iter().map(|method| (method.name().to_owned(), is_write(method.name()))).collect()
}

#[test]
fn every_method_of_the_contract_has_an_effect_class_and_every_write_a_safe_one() {
    for (name, writes) in contract().into_iter().filter(|(name, _)| name != "Describe") {
        let (_, effect, _) = METHODS.iter().find(|(method, _, _)| *method == name).unwrap();
        assert_eq!(*effect != Effect::Read, writes, "{name}");
    }
}

#[tokio::test]
async fn what_is_described_is_the_contract_and_nothing_else() {
    let bench = Bench::start().await;
    let described = bench.connector.describe(Request::new(pb::DescribeRequest {})).await.unwrap().into_inner();
    let described: BTreeSet<_> =
        described.description.unwrap().capabilities.into_iter().map(|capability| capability.method).collect();
    let contract: BTreeSet<_> =
        contract().into_iter().map(|(name, _)| name).filter(|name| name != "Describe").collect();
    assert_eq!(described, contract);
}
