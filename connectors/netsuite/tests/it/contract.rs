//! The contract itself: what is described is what there is.

use std::collections::BTreeSet;

use prost_reflect::{DescriptorPool, MethodDescriptor};
use retail_netsuite::{Config, Effect, METHODS};
use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use tonic::Request;

use crate::bench::Bench;

/// Methods of `ErpService`, and whether their permission lets them write.
fn contract() -> Vec<(String, bool)> {
    let pool = DescriptorPool::decode(retail_proto::DESCRIPTORS).unwrap();
    let permission = pool.get_extension_by_name("retail.options.v1.permission").unwrap();
    let service = pool.get_service_by_name("retail.erp.v1.ErpService").unwrap();
    let writes =
        |method: &MethodDescriptor| method.options().get_extension(&permission).as_str().unwrap() == "erp.write";
    service.methods().map(|method| (method.name().to_owned(), writes(&method))).collect()
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

#[test]
fn the_example_is_a_configuration() {
    let config: Config = toml::from_str(include_str!("../../example.toml")).unwrap();
    assert_eq!(config.instance, "netsuite-uk");
    assert_eq!(config.concurrency, 4);
}
