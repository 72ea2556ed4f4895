//! A connector and its twin, side by side.

use retail_connect::{Bearer, Budget, Call, Http, Lanes};
use retail_netsuite::{Config, Connector};
use retail_proto::erp::v1 as pb;
use retail_proto::erp::v1::erp_service_server::ErpService;
use retail_proto::types::v1::{Money, Outcome, OutcomeState};
use retail_runtime::{Clock, Net, Rng, Runtime};
use retail_sandbox::{Listen, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;
use tonic::{Request, Status};

pub(crate) const INSTANCE: &str = "netsuite-uk";

pub(crate) struct Bench {
    pub(crate) connector: Connector,
    pub(crate) control: Http,
    _dir: TempDir,
}

impl Bench {
    /// A twin whose people do nothing unless asked to.
    pub(crate) async fn start() -> Self {
        Self::with(json!({ "back_office": false })).await
    }

    pub(crate) async fn with(mut netsuite: Value) -> Self {
        let runtime = Runtime::new("test", Clock::system(), Rng::seeded(11), Net::tcp());
        let dir = TempDir::new().unwrap();
        let key = dir.path().join("development.pem");
        netsuite["development_key"] = json!(key);
        let mut config: retail_sandbox::Config = serde_json::from_value(json!({ "netsuite": netsuite })).unwrap();
        config.listen = Listen::anywhere();
        let running = Sandbox::start(&runtime, config).await.unwrap();
        let config: Config = serde_json::from_value(json!({
            "instance": INSTANCE,
            "http": { "base_url": format!("http://{}", running.netsuite), "backoff": "1ms", "backoff_cap": "5ms" },
            "client_id": "weft-sandbox-client",
            "certificate_id": "weft-sandbox-development",
            "private_key_file": key,
            "currency": "GBP",
            "subsidiary": "1",
            "adjustment_account": "2",
        }))
        .unwrap();
        let connector = Connector::new(&config, &runtime).unwrap();
        let http = serde_json::from_value(json!({ "base_url": format!("http://{}", running.control) })).unwrap();
        let control = Http::new(&runtime, http, Bearer, Budget::Concurrency(Lanes::new(8, 8))).unwrap();
        let bench = Self { connector, control, _dir: dir };
        bench.post("seed", &seed()).await;
        bench
    }

    /// A twin with a customer.
    pub(crate) async fn with_customer() -> Self {
        let bench = Self::start().await;
        bench.customer().await;
        bench
    }

    pub(crate) async fn customer(&self) {
        let asked = pb::UpsertCustomerRequest { instance: INSTANCE.to_owned(), customer: Some(customer()) };
        let answer = self.connector.upsert_customer(Request::new(asked)).await.unwrap().into_inner();
        assert_eq!(state(&answer.outcome), OutcomeState::Done, "{:?}", answer.outcome);
    }

    pub(crate) async fn post(&self, verb: &str, body: &Value) -> Value {
        let call = Call::write("control", http::Method::POST, format!("/__sandbox/{verb}"));
        let reply = self.control.send(call.body("application/json", body.to_string())).await.unwrap();
        assert!(reply.status.is_success(), "{verb}: {} {:?}", reply.status, reply.body);
        serde_json::from_slice(&reply.body).unwrap_or_default()
    }

    pub(crate) async fn get(&self, verb: &str) -> Value {
        let call = Call::read("control", http::Method::GET, format!("/__sandbox/{verb}"));
        serde_json::from_slice(&self.control.send(call).await.unwrap().body).unwrap()
    }

    pub(crate) async fn books(&self) -> Value {
        self.get("netsuite/books").await
    }

    pub(crate) async fn fault(&self, fault: Value) {
        self.post("netsuite/faults", &fault).await;
    }

    /// No planned fault strikes any more.
    pub(crate) async fn forget_faults(&self) {
        let call = Call::write("control", http::Method::DELETE, "/__sandbox/netsuite/faults".to_owned());
        assert!(self.control.send(call).await.unwrap().status.is_success());
    }

    /// Requests that the twin has seen whose path contains this.
    pub(crate) async fn requests(&self, contains: &str) -> usize {
        let log = self.get(&format!("netsuite/requests?limit=1000&contains={contains}")).await;
        log.as_array().or_else(|| log["requests"].as_array()).unwrap().len()
    }

    pub(crate) async fn create(&self, order: pb::SalesOrderInput) -> Result<pb::CreateSalesOrderResponse, Status> {
        let asked = pb::CreateSalesOrderRequest { instance: INSTANCE.to_owned(), order: Some(order) };
        self.connector.create_sales_order(Request::new(asked)).await.map(tonic::Response::into_inner)
    }

    pub(crate) async fn read(&self, id: &str) -> Result<pb::SalesOrder, Status> {
        let asked = pb::GetSalesOrderRequest { instance: INSTANCE.to_owned(), external_ref: id.to_owned() };
        self.connector.get_sales_order(Request::new(asked)).await.map(|answer| answer.into_inner().order.unwrap())
    }

    pub(crate) async fn poll(&self, cursor: &str) -> pb::PollChangesResponse {
        let asked = pb::PollChangesRequest { instance: INSTANCE.to_owned(), cursor: cursor.to_owned(), limit: 0 };
        self.connector.poll_changes(Request::new(asked)).await.unwrap().into_inner()
    }
}

pub(crate) fn state(outcome: &Option<Outcome>) -> OutcomeState {
    outcome.as_ref().map_or(OutcomeState::Unspecified, Outcome::state)
}

fn seed() -> Value {
    json!({
        "currency": "GBP",
        "items": [
            { "sku": "MUG", "description": "A mug", "kind": "goods", "price": "2.55" },
            { "sku": "LAMP", "description": "A lamp", "kind": "goods", "price": "12.50" },
            { "sku": "POST", "description": "Postage", "kind": "charge", "price": "3.00" },
        ],
        "locations": [{ "code": "MAIN", "name": "Main warehouse" }],
        "stock": [
            { "sku": "MUG", "location": "MAIN", "quantity": 100 },
            { "sku": "LAMP", "location": "MAIN", "quantity": 3 },
        ],
    })
}

pub(crate) fn customer() -> pb::CustomerRecord {
    pb::CustomerRecord {
        external_ref: "c-1".to_owned(),
        is_person: true,
        first_name: "Ada".to_owned(),
        last_name: "Example".to_owned(),
        email: "ada@example.test".to_owned(),
        address: Some(retail_proto::types::v1::Address {
            lines: vec!["1 Test Street".to_owned()],
            city: "Leeds".to_owned(),
            postal_code: "LS1 1AA".to_owned(),
            country_code: "GB".to_owned(),
            ..Default::default()
        }),
        version: 1,
        ..Default::default()
    }
}

pub(crate) fn gbp(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency: "GBP".to_owned() })
}

/// Lines of (sku, quantity, unit price in pence).
pub(crate) fn order(id: &str, lines: &[(&str, i64, i64)]) -> pb::SalesOrderInput {
    let total = lines.iter().map(|(_, quantity, price)| quantity * price).sum();
    let lines = lines.iter().zip(1..).map(|((sku, quantity, price), line_number)| pb::SalesOrderLineInput {
        line_number,
        sku: (*sku).to_owned(),
        is_charge: *sku == "POST",
        quantity: quantity.to_string(),
        unit_price: format!("{}.{:02}", price / 100, price % 100),
        amount: gbp(quantity * price),
        location: if *sku == "POST" { String::new() } else { "MAIN".to_owned() },
        ..Default::default()
    });
    pb::SalesOrderInput {
        external_ref: id.to_owned(),
        order_number: format!("WEB-{id}"),
        customer_ref: "c-1".to_owned(),
        order_date: "2026-11-23".to_owned(),
        lines: lines.collect(),
        total: gbp(total),
        pricing: pb::Pricing::Freeze.into(),
        ..Default::default()
    }
}
