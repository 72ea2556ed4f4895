//! Every GraphQL document that is sent, with its price. Each is valid in the vendor's schema of 2026-10 and asks for less
//! than the 1,000 points that one query may cost ("GraphQL Admin API rate limits"): an object is a point, a connection
//! as many as it may bring, a mutation ten. The shop gives back what a query did not use, so the price is what it
//! usually comes to; a bucket too empty for what is asked answers THROTTLED, and the call waits as told.

pub(crate) mod changing;
pub(crate) mod editing;
pub(crate) mod refund;
pub(crate) mod returning;
pub(crate) mod sold;

use retail_connect::Lane;

/// A document and how it is paid for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Document {
    /// Name for logs and the breaker.
    pub(crate) operation: &'static str,
    /// Points that it usually comes to; the shop's answer corrects the level.
    pub(crate) cost: u32,
    /// Who goes first.
    pub(crate) lane: Lane,
    /// What is sent.
    pub(crate) text: &'static str,
}

/// Most fulfilments that are read of one order.
pub(crate) const FULFILMENTS: usize = 40;
/// Most tracking numbers that are read of one fulfilment.
pub(crate) const NUMBERS: usize = 5;

pub(crate) const VARIANTS: Document = Document {
    operation: "variants.list",
    cost: 504,
    lane: Lane::Sheddable,
    text: "query Variants($first: Int!, $after: String) {
  productVariants(first: $first, after: $after, sortKey: ID) {
    nodes { id sku displayName inventoryItem { id } }
    pageInfo { hasNextPage endCursor }
  }
}",
};

pub(crate) const LOCATIONS: Document = Document {
    operation: "locations.list",
    cost: 10,
    lane: Lane::Sheddable,
    text: "query Locations($after: String) {
  locations(first: 250, after: $after, includeInactive: true) {
    nodes { id name isActive }
    pageInfo { hasNextPage endCursor }
  }
}",
};

pub(crate) const STOCK: Document = Document {
    operation: "stock.get",
    cost: 300,
    lane: Lane::Normal,
    text: "query Stock($ids: [ID!]!, $location: ID!) {
  nodes(ids: $ids) {
    ... on InventoryItem {
      id
      inventoryLevel(locationId: $location) { quantities(names: [\"available\", \"on_hand\"]) { name quantity } }
    }
  }
}",
};

pub(crate) const SET_STOCK: Document = Document {
    operation: "stock.set",
    cost: 10,
    lane: Lane::Normal,
    text: "mutation SetStock($input: InventorySetQuantitiesInput!, $key: String!) {
  inventorySetQuantities(input: $input) @idempotent(key: $key) {
    userErrors { field message code }
  }
}",
};

pub(crate) const SHIPPING: Document = Document {
    operation: "order.shipping",
    cost: 60,
    lane: Lane::Critical,
    text: "query Shipping($id: ID!, $after: String) {
  order(id: $id) {
    fulfillments(first: 40) { id name status trackingInfo(first: 5) { number } }
    fulfillmentOrders(first: 4, after: $after) {
      nodes {
        id
        status
        assignedLocation { location { id } }
        deliveryMethod { methodType }
        supportedActions { action }
        lineItems(first: 20) {
          nodes { id totalQuantity remainingQuantity lineItem { id } }
          pageInfo { hasNextPage endCursor }
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}",
};

pub(crate) const OPEN_LINES: Document = Document {
    operation: "fulfilment_order.lines",
    cost: 260,
    lane: Lane::Critical,
    text: "query OpenLines($id: ID!, $after: String) {
  node(id: $id) {
    ... on FulfillmentOrder {
      lineItems(first: 250, after: $after) {
        nodes { id totalQuantity remainingQuantity lineItem { id } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}",
};

pub(crate) const FULFILLED_LINES: Document = Document {
    operation: "fulfilment.lines",
    cost: 30,
    lane: Lane::Critical,
    text: "query FulfilledLines($id: ID!, $after: String) {
  node(id: $id) {
    ... on Fulfillment {
      fulfillmentLineItems(first: 250, after: $after) {
        nodes { quantity lineItem { id } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}",
};

pub(crate) const CREATE_FULFILMENT: Document = Document {
    operation: "fulfilment.create",
    cost: 10,
    lane: Lane::Critical,
    text: "mutation CreateFulfilment($fulfillment: FulfillmentInput!) {
  fulfillmentCreate(fulfillment: $fulfillment) {
    fulfillment { id name }
    userErrors { field message }
  }
}",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_in_the_text_are_those_that_the_code_counts_on() {
        assert!(SHIPPING.text.contains(&format!("fulfillments(first: {FULFILMENTS})")));
        assert!(SHIPPING.text.contains(&format!("trackingInfo(first: {NUMBERS})")));
    }
}
