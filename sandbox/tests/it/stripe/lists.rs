//! Lists with their cursors, the search that lags, expanded members, thirty days of events.

use super::*;

#[test]
fn a_list_goes_both_ways_from_a_cursor() {
    let account = account();
    let made: Vec<String> = (0..5).map(|_| account.held(2000)).collect();
    let page = |query: &str| {
        let (_, list) = account.get(&format!("/v1/payment_intents?limit=2{query}"));
        let ids = list["data"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
        (ids.collect::<Vec<_>>(), list["has_more"].as_bool().unwrap())
    };
    let at = |index: usize| made[index].clone();
    assert_eq!(page(""), (vec![at(4), at(3)], true));
    assert_eq!(page(&format!("&starting_after={}", at(3))), (vec![at(2), at(1)], true));
    assert_eq!(page(&format!("&starting_after={}", at(1))), (vec![at(0)], false));
    assert_eq!(page(&format!("&ending_before={}", at(0))), (vec![at(2), at(1)], true));
    assert_eq!(page(&format!("&ending_before={}", at(3))), (vec![at(4)], false));
    assert_eq!(code(&account.get("/v1/payment_intents?limit=101")), (400, "parameter_invalid_integer"));
    assert_eq!(code(&account.get("/v1/payment_intents?starting_after=pi_none")), (400, "resource_missing"));
}

#[test]
fn the_search_lags_behind_what_was_written() {
    let account = account();
    let id =
        account.turn("pay", json!({"amount": 2000, "currency": "gbp", "metadata": {"order_id": "1001"}}))["id"].clone();
    let found = || {
        let query = "metadata%5B%22order_id%22%5D%3A%221001%22%20AND%20currency%3A%22gbp%22";
        account.get(&format!("/v1/payment_intents/search?query={query}")).1["data"].clone()
    };
    assert_eq!(found(), json!([]));
    account.later(SignedDuration::from_secs(5));
    assert_eq!(found()[0]["id"], id);
    assert_eq!(account.get("/v1/payment_intents/search?query=amount%3E5").0, 400);
}

#[test]
fn events_are_listed_by_type_and_time_for_thirty_days() {
    let account = account();
    account.taken(2000, "pm_card_visa");
    let since = account.now.get().as_second();
    let count = |query: &str| account.get(&format!("/v1/events?limit=100&{query}")).1["data"].as_array().unwrap().len();
    assert_eq!(count("types[]=charge.succeeded&types[]=refund.created"), 1);
    assert_eq!(count("type=payment_intent.*"), 2);
    assert_eq!((count(&format!("created[gte]={since}")), count(&format!("created[gt]={since}"))), (3, 0));
    let (_, events) = account.get("/v1/events");
    let event = format!("/v1/events/{}", events["data"][0]["id"].as_str().unwrap());
    assert_eq!(account.get(&event).1["object"], "event");
    account.later(SignedDuration::from_secs(30 * 86_400 + 1));
    assert_eq!((count(""), account.get(&event).0), (0, 404));
}

#[test]
fn an_event_names_the_request_and_the_key_that_caused_it() {
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    let answer = account.keyed("/v1/refunds", &format!("payment_intent={id}"), "key-1");
    let (_, events) = account.get("/v1/events?type=refund.created");
    assert_eq!(events["data"][0]["request"]["idempotency_key"], "key-1");
    assert_eq!(events["data"][0]["request"]["id"].as_str(), header(&answer, "request-id"));
}

#[test]
fn only_what_is_expandable_is_expanded() {
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    let (_, listed) = account.get("/v1/payment_intents?expand[]=data.latest_charge");
    assert_eq!(listed["data"][0]["latest_charge"]["object"], "charge");
    assert_eq!(account.get(&format!("/v1/payment_intents/{id}?expand[]=colour")).0, 400);
}

/// Members of our objects are Stripe's, and none of its examples' are missing.
#[test]
fn objects_have_the_members_of_the_vendors_fixtures() {
    // `fixtures3.json` of stripe/openapi; members that its other versions or other payment methods alone have are left out.
    let members = |object: &Value| object.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let account = account();
    let id = account.taken(2000, "pm_card_visa");
    let (_, intent) = account.get(&format!("/v1/payment_intents/{id}"));
    assert_eq!(members(&intent).len(), 42, "{:?}", members(&intent));
    let (_, refund) = account.post("/v1/refunds", &format!("payment_intent={id}"));
    let known = [
        "amount",
        "balance_transaction",
        "charge",
        "created",
        "currency",
        "customer",
        "customer_account",
        "destination_details",
        "id",
        "metadata",
        "object",
        "payment_intent",
        "payment_method",
        "reason",
        "receipt_number",
        "source_transfer_reversal",
        "status",
        "transfer_reversal",
    ];
    let mut found = members(&refund);
    found.sort();
    assert_eq!(found, known);
}
