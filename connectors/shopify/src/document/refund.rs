//! Documents about money given back.

use retail_connect::Lane;

use super::Document;

/// Most refunds that are read of one order: the list has no pages.
pub(crate) const REFUNDS: usize = 40;
/// Most transactions that are read of one order: the list has no pages.
pub(crate) const TRANSACTIONS: usize = 100;

pub(crate) const OF_ORDER: Document = Document {
    operation: "order.refunds",
    cost: 10,
    lane: Lane::Critical,
    text: "query Refunds($id: ID!) {
  order(id: $id) {
    refunds(first: 40) { id note transactions(first: 20) { nodes { id status } pageInfo { hasNextPage endCursor } } }
  }
}",
};

pub(crate) const WHOLE: Document = Document {
    operation: "refund.get",
    cost: 20,
    lane: Lane::Critical,
    text: "query Refund($id: ID!, $after: String) {
  refund(id: $id) {
    id
    note
    createdAt
    order { id currencyCode }
    orderAdjustments(first: 1) { nodes { id } pageInfo { hasNextPage endCursor } }
    transactions(first: 50) {
      nodes { kind status amountSet { shopMoney { amount } } }
      pageInfo { hasNextPage endCursor }
    }
    refundLineItems(first: 250, after: $after) {
      nodes { quantity restockType lineItem { id } }
      pageInfo { hasNextPage endCursor }
    }
    refundShippingLines(first: 20) {
      nodes {
        subtotalAmountSet { shopMoney { amount } }
        shippingLine { id discountedPriceSet { shopMoney { amount } } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}",
};

pub(crate) const TENDERS: Document = Document {
    operation: "order.tenders",
    cost: 15,
    lane: Lane::Critical,
    text: "query Tenders($id: ID!) {
  order(id: $id) {
    currencyCode
    presentmentCurrencyCode
    totalRefundedShippingSet { shopMoney { amount } }
    transactions(first: 100) { id kind status gateway amountSet { shopMoney { amount } } parentTransaction { id } }
    shippingLines(first: 20) {
      nodes { id discountedPriceSet { shopMoney { amount } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}",
};

pub(crate) const LEFT: Document = Document {
    operation: "order.refundable",
    cost: 20,
    lane: Lane::Critical,
    text: "query Refundable($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on LineItem { id refundableQuantity }
  }
}",
};

pub(crate) const CREATE: Document = Document {
    operation: "refund.create",
    cost: 20,
    lane: Lane::Critical,
    text: "mutation CreateRefund($input: RefundInput!, $key: String!) {
  refundCreate(input: $input) @idempotent(key: $key) {
    refund {
      id
      note
      createdAt
      transactions(first: 50) {
        nodes { kind status amountSet { shopMoney { amount } } }
        pageInfo { hasNextPage endCursor }
      }
    }
    userErrors { field message }
  }
}",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_in_the_text_are_those_that_the_code_counts_on() {
        assert!(OF_ORDER.text.contains(&format!("refunds(first: {REFUNDS})")));
        assert!(TENDERS.text.contains(&format!("transactions(first: {TRANSACTIONS})")));
    }
}
