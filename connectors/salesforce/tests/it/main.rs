//! The connector against the Salesforce twin, over real sockets; what counts is what the twin's books say after.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "what tests build on fails loudly")]

mod availability;
mod cases;
mod changes;
mod contract;
mod customers;
mod milestones;
mod orders;
mod package;
mod return_orders;
mod returns;
mod trouble;

use http::Method;
use retail_connect::{Bearer, Budget, Call, Http, Lanes};
use retail_proto::crm::v1 as pb;
use retail_proto::crm::v1::crm_service_server::CrmService as _;
use retail_proto::types::v1::{Money, Outcome, OutcomeState, Ref};
use retail_runtime::Runtime;
use retail_runtime::fault::Refusal;
use retail_salesforce::{Config, Salesforce};
use retail_sandbox::{Listen, Sandbox};
use serde_json::{Value, json};
use tonic::{Request, Status};

/// A twin, its operator and the connector.
struct World {
    runtime: Runtime,
    org: String,
    operator: Http,
    crm: Salesforce,
}

const BY_SECRET: &str =
    "grant = 'client_credentials'\nclient_id = 'weft-sandbox'\nclient_secret = 'weft-sandbox-secret'";

async fn world() -> World {
    let runtime = Runtime::system("test");
    let config = retail_sandbox::Config { listen: Listen::anywhere(), ..retail_sandbox::Config::default() };
    let running = Sandbox::start(&runtime, config).await.unwrap();
    let operator = toml::from_str(&format!("base_url = 'http://{}'", running.control)).unwrap();
    let operator = Http::new(&runtime, operator, Bearer, Budget::Concurrency(Lanes::new(8, 8))).unwrap();
    let org = format!("http://{}", running.salesforce);
    let crm = connector(&runtime, &org, BY_SECRET);
    World { runtime, org, operator, crm }
}

fn connector(runtime: &Runtime, org: &str, auth: &str) -> Salesforce {
    let text = format!(
        "instance = 'crm'\nbusy_pause = '1ms'\n[http]\nbase_url = '{org}'\nbackoff = '1ms'\nconnect_timeout = '2s'\n[auth]\n{auth}"
    );
    let config: Config = toml::from_str(&text).unwrap();
    Salesforce::new(runtime, config).unwrap()
}

impl World {
    async fn operate(&self, method: Method, target: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let call = Call::read("operate", method, format!("/__sandbox{target}")).body("application/json", body);
        let reply = self.operator.send(call).await.unwrap();
        assert!(reply.status.is_success(), "{target}: {} {:?}", reply.status, reply.body);
        serde_json::from_slice(&reply.body).unwrap_or(Value::Null)
    }

    async fn turn(&self, verb: &str, body: Value) {
        self.operate(Method::POST, &format!("/salesforce/{verb}"), body).await;
    }

    /// Plans a fault that strikes once, unless it says otherwise.
    async fn fault(&self, mut body: Value) {
        if body["times"].is_null() {
            body["times"] = json!(1);
        }
        self.turn("faults", body).await;
    }

    async fn books(&self) -> Value {
        self.operate(Method::GET, "/salesforce/books", Value::Null).await
    }

    /// The living records of an object, as kept.
    async fn records(&self, object: &str) -> Vec<Value> {
        let all = self.operate(Method::GET, &format!("/salesforce/records?object={object}"), Value::Null).await;
        all["records"].as_array().unwrap().clone()
    }

