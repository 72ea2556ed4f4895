//! Connectors whole: a request, and a vendor that answers with whatever the input says. The connector never panics, never
//! calls an error of the vendor its own, answers what fits its contract, and comes to an end.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use retail_proto::commerce::v1::commerce_service_server::CommerceServiceServer;
use retail_proto::crm::v1::crm_service_server::CrmServiceServer;
use retail_proto::erp::v1::erp_service_server::ErpServiceServer;
use retail_proto::payments::v1::payments_service_server::PaymentsServiceServer;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};

use crate::calls::{Play, call};
use crate::script::{Manners, Script};
use crate::world;

/// Calls of one request at most, whatever the vendor says: more is a loop.
const CALLS: usize = 200;

const HTTP: &str = "[http]\nbase_url = 'http://vendor'\nattempts = 2\n";

static KEY: LazyLock<String> = LazyLock::new(|| {
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", STANDARD.encode(key.as_ref()))
});

macro_rules! played {
    ($data:ident, $server:expr) => {{
        let mut play = Play::read($data);
        let (answers, tokens) = (std::mem::take(&mut play.answers), std::mem::take(&mut play.tokens));
        let script = Script::new(Manners::Http, answers, tokens);
        world::tokio().block_on(async {
            let runtime = world::runtime(Arc::new(script.clone()));
            let make = $server;
            let _answer = call(make(&runtime), &play).await;
        });
        assert!(script.asked() <= CALLS, "the vendor was called {} times for one request", script.asked());
    }};
}

/// NetSuite: records, rows of SuiteQL, errors, tokens, cursors.
pub(crate) fn netsuite(data: &[u8]) {
    played!(data, |runtime| {
        let text = format!(
            "instance = 'erp'\nclient_id = 'c'\ncertificate_id = 'k'\nprivate_key = '''{}'''\ncurrency = 'GBP'\n\
             subsidiary = '1'\nadjustment_account = '2'\n{HTTP}",
            *KEY
        );
        ErpServiceServer::new(retail_netsuite::Connector::new(&toml::from_str(&text).unwrap(), runtime).unwrap())
    });
}

/// Salesforce: composites, queries, errors, tokens, cursors.
pub(crate) fn salesforce(data: &[u8]) {
    played!(data, |runtime| {
        let text = format!(
            "instance = 'crm'\n[auth]\ngrant = 'client_credentials'\nclient_id = 'c'\nclient_secret = 's'\n{HTTP}"
        );
        CrmServiceServer::new(retail_salesforce::Salesforce::new(runtime, toml::from_str(&text).unwrap()).unwrap())
    });
}

/// Shopify: answers of GraphQL and their errors.
pub(crate) fn shopify(data: &[u8]) {
    played!(data, |runtime| CommerceServiceServer::new(shop(runtime)));
}

/// A shop whose owners are away.
pub(crate) fn shop(runtime: &retail_runtime::Runtime) -> retail_shopify::Connector {
    let text = format!(
        "instance = 'shop'\nclient_id = 'c'\nclient_secret = '{SECRET}'\norders = 'http://nobody:1'\n\
         returns = 'http://nobody:1'\ncustomers = 'http://nobody:1'\nshop_domain = 'demo.myshopify.com'\n\
         locations = {{ MAIN = '90000000001', NORTH = '90000000002' }}\n{HTTP}"
    );
    retail_shopify::Connector::new(&toml::from_str(&text).unwrap(), runtime).unwrap()
}

/// Stripe: intents, refunds, disputes, pages, errors.
pub(crate) fn stripe(data: &[u8]) {
    played!(data, |runtime| PaymentsServiceServer::new(pay(runtime)));
}

/// A payment service whose owner is away.
pub(crate) fn pay(runtime: &retail_runtime::Runtime) -> retail_stripe::Connector {
    let text = format!(
        "instance = 'pay'\nsecret_key = 'sk_test_x'\nwebhook_secret = '{SECRET}'\nfacts = 'http://nobody:1'\n\
         calls_per_second = 1000\n{HTTP}"
    );
    retail_stripe::Connector::new(&toml::from_str(&text).unwrap(), runtime).unwrap()
}

/// What webhooks are signed with.
pub(crate) const SECRET: &str = "whsec_of_the_fuzzer";
