//! A mesh of one service and five neighbours. Facts are waited for where they appear: in the stream of the return, or
//! in the books of a neighbour.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use retail_proto::commerce::v1::commerce_service_server::CommerceServiceServer;
use retail_proto::customers::v1::customers_service_server::CustomersServiceServer;
use retail_proto::erp::v1::erp_service_server::ErpServiceServer;
use retail_proto::inventory::v1::inventory_service_server::InventoryServiceServer;
use retail_proto::orders::v1 as sold;
use retail_proto::orders::v1::orders_service_server::OrdersServiceServer;
use retail_proto::returns::v1 as pb;
use retail_proto::returns::v1::returns_service_client::ReturnsServiceClient;
use retail_returns::{Channel, Config};
use retail_runtime::config::Span;
use retail_runtime::fault::Refusal;
use retail_runtime::{Clock, Net, Peer, Rng, Runtime};
use retail_store::{Model, Store};
use tonic::service::Routes;
use tonic::{Response, Status};

use crate::books::{PATIENCE, minor};
use crate::erp::Erp;
use crate::orders::{Orders, START, order};
use crate::people::People;
use crate::shop::Shop;
use crate::stock::Stock;

/// The service and its neighbours.
pub(crate) struct Mesh {
    pub(crate) orders: Orders,
    pub(crate) erp: Erp,
    pub(crate) shop: Shop,
    pub(crate) stock: Stock,
    pub(crate) model: Model,
    runtime: Runtime,
    peer: Peer,
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.runtime.stop();
    }
}

pub(crate) async fn serve(runtime: &Runtime, routes: Routes) -> String {
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = format!("http://{}", listener.local_addr());
    let server = runtime.clone();
    runtime.spawn("neighbour", async move { server.serve_grpc(listener, routes).await.unwrap() });
    address
}

pub(crate) async fn mesh() -> Mesh {
    mesh_with(|_| {}).await
}

/// A mesh whose configuration is changed before it starts.
pub(crate) async fn mesh_with(change: impl FnOnce(&mut Config)) -> Mesh {
    let runtime = Runtime::new("returns-test", Clock::system(), Rng::seeded(11), Net::tcp());
    let (orders, erp, shop, stock) = (Orders::default(), Erp::default(), Shop::default(), Stock::default());
    let channel = Channel {
        address: serve(&runtime, Routes::new(CommerceServiceServer::new(shop.clone()))).await,
        erp: "erp".into(),
        time_zone: "Europe/London".into(),
        ..Channel::default()
    };
    let erp_address = serve(&runtime, Routes::new(ErpServiceServer::new(erp.clone()))).await;
    let mut config = Config {
        orders: serve(&runtime, Routes::new(OrdersServiceServer::new(orders.clone()))).await,
        customers: serve(&runtime, Routes::new(CustomersServiceServer::new(People))).await,
        inventory: serve(&runtime, Routes::new(InventoryServiceServer::new(stock.clone()))).await,
        channels: BTreeMap::from([("shop".to_owned(), channel)]),
        erps: BTreeMap::from([(
            "erp".to_owned(),
            retail_returns::Erp { address: erp_address, poll: Span::from_millis(50) },
        )]),
        payments: BTreeMap::new(),
        policies: BTreeMap::new(),
        groups: Vec::new(),
        patience: Span::from_secs(3600),
    };
    change(&mut config);
    let model = Model::new();
    let store = Store::over(&runtime, Arc::new(model.clone()), "returns", "eu");
    let listener = runtime.bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let peer = runtime.peer(&format!("http://{}", listener.local_addr())).unwrap();
    let service = runtime.clone();
    runtime.spawn("returns", async move { retail_returns::run(config, service, store, listener).await.unwrap() });
    let mesh = Mesh { orders, erp, shop, stock, model, runtime, peer };
    mesh.sell(order(1001));
    mesh
}

/// Asks for units of lines of order 1001, at the service desk.
pub(crate) fn request(number: u32, lines: &[(i32, i64)]) -> pb::StartReturnRequest {
    let line = |(line, units): &(i32, i64)| pb::ReturnLineInput {
        order_id: "o-1001".into(),
        order_line_number: *line,
        quantity: units.to_string(),
        reason: "CHANGED_MIND".into(),
        ..Default::default()
    };
    pb::StartReturnRequest {
        idempotency_key: format!("desk-{number}"),
        capture: i32::from(pb::ReturnCapture::Request),
        channel: "shop".into(),
        source: "service-desk".into(),
        source_return_id: number.to_string(),
        // Ten days after the first order left.
        requested_at: Some(prost_types::Timestamp { seconds: START + 10 * 86_400, nanos: 0 }),
        lines: lines.iter().map(line).collect(),
        ..Default::default()
    }
}

type Asked<T> = Result<Response<T>, Status>;

async fn read<T>(answer: impl Future<Output = Asked<T>>) -> Result<T, Refusal> {
    answer.await.map(Response::into_inner).map_err(|status| Refusal::read(&status))
}

impl Mesh {
    pub(crate) fn returns(&self) -> ReturnsServiceClient<Peer> {
        ReturnsServiceClient::new(self.peer.clone())
    }

    /// The way to the service's other faces.
    pub(crate) fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// An order is known, and the shop has taken its money.
    pub(crate) fn sell(&self, order: sold::Order) {
        let captured = order.payments.iter().filter(|payment| payment.state() == sold::PaymentState::Captured);
        let captured: i64 = captured.map(|payment| minor(payment.amount.as_ref())).sum();
        self.shop.books.write(|till| till.captured.insert(order.channel_order_id.clone(), captured));
        self.orders.books.write(|drawer| drawer.orders.insert(order.order_id.clone(), order));
    }

