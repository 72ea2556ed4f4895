//! Documents that read an order as its webhook would have told it. A line has twenty-two points at most: few fit a page.

use retail_connect::Lane;

use super::Document;

pub(crate) const FIND: Document = Document {
    operation: "order.find",
    cost: 5,
    lane: Lane::Normal,
    text: "query FindOrder($query: String!) {
  orders(first: 5, query: $query, sortKey: ID) { nodes { id name } pageInfo { hasNextPage endCursor } }
}",
};

pub(crate) const WHOLE: Document = Document {
    operation: "order.get",
    cost: 80,
    lane: Lane::Normal,
    text: "query Sold($id: ID!) {
  order(id: $id) {
    id
    name
    createdAt
    processedAt
    updatedAt
    cancelledAt
    cancelReason
    currencyCode
    taxesIncluded
    displayFinancialStatus
    paymentGatewayNames
    sourceName
    customerLocale
    email
    phone
    totalPriceSet { shopMoney { amount } }
    totalOutstandingSet { shopMoney { amount } }
    totalReceivedSet { shopMoney { amount } }
    customer {
      id
      firstName
      lastName
      verifiedEmail
      defaultEmailAddress { emailAddress }
      defaultPhoneNumber { phoneNumber }
      defaultAddress { ...Address }
    }
    billingAddress { ...Address }
    shippingAddress { ...Address }
    shippingLines(first: 10) {
      nodes {
        id
        code
        title
        isRemoved
        originalPriceSet { shopMoney { amount } }
        taxLines { title rate channelLiable priceSet { shopMoney { amount } } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } }
      }
      pageInfo { hasNextPage endCursor }
    }
    lineItems(first: 25) { ...Lines }
  }
}
fragment Address on MailingAddress {
  name firstName lastName company address1 address2 city province provinceCode zip country countryCodeV2 phone
}
fragment Lines on LineItemConnection {
  nodes {
    id
    sku
    name
    title
    quantity
    currentQuantity
    requiresShipping
    variant { id }
    originalUnitPriceSet { shopMoney { amount } }
    taxLines(first: 5) { title rate channelLiable priceSet { shopMoney { amount } } }
    discountAllocations { allocatedAmountSet { shopMoney { amount } } }
  }
  pageInfo { hasNextPage endCursor }
}",
};

pub(crate) const LINES: Document = Document {
    operation: "order.lines",
    cost: 160,
    lane: Lane::Normal,
    text: "query SoldLines($id: ID!, $after: String) {
  order(id: $id) {
    lineItems(first: 40, after: $after) {
      nodes {
        id
        sku
        name
        title
        quantity
        currentQuantity
        requiresShipping
        variant { id }
        originalUnitPriceSet { shopMoney { amount } }
        taxLines(first: 5) { title rate channelLiable priceSet { shopMoney { amount } } }
        discountAllocations { allocatedAmountSet { shopMoney { amount } } }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}",
};
