//! The same thing told more than once.

use retail_proto::returns::v1::{
    Disposition, ReceiveReturnRequest, ResolveExceptionRequest, ReturnState, StartReturnRequest,
};
use retail_runtime::fault::Class;
use tonic::Code;

use crate::harness::{mesh, request};

const REPLAYED: &str = "x-idempotency-replayed";

#[tokio::test]
async fn the_same_request_twice_is_one_return_and_the_second_answer_says_so() {
    let mesh = mesh().await;
    let first = mesh.returns().start_return(request(1, &[(1, 2)])).await.unwrap();
    let again = mesh.returns().start_return(request(1, &[(1, 2)])).await.unwrap();
    assert!(first.metadata().get(REPLAYED).is_none());
    assert_eq!(again.metadata().get(REPLAYED).unwrap(), "true");
    let id = first.into_inner().return_record.unwrap().return_id;
    assert_eq!(again.into_inner().return_record.unwrap().return_id, id);
    mesh.until(&id, |record| record.parts.iter().any(|part| part.return_authorization.is_some())).await;
    assert_eq!(mesh.erp.books().returns.len(), 1);
}

#[tokio::test]
async fn the_same_return_under_two_keys_is_one_return() {
    let mesh = mesh().await;
    let first = mesh.start(request(1, &[(1, 2)])).await;
    let again = StartReturnRequest { idempotency_key: "another".into(), ..request(1, &[(1, 2)]) };
    assert_eq!(mesh.start(again).await, first);
}

#[tokio::test]
async fn other_content_of_one_return_is_a_conflict_and_changes_nothing() {
    let mesh = mesh().await;
    let id = mesh.start(request(1, &[(1, 2)])).await;
    let other = StartReturnRequest { idempotency_key: "another".into(), ..request(1, &[(1, 3)]) };
    let refusal = mesh.try_start(other).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Precondition, "OTHER_CONTENT"));
    assert_eq!(refusal.metadata("return_id"), Some(id.as_str()));
    assert_eq!(mesh.get(&id).await.lines[0].requested, "2");
}

#[tokio::test]
async fn other_content_under_one_key_is_refused_and_the_key_is_named() {
    let mesh = mesh().await;
    mesh.start(request(1, &[(1, 2)])).await;
    let refusal = mesh.try_start(request(1, &[(1, 3)])).await.unwrap_err();
    assert_eq!((refusal.class(), refusal.reason()), (Class::Invalid, "IDEMPOTENCY_KEY_REUSED"));
    assert_eq!(refusal.metadata("idempotency_key"), Some("desk-1"));
}

#[tokio::test]
async fn a_request_without_a_key_is_refused_by_field() {
    let mesh = mesh().await;
    let keyless = StartReturnRequest { idempotency_key: String::new(), ..request(1, &[(1, 2)]) };
    let status = mesh.returns().start_return(keyless).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let refusal = retail_runtime::fault::Refusal::read(&status);
    assert_eq!((refusal.reason(), refusal.fields()[0].0.as_str()), ("BAD_REQUEST", "idempotency_key"));
}

#[tokio::test]
async fn the_same_receipt_under_two_keys_is_one_receipt_and_other_content_a_conflict() {
    let mesh = mesh().await;
    let id = mesh.authorized(1, &[(1, 6)]).await.return_id;
    mesh.receive(&id, "dock-1", &[(1, 2, Disposition::Restock)]).await.unwrap();
    let told = ReceiveReturnRequest {
        idempotency_key: "another".into(),
        return_id: id.clone(),
        receipt_ref: "dock-1".into(),
        received_at: Some(prost_types::Timestamp { seconds: crate::orders::START + 12 * 86_400, nanos: 0 }),
        lines: vec![retail_proto::returns::v1::ReturnReceiptLine {
            number: 1,
            quantity: "2".into(),
            disposition: i32::from(Disposition::Restock),
        }],
        ..Default::default()
    };
    let again = mesh.returns().receive_return(told.clone()).await.unwrap().into_inner().return_record.unwrap();
    assert_eq!((again.lines[0].received.as_str(), again.parts[0].receipts.len()), ("2", 1));
    let mut other = ReceiveReturnRequest { idempotency_key: "third".into(), ..told };
    other.lines[0].quantity = "3".into();
    let status = mesh.returns().receive_return(other).await.unwrap_err();
    assert_eq!(retail_runtime::fault::Refusal::read(&status).reason(), "RECEIPT_DIFFERS");
}

#[tokio::test]
async fn a_line_is_settled_once_however_often_that_is_said() {
    let mesh = mesh().await;
    let id = mesh.start(request(1, &[(9, 1)])).await;
    mesh.until_state(&id, ReturnState::Held).await;
    let dismiss = || ResolveExceptionRequest { dismiss: true, ..Default::default() };
    mesh.resolve(&id, 1, dismiss()).await.unwrap();
    mesh.resolve(&id, 1, dismiss()).await.unwrap();
    assert_eq!(mesh.until_state(&id, ReturnState::Refused).await.open_exceptions, 0);
}