    pub(crate) async fn try_start(&self, request: pb::StartReturnRequest) -> Result<pb::Return, Refusal> {
        Ok(read(self.returns().start_return(request)).await?.return_record.unwrap())
    }

    /// Starts a return and answers its id.
    pub(crate) async fn start(&self, request: pb::StartReturnRequest) -> String {
        self.try_start(request).await.unwrap().return_id
    }

    /// Starts a return and waits until the ERP awaits its goods.
    pub(crate) async fn authorized(&self, number: u32, lines: &[(i32, i64)]) -> pb::Return {
        let id = self.start(request(number, lines)).await;
        let opened = |record: &pb::Return| {
            !record.parts.is_empty() && record.parts.iter().all(|part| part.return_authorization.is_some())
        };
        self.until(&id, opened).await
    }

    /// Takes in all that is awaited.
    pub(crate) async fn receive_all(&self, id: &str) -> pb::Return {
        self.receive(id, "dock-all", &[]).await.unwrap()
    }

    pub(crate) async fn receive(
        &self,
        id: &str,
        receipt_ref: &str,
        lines: &[(i32, i64, pb::Disposition)],
    ) -> Result<pb::Return, Refusal> {
        let line = |(number, units, disposition): &(i32, i64, pb::Disposition)| pb::ReturnReceiptLine {
            number: *number,
            quantity: units.to_string(),
            disposition: i32::from(*disposition),
        };
        let request = pb::ReceiveReturnRequest {
            idempotency_key: format!("{id}-{receipt_ref}"),
            return_id: id.into(),
            receipt_ref: receipt_ref.into(),
            received_at: Some(prost_types::Timestamp { seconds: START + 12 * 86_400, nanos: 0 }),
            lines: lines.iter().map(line).collect(),
            ..Default::default()
        };
        Ok(read(self.returns().receive_return(request)).await?.return_record.unwrap())
    }

    pub(crate) async fn close(&self, id: &str) -> Result<pb::Return, Refusal> {
        let request = pb::CloseReturnRequest {
            idempotency_key: format!("close-{id}"),
            return_id: id.into(),
            reason: "the rest will not come".into(),
        };
        Ok(read(self.returns().close_return(request)).await?.return_record.unwrap())
    }

    pub(crate) async fn cancel(&self, id: &str) -> Result<pb::Return, Refusal> {
        let request = pb::CancelReturnRequest {
            idempotency_key: format!("cancel-{id}"),
            return_id: id.into(),
            reason: "keeps it after all".into(),
        };
        Ok(read(self.returns().cancel_return(request)).await?.return_record.unwrap())
    }

    pub(crate) async fn resolve(
        &self,
        id: &str,
        line_number: i32,
        how: pb::ResolveExceptionRequest,
    ) -> Result<pb::Return, Refusal> {
        let request = pb::ResolveExceptionRequest {
            idempotency_key: format!("resolve-{id}-{line_number}-{}-{}", how.order_id, how.dismiss),
            return_id: id.into(),
            line_number,
            note: "looked at it".into(),
            ..how
        };
        Ok(read(self.returns().resolve_exception(request)).await?.return_record.unwrap())
    }

    pub(crate) async fn dismiss(&self, id: &str, line_number: i32) -> Result<pb::Return, Refusal> {
        self.resolve(id, line_number, pb::ResolveExceptionRequest { dismiss: true, ..Default::default() }).await
    }

    pub(crate) async fn resume(&self, id: &str, key: &str) -> Result<pb::Return, Refusal> {
        let request =
            pb::ResumeReturnRequest { idempotency_key: key.into(), return_id: id.into(), note: "mended".into() };
        Ok(read(self.returns().resume_return(request)).await?.return_record.unwrap())
    }

    pub(crate) async fn take_refund(&self, request: pb::TakeRefundRequest) -> Result<String, Refusal> {
        Ok(read(self.returns().take_refund(request)).await?.return_id)
    }

    pub(crate) async fn get(&self, id: &str) -> pb::Return {
        let request = pb::GetReturnRequest { return_id: id.into() };
        read(self.returns().get_return(request)).await.unwrap().return_record.unwrap()
    }

    /// Follows the return until it is as wished.
    pub(crate) async fn until(&self, id: &str, wished: impl Fn(&pb::Return) -> bool) -> pb::Return {
        let mut last = None;
        let found = async {
            let request = pb::WatchReturnRequest { return_id: id.into() };
            let mut stream = self.returns().watch_return(request).await.unwrap().into_inner();
            while let Some(message) = stream.message().await.unwrap() {
                last = message.return_record;
                if last.as_ref().is_some_and(&wished) {
                    return true;
                }
            }
            false
        };
        let came = Clock::system().timeout(PATIENCE, found).await;
        assert_eq!(came, Ok(true), "never came; last seen {last:#?}");
        last.unwrap()
    }

    pub(crate) async fn until_state(&self, id: &str, state: pb::ReturnState) -> pb::Return {
        self.until(id, |record| record.state() == state).await
    }

    pub(crate) async fn completed(&self, id: &str) -> pb::Return {
        self.until_state(id, pb::ReturnState::Completed).await
    }

    /// The law of money: captured - refunded = invoiced - credited, in the books of shop and ERP.
    pub(crate) fn assert_money_law(&self, order_id: &str) {
        let order = self.orders.books.open().orders[order_id].clone();
        let till = self.shop.books.open();
        let captured = till.captured.get(&order.channel_order_id).copied().unwrap_or(0);
        let invoiced: i64 = order.invoices.iter().map(|invoice| minor(invoice.total.as_ref())).sum();
        let credited = self.erp.books().credited(&format!("so-{order_id}"));
        assert_eq!(captured - till.given_back(&order.channel_order_id), invoiced - credited, "order {order_id}");
    }
}
