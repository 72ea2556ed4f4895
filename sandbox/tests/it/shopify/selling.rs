//! Orders come into being: once per name, with stock committed, in the REST shape.

use super::*;

#[test]
fn an_order_is_sold_once_per_name() {
    let shop = shop();
    let first = order("#1", vec![line("MUG", 3, "2.50")]);
    assert_eq!(shop.sell(std::slice::from_ref(&first))["accepted"], 1);
    assert_eq!(shop.sell(std::slice::from_ref(&first))["known"], 1);
    let other = shop.sell(&[order("#1", vec![line("MUG", 4, "2.50")])]);
    assert_eq!(other["refused"][0]["why"], "an order of that name was sold with another content");
    let books = shop.twin.books();
    assert_eq!((&books["orders"]["count"], &books["orders"]["duplicates"]), (&json!(1), &json!(0)));
    assert_eq!(shop.stock("MUG"), (97, 100, 3));
}

#[test]
fn what_the_shop_does_not_have_is_not_sold() {
    let shop = shop();
    let why = |lines| shop.sell(&[order("#1", lines)])["refused"][0]["why"].as_str().unwrap().to_owned();
    assert_eq!(why(vec![line("GHOST", 1, "1.00")]), "the shop has no variant GHOST");
    assert_eq!(why(vec![line("MUG", 0, "1.00")]), "quantity 0 of MUG is not positive");
    assert_eq!(why(vec![line("MUG", 1, "-1.00")]), "price -1.00 of MUG is no price");
    assert_eq!(why(vec![]), "an order needs a line");
    assert_eq!(shop.twin.books()["orders"]["count"], 0);
}

#[test]
fn row_22_overselling_takes_available_below_zero_only_where_allowed() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("BELL", 7, "1.00")])]);
    assert_eq!(shop.stock("BELL"), (-2, 5, 7));
    let strict = shop_with(Config { oversell: false, ..Config::default() });
    let sold = strict.sell(&[order("#1", vec![line("BELL", 4, "1.00"), line("BELL", 3, "1.00")])]);
    assert_eq!(sold["refused"][0]["why"], "only 5 of BELL are left");
    assert_eq!(strict.stock("BELL"), (5, 5, 0));
}

#[test]
fn postage_is_a_shipping_line_and_other_charges_are_custom_lines() {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    shop.sell(&[order("#1", vec![line("MUG", 2, "2.50"), line("POST", 1, "18.00"), line("M", 1, "1.10")])]);
    let body = deliveries::body(&shop, "#1", "orders/create");
    assert_eq!(body["total_price"], "24.10");
    assert_eq!(body["shipping_lines"][0]["price"], "18.00");
    assert_eq!(body["shipping_lines"][0]["code"], "POST");
    let custom = &body["line_items"][1];
    assert_eq!(
        (&custom["sku"], &custom["variant_id"], &custom["requires_shipping"]),
        (&json!("M"), &Value::Null, &json!(false))
    );
    assert_eq!(
        shop.twin.books()["orders"],
        json!({"count": 1, "lines": 3, "value": "24.10", "duplicates": 0, "cancelled": 0, "edited": 0, "fulfilled": 0, "partial": 0, "nothing_to_ship": 0})
    );
}

#[test]
fn postage_that_is_charged_several_times_is_a_custom_line_of_which_a_part_can_be_given_back() {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50"), line("POST", 3, "18.00")])]);
    let body = deliveries::body(&shop, "#1", "orders/create");
    assert_eq!((&body["total_price"], &body["shipping_lines"]), (&json!("56.50"), &json!([])));
    let custom = &body["line_items"][1];
    assert_eq!(
        (&custom["sku"], &custom["quantity"], &custom["price"], &custom["variant_id"]),
        (&json!("POST"), &json!(3), &json!("18.00"), &Value::Null)
    );
}

#[test]
fn row_32_amounts_are_strings_in_money_sets_and_ids_are_beyond_2_to_the_53() {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    shop.sell(&[order("#1", vec![line("MUG", 2, "2.50")])]);
    let body = deliveries::body(&shop, "#1", "orders/create");
    let id = body["id"].as_i64().unwrap();
    assert!(id > 1_i64 << 53);
    assert_eq!(body["admin_graphql_api_id"], format!("gid://shopify/Order/{id}"));
    let money = json!({"amount": "5.00", "currency_code": "GBP"});
    assert_eq!(body["total_price_set"], json!({"shop_money": money, "presentment_money": money}));
    assert_eq!(
        (&body["taxes_included"], &body["tax_lines"], &body["financial_status"]),
        (&json!(true), &json!([]), &json!("paid"))
    );
}

