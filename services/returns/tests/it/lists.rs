//! Lists, the feed, and what a wrong question is told.

use prost::Message as _;
use retail_proto::events::v1::TailRequest;
use retail_proto::events::v1::feed_service_client::FeedServiceClient;
use retail_proto::returns::v1::{GetReturnRequest, ListReturnsRequest, Return, ReturnState};
use retail_runtime::fault::{Class, Refusal};
use tonic_types::StatusExt as _;

use crate::harness::{Mesh, mesh, request};

async fn list(mesh: &Mesh, request: ListReturnsRequest) -> Vec<String> {
    let answer = mesh.returns().list_returns(request).await.unwrap().into_inner();
    answer.returns.into_iter().map(|record| record.source_return_id).collect()
}

#[tokio::test]
async fn returns_are_listed_by_whatever_people_know_of_them() {
    let mesh = mesh().await;
    let good = mesh.authorized(1, &[(1, 1)]).await;
    let held = mesh.start(request(2, &[(9, 1)])).await;
    mesh.until_state(&held, ReturnState::Held).await;
    let all = ListReturnsRequest::default;
    let ask = |request: ListReturnsRequest| list(&mesh, request);
    assert_eq!(ask(all()).await.len(), 2);
    let state = i32::from(ReturnState::Held);
    assert_eq!(ask(ListReturnsRequest { state, ..all() }).await, ["2"]);
    assert_eq!(ask(ListReturnsRequest { customer_id: "c-1".into(), ..all() }).await, ["1"]);
    assert_eq!(ask(ListReturnsRequest { rma_number: good.rma_number, ..all() }).await, ["1"]);
    assert_eq!(ask(ListReturnsRequest { order_id: "o-1001".into(), ..all() }).await.len(), 2);
    assert_eq!(ask(ListReturnsRequest { exceptions_only: true, ..all() }).await, ["2"]);
    assert_eq!(ask(ListReturnsRequest { exception_cause: "PURCHASED".into(), ..all() }).await, ["2"]);
    assert_eq!(ask(ListReturnsRequest { source_ref: "service-desk/2".into(), ..all() }).await, ["2"]);
    mesh.dismiss(&held, 1).await.unwrap();
    assert!(ask(ListReturnsRequest { exceptions_only: true, ..all() }).await.is_empty());
}

#[tokio::test]
async fn a_list_is_read_page_by_page_and_none_is_left_out() {
    let mesh = mesh().await;
    for number in 1..=5 {
        mesh.start(request(number, &[(1, 1)])).await;
    }
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let page = ListReturnsRequest { page_size: 2, page_token: token, ..Default::default() };
        let answer = mesh.returns().list_returns(page).await.unwrap().into_inner();
        assert!(answer.returns.len() <= 2);
        all.extend(answer.returns.into_iter().map(|record| record.source_return_id));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    all.sort_unstable();
    assert_eq!(all, ["1", "2", "3", "4", "5"]);
}

#[tokio::test]
async fn a_wrong_question_names_its_field() {
    let mesh = mesh().await;
    let both = ListReturnsRequest { customer_id: "c-1".into(), exceptions_only: true, ..Default::default() };
    let refusal = Refusal::read(&mesh.returns().list_returns(both).await.unwrap_err());
    assert_eq!((refusal.class(), refusal.fields()[0].0.as_str()), (Class::Invalid, "state"));
    let status = mesh.returns().get_return(GetReturnRequest { return_id: "none".into() }).await.unwrap_err();
    let info = status.get_error_details().error_info().cloned().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("NO_SUCH_RETURN", "returns.retail"));
}

#[tokio::test]
async fn the_feed_tells_every_milestone_with_the_whole_return_and_without_a_gap() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 2)]).await.return_id;
    mesh.receive_all(&id).await;
    mesh.completed(&id).await;
    let request = TailRequest { until_end: true, ..Default::default() };
    let mut stream = FeedServiceClient::new(mesh.peer()).tail(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(batch) = stream.message().await.unwrap() {
        events.extend(batch.events);
    }
    let mut of_return: Vec<_> = events.into_iter().filter(|event| event.subject.ends_with(&id)).collect();
    of_return.sort_by_key(|event| event.version);
    let versions: Vec<u64> = of_return.iter().map(|event| event.version).collect();
    assert_eq!(versions, (1..=u64::try_from(versions.len()).unwrap()).collect::<Vec<_>>());
    let told = |word: &str| of_return.iter().any(|event| event.r#type == format!("retail.returns.v1.{word}"));
    for word in ["ReturnRequested", "ReturnAuthorized", "ReturnReceived", "ReturnCompleted"] {
        assert!(told(word), "{word} was not told");
    }
    let last = Return::decode(of_return.last().unwrap().data.as_slice()).unwrap();
    assert_eq!(last.state(), ReturnState::Completed);
    assert!(last.parts[0].refund_document.is_some());
}
