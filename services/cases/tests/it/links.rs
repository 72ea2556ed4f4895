//! Tying cases to transactions.

use retail_proto::cases::v1 as pb;
use retail_runtime::fault::{Class, Refusal};

use crate::crm::case;
use crate::harness::mesh;
use crate::say::{order, returned};

#[tokio::test]
async fn the_crms_case_points_to_its_transactions_once_agents_can_see_them() {
    let mesh = mesh().await;
    mesh.orders.order(&order(1)).await;
    mesh.returns.return_record(&returned(7, 1)).await;
    mesh.crm.books.write(|desk| desk.put(case("500", "00001026")));
    mesh.until_case("500", |_| true).await;
    mesh.until_some(|| async { mesh.link("500", "", "r-7").await.ok() }).await;
    mesh.crm.books.until(|desk| desk.cases["500"].1.return_ref == "r-7").await;
    assert_eq!(mesh.crm.books.open().cases["500"].1.order_ref, "", "agents do not see the order yet");
    mesh.crm.books.write(|desk| desk.orders.insert("o-1".into()));
    mesh.crm.books.until(|desk| desk.cases["500"].1.order_ref == "o-1").await;
}

#[tokio::test]
async fn an_agents_own_pointer_is_left_alone() {
    let mesh = mesh().await;
    mesh.orders.order(&order(1)).await;
    mesh.orders.order(&order(2)).await;
    let mut opened = case("500", "00001026");
    opened.order_ref = "o-2".into();
    mesh.crm.books.write(|desk| {
        desk.orders.extend(["o-1".to_owned(), "o-2".to_owned()]);
        desk.put(opened);
    });
    mesh.until_some(|| async { mesh.link("500", "o-1", "").await.ok() }).await;
    mesh.crm.books.until(|desk| desk.kinds("500").len() == 4).await;
    assert_eq!(mesh.crm.books.open().cases["500"].1.order_ref, "o-2");
}

#[tokio::test]
async fn linking_twice_changes_nothing_and_a_case_is_listed_by_what_hangs_on_it() {
    let mesh = mesh().await;
    mesh.orders.order(&order(1)).await;
    mesh.crm.books.write(|desk| {
        let mut opened = case("500", "00001026");
        opened.customer_ref = "c-1".into();
        desk.put(opened);
    });
    mesh.until_some(|| async { mesh.link("500", "o-1", "").await.ok() }).await;
    let settled =
        mesh.until_case("500", |case| case.milestones.iter().filter(|one| one.record.is_some()).count() == 2).await;
    let again = mesh.link("500", "o-1", "").await.unwrap();
    assert_eq!((again.order_ids, again.version), (settled.order_ids, settled.version));
    let lists = [
        pb::ListCasesRequest::default(),
        pb::ListCasesRequest { order_id: "o-1".into(), ..Default::default() },
        pb::ListCasesRequest { customer_id: "c-1".into(), ..Default::default() },
    ];
    for list in lists {
        let listed = mesh.cases().list_cases(list.clone()).await.unwrap().into_inner().cases;
        assert_eq!(listed.len(), 1, "{list:?}");
    }
    let other = pb::ListCasesRequest { order_id: "o-2".into(), ..Default::default() };
    assert!(mesh.cases().list_cases(other).await.unwrap().into_inner().cases.is_empty());
}

#[tokio::test]
async fn what_does_not_exist_is_not_linked() {
    let mesh = mesh().await;
    mesh.crm.books.write(|desk| desk.put(case("500", "00001026")));
    for (case_id, order_id, return_id, reason) in
        [("501", "o-1", "", "NO_SUCH_CASE"), ("500", "o-1", "", "NO_SUCH_ORDER"), ("500", "", "r-1", "NO_SUCH_RETURN")]
    {
        let refusal = mesh.link(case_id, order_id, return_id).await.unwrap_err();
        assert_eq!((refusal.class(), refusal.reason()), (Class::NotFound, reason));
    }
}

#[tokio::test]
async fn a_link_without_its_fields_is_refused_by_field() {
    let mesh = mesh().await;
    let status = mesh.cases().link_case(pb::LinkCaseRequest::default()).await.unwrap_err();
    let fields: Vec<_> = Refusal::read(&status).fields().iter().map(|(field, _)| field.clone()).collect();
    assert_eq!(fields, ["idempotency_key", "case_id", "order_id"]);
}

#[tokio::test]
async fn a_list_goes_on_where_its_page_ended() {
    let mesh = mesh().await;
    mesh.crm.books.write(|desk| {
        for (number, id) in (0..).zip(["500", "501", "502"]) {
            let mut opened = case(id, id);
            opened.customer_ref = "c-1".into();
            opened.opened_at = crate::say::at(number);
            desk.put(opened);
        }
    });
    let by_customer = pb::ListCasesRequest { customer_id: "c-1".into(), page_size: 2, ..Default::default() };
    let list = async |request: pb::ListCasesRequest| mesh.cases().list_cases(request).await.unwrap().into_inner();
    mesh.until_some(|| async {
        let all = list(pb::ListCasesRequest { page_size: 0, ..by_customer.clone() }).await;
        (all.cases.len() == 3).then_some(())
    })
    .await;
    for request in [by_customer.clone(), pb::ListCasesRequest { page_size: 2, ..Default::default() }] {
        let first = list(request.clone()).await;
        let next = list(pb::ListCasesRequest { page_token: first.next_page_token.clone(), ..request }).await;
        let ids = |page: &pb::ListCasesResponse| -> Vec<String> {
            page.cases.iter().map(|case| case.case_record.clone().unwrap().record.unwrap().id).collect()
        };
        assert_eq!((ids(&first), ids(&next)), (vec!["502".into(), "501".into()], vec!["500".into()]));
        assert_eq!(next.next_page_token, "");
    }
}
