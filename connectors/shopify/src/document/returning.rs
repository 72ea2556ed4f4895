//! Documents about returns.

use retail_connect::Lane;

use super::Document;

pub(crate) const WHOLE: Document = Document {
    operation: "return.get",
    cost: 20,
    lane: Lane::Critical,
    text: "query Return($id: ID!, $after: String) {
  return(id: $id) {
    name
    status
    createdAt
    order { name customer { id } }
    returnLineItems(first: 100, after: $after) {
      nodes {
        id
        quantity
        customerNote
        returnReasonDefinition { handle }
        ... on ReturnLineItem { fulfillmentLineItem { lineItem { id sku } } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}",
};

pub(crate) const STATUS: Document = Document {
    operation: "return.status",
    cost: 1,
    lane: Lane::Critical,
    text: "query ReturnStatus($id: ID!) {
  return(id: $id) { status }
}",
};

pub(crate) const APPROVE: Document = Document {
    operation: "return.approve",
    cost: 10,
    lane: Lane::Critical,
    text: "mutation ApproveReturn($input: ReturnApproveRequestInput!) {
  returnApproveRequest(input: $input) {
    return { status }
    userErrors { field message code }
  }
}",
};

pub(crate) const DECLINE: Document = Document {
    operation: "return.decline",
    cost: 10,
    lane: Lane::Critical,
    text: "mutation DeclineReturn($input: ReturnDeclineRequestInput!) {
  returnDeclineRequest(input: $input) {
    return { status }
    userErrors { field message code }
  }
}",
};