#[test]
fn a_registered_customer_has_an_address_of_his_own_and_a_guest_is_null() {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    let guest = Order { customer: None, ..order("#2", vec![line("MUG", 1, "2.50")]) };
    shop.sell(&[order("#1", vec![line("MUG", 1, "2.50")]), guest]);
    let known = deliveries::body(&shop, "#1", "orders/create");
    assert_eq!(
        (&known["customer"]["id"], &known["customer"]["email"]),
        (&json!(17850), &json!("17850@customers.example.com"))
    );
    assert_eq!(known["shipping_address"]["country_code"], "GB");
    let guest = deliveries::body(&shop, "#2", "orders/create");
    assert_eq!((&guest["customer"], &guest["email"]), (&Value::Null, &json!("")));
}

#[test]
fn a_price_finer_than_a_penny_is_rounded_half_even_and_reported() {
    let shop = shop();
    let sold = shop.sell(&[order("#1", vec![line("MUG", 2, "2.505"), line("BELL", 1, "0.001")])]);
    assert_eq!(
        sold["rounded"][0],
        json!({"order": "#1", "sku": "MUG", "quantity": 2, "price": "2.505", "rounded": "2.50"})
    );
    assert_eq!(sold["rounded"][1]["rounded"], "0.00");
    assert_eq!(shop.twin.books()["orders"]["value"], "5.00");
}

#[test]
fn an_order_of_charges_alone_needs_no_fulfilment() {
    let shop = shop();
    shop.sell(&[order("#1", vec![line("M", 1, "10.00")])]);
    let demand = shop.demand("#1");
    assert_eq!(demand["displayFulfillmentStatus"], "FULFILLMENT_NOT_REQUIRED");
    assert_eq!(demand["fulfillmentOrders"]["nodes"], json!([]));
}

#[test]
fn a_cancelled_order_gives_its_goods_back_and_cannot_be_cancelled_twice() {
    let shop = shop();
    shop.turn("webhooks", json!({"url": "http://127.0.0.1:1/hooks"}));
    shop.sell(&[order("#1", vec![line("MUG", 3, "2.50")])]);
    shop.turn("cancel", json!({"order": "#1"}));
    assert_eq!(shop.stock("MUG"), (100, 100, 0));
    assert_eq!(shop.verb(Method::POST, "cancel", json!({"order": "#1"})).status, 409);
    let body = deliveries::body(&shop, "#1", "orders/cancelled");
    assert_eq!((&body["cancel_reason"], &body["line_items"][0]["current_quantity"]), (&json!("customer"), &json!(0)));
}

/// Sells a whole book and gives the shop's orders and stock afterwards.
fn sold(book: &retail_sandbox::orderbook::OrderBook) -> Value {
    let shop = Shopify::open(None, Config::default(), Rng::seeded(7)).unwrap();
    shop.seed(&book.seed);
    let shop = Shop {
        twin: shop,
        now: Cell::new("2026-11-23T13:00:00Z".parse().unwrap()),
        token: String::new(),
        version: "2026-10",
    };
    for orders in book.orders.chunks(200) {
        let told = shop.sell(orders);
        assert_eq!((&told["accepted"], &told["refused"]), (&json!(orders.len()), &json!([])));
    }
    shop.twin.books()
}

#[test]
fn the_order_book_is_sold_to_the_penny_and_takes_all_stock() {
    let book = match retail_sandbox::orderbook::OrderBook::first_day() {
        Some(day) => retail_sandbox::orderbook::OrderBook::open(&day).unwrap(),
        None => retail_sandbox::orderbook::OrderBook::small().unwrap(),
    };
    let books = sold(&book);
    assert_eq!(books["orders"]["count"], book.report.orders);
    assert_eq!(books["orders"]["lines"], book.report.lines);
    assert_eq!(books["orders"]["value"].as_str(), Some(book.report.value.as_str()));
    let written_off: i64 = book.write_offs.iter().map(|lost| -lost.quantity).sum();
    assert_eq!(books["inventory"]["committed"], book.report.units.to_string());
    assert_eq!(books["inventory"]["on_hand"], (book.report.units + written_off).to_string());
}
