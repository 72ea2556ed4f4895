//! Documents that edit an order ("Edit existing orders"): an edit is begun, its changes are staged, and all of it is
//! committed at once. What is never committed was never there.

use retail_connect::Lane;

use super::Document;

/// Most lines that are read of an edit.
pub(crate) const LINES: usize = 250;

pub(crate) const IS_EDITED: Document = Document {
    operation: "order.edited",
    cost: 1,
    lane: Lane::Normal,
    text: "query IsEdited($id: ID!) {
  order(id: $id) { edited }
}",
};

pub(crate) const BEGIN: Document = Document {
    operation: "order_edit.begin",
    cost: 30,
    lane: Lane::Critical,
    text: "mutation BeginEdit($id: ID!) {
  orderEditBegin(id: $id) {
    calculatedOrder {
      id
      lineItems(first: 250) {
        nodes { id quantity editableQuantity }
        pageInfo { hasNextPage endCursor }
      }
    }
    userErrors { field message }
  }
}",
};

pub(crate) const SET_QUANTITY: Document = Document {
    operation: "order_edit.set_quantity",
    cost: 11,
    lane: Lane::Critical,
    text: "mutation SetQuantity($id: ID!, $line: ID!, $quantity: Int!) {
  orderEditSetQuantity(id: $id, lineItemId: $line, quantity: $quantity, restock: true) {
    userErrors { field message }
  }
}",
};

/// A line of its own, even beside one of the same variant.
pub(crate) const ADD_VARIANT: Document = Document {
    operation: "order_edit.add_variant",
    cost: 12,
    lane: Lane::Critical,
    text: "mutation AddVariant($id: ID!, $variant: ID!, $quantity: Int!) {
  orderEditAddVariant(id: $id, variantId: $variant, quantity: $quantity, allowDuplicates: true) {
    calculatedLineItem { id originalUnitPriceSet { shopMoney { amount } } }
    userErrors { field message }
  }
}",
};

pub(crate) const COMMIT: Document = Document {
    operation: "order_edit.commit",
    cost: 11,
    lane: Lane::Critical,
    text: "mutation CommitEdit($id: ID!, $note: String, $notify: Boolean) {
  orderEditCommit(id: $id, staffNote: $note, notifyCustomer: $notify) {
    order { id }
    userErrors { field message }
  }
}",
};

/// Two suffice to see that a code stands for several.
pub(crate) const FIND_VARIANT: Document = Document {
    operation: "variant.find",
    cost: 5,
    lane: Lane::Critical,
    text: "query FindVariant($query: String!) {
  productVariants(first: 5, query: $query, sortKey: ID) {
    nodes { id sku }
    pageInfo { hasNextPage endCursor }
  }
}",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_in_the_text_is_the_one_that_the_code_counts_on() {
        assert!(BEGIN.text.contains(&format!("lineItems(first: {LINES})")));
    }
}
