//! Documents about orders that change after they were sold: cancelled, moved to another location, ready in a store.

use retail_connect::Lane;

use super::Document;

pub(crate) const IS_CANCELLED: Document = Document {
    operation: "order.cancelled",
    cost: 1,
    lane: Lane::Critical,
    text: "query IsCancelled($id: ID!) {
  order(id: $id) { cancelledAt }
}",
};

/// The money stays: it is given back by a refund of its own, which can be found again.
pub(crate) const CANCEL: Document = Document {
    operation: "order.cancel",
    cost: 12,
    lane: Lane::Critical,
    text: "mutation CancelOrder($id: ID!, $note: String, $notify: Boolean) {
  orderCancel(
    orderId: $id
    reason: OTHER
    restock: true
    refundMethod: { originalPaymentMethodsRefund: false }
    staffNote: $note
    notifyCustomer: $notify
  ) {
    jobResult { id status errors { message } }
    orderCancelUserErrors { field message code }
  }
}",
};

pub(crate) const CANCEL_JOB: Document = Document {
    operation: "order.cancel_job",
    cost: 2,
    lane: Lane::Critical,
    text: "query CancelJob($id: ID!) {
  node(id: $id) { ... on OrderCancelJobResult { id status errors { message } } }
}",
};

pub(crate) const OPEN_UNITS: Document = Document {
    operation: "order.open_units",
    cost: 20,
    lane: Lane::Critical,
    text: "query OpenUnits($ids: [ID!]!) {
  nodes(ids: $ids) {
    ... on LineItem { id unfulfilledQuantity }
  }
}",
};

pub(crate) const MOVE: Document = Document {
    operation: "fulfilment_order.move",
    cost: 12,
    lane: Lane::Critical,
    text: "mutation MoveFulfilment($id: ID!, $to: ID!, $lines: [FulfillmentOrderLineItemInput!]) {
  fulfillmentOrderMove(id: $id, newLocationId: $to, fulfillmentOrderLineItems: $lines) {
    userErrors { field message code }
  }
}",
};

pub(crate) const READY: Document = Document {
    operation: "fulfilment_order.ready",
    cost: 10,
    lane: Lane::Critical,
    text: "mutation ReadyForPickup($input: FulfillmentOrderLineItemsPreparedForPickupInput!) {
  fulfillmentOrderLineItemsPreparedForPickup(input: $input) {
    userErrors { field message code }
  }
}",
};

pub(crate) const DELIVERY: Document = Document {
    operation: "order.delivery",
    cost: 20,
    lane: Lane::Critical,
    text: "query Delivery($id: ID!) {
  order(id: $id) {
    fulfillmentOrders(first: 20) {
      nodes { status deliveryMethod { methodType } assignedLocation { location { id } } }
      pageInfo { hasNextPage endCursor }
    }
  }
}",
};
