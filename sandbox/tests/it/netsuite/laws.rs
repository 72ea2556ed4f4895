//! What must hold of a return whatever is done to it, in any order: quantities, stock and money.

use http::Method;
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use retail_sandbox::twin::{Answer, Twin};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::account::{Account, made};
use super::returns::{account, billed, transform};

/// What people and programs do to the returns of one order; most of it is refused most of the time.
#[derive(Debug, Clone)]
enum Deed {
    Authorize { line: i64, quantity: i64 },
    Receive { back: usize, quantity: i64, restock: bool },
    Credit { back: usize },
    Close { back: usize },
    Refund { memo: usize, cents: i64 },
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        (1..=3_i64, 1..=3_i64).prop_map(|(line, quantity)| Deed::Authorize { line, quantity }),
        (0..4_usize, 1..=2_i64, any::<bool>()).prop_map(|(back, quantity, restock)| Deed::Receive {
            back,
            quantity,
            restock
        }),
        (0..4_usize).prop_map(|back| Deed::Credit { back }),
        (0..4_usize).prop_map(|back| Deed::Close { back }),
        (0..4_usize, prop_oneof![Just(1250), Just(495), 1..3000_i64])
            .prop_map(|(memo, cents)| Deed::Refund { memo, cents }),
    ]
}

/// The documents so far and what went back into stock.
struct Day {
    account: Account,
    order: String,
    returns: Vec<String>,
    memos: Vec<String>,
    restocked: i64,
}

impl Day {
    fn act(&mut self, deed: &Deed) {
        match deed {
            Deed::Authorize { line, quantity } => {
                let lines =
                    json!({"orderStatus": {"id": "B"}, "item": {"items": [{"orderLine": line, "quantity": quantity}]}});
                let path = format!("salesOrder/{}/!transform/returnAuthorization?replace=item", self.order);
                self.returns.extend(id(&transform(&self.account, &path, lines)));
            }
            Deed::Receive { back, quantity, restock } => {
                let lines = json!({"item": {"items": [{"orderLine": 1, "itemReceive": true, "quantity": quantity, "restock": restock}]}});
                if self.follow(*back, "itemReceipt", lines).is_some() && *restock {
                    self.restocked += quantity;
                }
            }
            Deed::Credit { back } => {
                let memo = self.follow(*back, "creditMemo", Value::Null);
                self.memos.extend(memo);
            }
            Deed::Close { back } => {
                if let Some(back) = self.returns.get(*back) {
                    let lines = json!({"item": {"items": [{"line": 1, "isClosed": true}]}});
                    self.account.record(Method::PATCH, &format!("returnAuthorization/{back}"), lines);
                }
            }
            Deed::Refund { memo, cents } => {
                if let Some(memo) = self.memos.get(*memo) {
                    let amount = Decimal::new(*cents, 2).to_string().parse::<serde_json::Number>().unwrap();
                    let apply = json!({"items": [{"doc": {"id": memo}, "apply": true, "amount": amount}]});
                    let body = json!({"customer": {"externalId": "CUST:1"}, "apply": apply});
                    self.account.record(Method::POST, "customerRefund", body);
                }
            }
        }
    }

    fn follow(&self, back: usize, target: &str, content: Value) -> Option<String> {
        let back = self.returns.get(back)?;
        id(&transform(&self.account, &format!("returnAuthorization/{back}/!transform/{target}"), content))
    }

    fn rows(&self, q: &str) -> Vec<Value> {
        self.account.rows(q, json!([])).as_array().unwrap().clone()
    }

    fn sum(&self, kind: &str, column: &str) -> Decimal {
        self.rows(&format!("SELECT t.{column} AS amount FROM transaction t WHERE t.type = '{kind}'"))
            .iter()
            .map(|row| number(row, "amount").abs())
            .sum()
    }
}

fn id(answer: &Answer) -> Option<String> {
    (answer.status == 204).then(|| made(answer))
}

fn number(row: &Value, column: &str) -> Decimal {
    row[column].as_str().map_or(Decimal::ZERO, |text| text.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn quantities_stock_and_money_of_returns_always_add_up(deeds in prop::collection::vec(deed(), 1..24)) {
        let account = account();
        let order = billed(&account);
        let mut day = Day { account, order, returns: Vec::new(), memos: Vec::new(), restocked: 0 };
        for deed in &deeds {
            day.act(deed);
        }
        let lines = day.rows("SELECT n.previousline, tl.quantity, tl.quantityshiprecv AS came, tl.quantitybilled AS credited, tl.itemtype, tl.isclosed FROM previoustransactionlinelink n JOIN transactionline tl ON tl.transaction = n.nextdoc AND tl.id = n.nextline WHERE n.linktype = 'SaleRet'");
        let mut taken = [Decimal::ZERO; 3];
        for line in &lines {
            let (asked, came, credited) = (number(line, "quantity"), number(line, "came"), number(line, "credited"));
            prop_assert!(came <= asked && credited <= asked, "{line}");
            prop_assert!(line["itemtype"] != "InvtPart" || credited <= came, "{line}");
            let place = line["previousline"].as_str().unwrap().parse::<usize>().unwrap();
            taken[place - 1] += if line["isclosed"] == "T" { came.max(credited) } else { asked };
        }
        prop_assert!(taken[0] <= Decimal::TWO && taken[1] <= Decimal::ONE && taken[2] <= Decimal::ONE, "{taken:?}");
        let books = day.account.twin.books();
        prop_assert_eq!(&books["stock"]["on_hand"], &json!((17 + day.restocked).to_string()));
        for memo in day.rows("SELECT t.foreignpaymentamountunused AS unused FROM transaction t WHERE t.type = 'CustCred'") {
            prop_assert!(number(&memo, "unused") >= Decimal::ZERO, "{memo}");
        }
        let (credited, refunded) = (day.sum("CustCred", "foreigntotal"), day.sum("CustRfnd", "foreigntotal"));
        prop_assert_eq!(credited - refunded, day.sum("CustCred", "foreignpaymentamountunused"));
        let settled = day.rows("SELECT t.id FROM transaction t WHERE t.type = 'RtnAuth' AND t.status NOT IN ('C', 'G', 'H')").is_empty();
        prop_assert_eq!(&books["unbalanced_orders"], &json!(u8::from(settled && credited != refunded)));
    }
}