    async fn save_customer(&self, customer: pb::CustomerRecord) -> Result<pb::UpsertCustomerResponse, Refusal> {
        let request = pb::UpsertCustomerRequest { instance: "crm".to_owned(), customer: Some(customer) };
        self.crm.upsert_customer(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
    }

    async fn save_order(&self, context: pb::OrderContext) -> Result<pb::UpsertOrderContextResponse, Refusal> {
        let request = pb::UpsertOrderContextRequest {
            instance: "crm".to_owned(),
            context: Some(context),
            customer: Some(customer()),
        };
        self.crm.upsert_order_context(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
    }

    async fn find_order(&self, key: &str) -> Result<pb::GetOrderContextResponse, Refusal> {
        let request = pb::GetOrderContextRequest { instance: "crm".to_owned(), external_ref: key.to_owned() };
        self.crm.get_order_context(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
    }
}

impl World {
    /// An agent opens a case: its id and number.
    async fn open(&self, body: Value) -> (String, String) {
        let opened = self.operate(Method::POST, "/salesforce/case", body).await;
        let text = |name: &str| opened[name].as_str().unwrap().to_owned();
        (text("id"), text("case_number"))
    }

    async fn save_return(&self, context: pb::ReturnContext) -> Result<pb::UpsertReturnContextResponse, Refusal> {
        let request = pb::UpsertReturnContextRequest { instance: "crm".to_owned(), context: Some(context) };
        self.crm.upsert_return_context(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
    }

    async fn tell(
        &self,
        case_id: &str,
        milestones: Vec<pb::Milestone>,
    ) -> Result<pb::RecordMilestonesResponse, Refusal> {
        let request =
            pb::RecordMilestonesRequest { instance: "crm".to_owned(), case_id: case_id.to_owned(), milestones };
        self.crm.record_milestones(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
    }

    async fn link(&self, case_id: &str, order: &str, one: &str) -> Result<Outcome, Refusal> {
        let request = pb::LinkCaseRequest {
            instance: "crm".to_owned(),
            case_id: case_id.to_owned(),
            order_ref: order.to_owned(),
            return_ref: one.to_owned(),
        };
        let answer = self.crm.link_case(Request::new(request)).await.map_err(read)?;
        Ok(answer.into_inner().outcome.unwrap())
    }

    async fn find_case(&self, id: &str, number: &str) -> Result<pb::Case, Refusal> {
        let request =
            pb::GetCaseRequest { instance: "crm".to_owned(), case_id: id.to_owned(), case_number: number.to_owned() };
        let answer = self.crm.get_case(Request::new(request)).await.map_err(read)?;
        Ok(answer.into_inner().case_record.unwrap())
    }

    async fn poll(&self, cursor: &str, limit: i32) -> Result<pb::PollCasesResponse, Refusal> {
        let request = pb::PollCasesRequest { instance: "crm".to_owned(), cursor: cursor.to_owned(), limit };
        self.crm.poll_cases(Request::new(request)).await.map(tonic::Response::into_inner).map_err(read)
    }

    /// How many requests the org got whose path contains this.
    async fn asked(&self, contains: &str) -> usize {
        let calls = self.operate(Method::GET, &format!("/salesforce/requests?contains={contains}"), Value::Null).await;
        calls.as_array().or_else(|| calls["requests"].as_array()).unwrap().len()
    }
}

fn read(status: Status) -> Refusal {
    Refusal::read(&status)
}

fn customer() -> pb::CustomerRecord {
    pb::CustomerRecord {
        external_ref: "c-1".to_owned(),
        is_person: true,
        first_name: "Jo".to_owned(),
        last_name: "Doe".to_owned(),
        email: "jo@example.com".to_owned(),
        version: 1,
        ..pb::CustomerRecord::default()
    }
}

fn order() -> pb::OrderContext {
    pb::OrderContext {
        external_ref: "o-1".to_owned(),
        order_number: "536365".to_owned(),
        customer_ref: "c-1".to_owned(),
        status: "Waiting for shipment".to_owned(),
        next: "The warehouse ships it".to_owned(),
        total: Some(Money { minor_units: 13_912, currency: "GBP".to_owned() }),
        erp_number: "SO-17".to_owned(),
        invoice_numbers: vec!["INV-1".to_owned()],
        tracking_numbers: vec!["T1".to_owned(), "T2".to_owned()],
        placed_at: Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 0 }),
        line_count: 7,
        version: 5,
        ..pb::OrderContext::default()
    }
}

fn a_return() -> pb::ReturnContext {
    let line = |number: i32, sku: &str, requested: &str| pb::ReturnContextLine {
        number,
        sku: sku.to_owned(),
        requested: requested.to_owned(),
        reason: "Broken".to_owned(),
        ..pb::ReturnContextLine::default()
    };
    pb::ReturnContext {
        external_ref: "r-1".to_owned(),
        rma_number: "R-1001".to_owned(),
        customer_ref: "c-1".to_owned(),
        order_refs: vec!["o-1".to_owned()],
        status: "Waiting for the parcel".to_owned(),
        credited: Some(Money { minor_units: 1_530, currency: "GBP".to_owned() }),
        credit_memo_numbers: vec!["CM-1".to_owned()],
        requested_at: Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 0 }),
        lines: vec![line(1, "85123A", "3"), line(2, "22423", "1")],
        version: 5,
        ..pb::ReturnContext::default()
    }
}

fn milestone(key: &str, kind: &str) -> pb::Milestone {
    pb::Milestone {
        external_ref: key.to_owned(),
        kind: kind.to_owned(),
        return_ref: "r-1".to_owned(),
        happened_at: Some(prost_types::Timestamp { seconds: 1_795_422_360, nanos: 0 }),
        detail: "RMA R-1001 authorized, 3 pieces".to_owned(),
        document_number: key.to_owned(),
        ..pb::Milestone::default()
    }
}

fn state(outcome: Option<Outcome>) -> (OutcomeState, String) {
    let outcome = outcome.unwrap();
    (outcome.state(), outcome.reason)
}

fn done() -> (OutcomeState, String) {
    (OutcomeState::Done, String::new())
}

fn one(count: u64) -> Value {
    json!({"count": count, "duplicates": 0})
}
