//! The records and the fields they have. Names are the REST API Browser's (2026.1) where the vendor document read them;
//! those of `invoice`, `itemReceipt`, `customerDeposit`, `customerPayment`, `inventoryAdjustment`,
//! `nonInventorySaleItem`, the `item` line of `creditMemo` and the address book line come from SuiteScript and the help
//! and are unverified.

use Shape::{Address, Choice, Computed, Date, Flag, Lines, Number, Ref, Text};

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Text,
    Flag,
    Number,
    Date,
    /// A reference to a record or list value of that name.
    Ref(&'static str),
    /// One of these ids, with their labels.
    Choice(&'static [(&'static str, &'static str)]),
    Address,
    /// A sublist.
    Lines(&'static [Field]),
    /// The vendor's own: read only, silently left alone on input.
    Computed,
}

/// One field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

/// A record type of the record API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Customer,
    SalesOrder,
    ItemFulfillment,
    Invoice,
    CustomerDeposit,
    CustomerPayment,
    InventoryItem,
    NonInventorySaleItem,
    Location,
    InventoryAdjustment,
    ReturnAuthorization,
    ItemReceipt,
    CreditMemo,
    CustomerRefund,
    KitItem,
    PurchaseOrder,
    TransferOrder,
}

impl Kind {
    pub(super) const ALL: [Kind; 17] = [
        Kind::Customer,
        Kind::SalesOrder,
        Kind::ItemFulfillment,
        Kind::Invoice,
        Kind::CustomerDeposit,
        Kind::CustomerPayment,
        Kind::InventoryItem,
        Kind::NonInventorySaleItem,
        Kind::Location,
        Kind::InventoryAdjustment,
        Kind::ReturnAuthorization,
        Kind::ItemReceipt,
        Kind::CreditMemo,
        Kind::CustomerRefund,
        Kind::KitItem,
        Kind::PurchaseOrder,
        Kind::TransferOrder,
    ];

    /// Names match without regard to case.
    pub(super) fn parse(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Customer => "customer",
            Kind::SalesOrder => "salesOrder",
            Kind::ItemFulfillment => "itemFulfillment",
            Kind::Invoice => "invoice",
            Kind::CustomerDeposit => "customerDeposit",
            Kind::CustomerPayment => "customerPayment",
            Kind::InventoryItem => "inventoryItem",
            Kind::NonInventorySaleItem => "nonInventorySaleItem",
            Kind::Location => "location",
            Kind::InventoryAdjustment => "inventoryAdjustment",
            Kind::ReturnAuthorization => "returnAuthorization",
            Kind::ItemReceipt => "itemReceipt",
            Kind::CreditMemo => "creditMemo",
            Kind::CustomerRefund => "customerRefund",
            Kind::KitItem => "kitItem",
            Kind::PurchaseOrder => "purchaseOrder",
            Kind::TransferOrder => "transferOrder",
        }
    }

    /// External ids are unique within a family.
    pub(super) fn family(self) -> &'static str {
        match self {
            Kind::InventoryItem | Kind::NonInventorySaleItem | Kind::KitItem => "item",
            Kind::Customer | Kind::Location => self.name(),
            Kind::SalesOrder
            | Kind::ItemFulfillment
            | Kind::Invoice
            | Kind::CustomerDeposit
            | Kind::CustomerPayment
            | Kind::InventoryAdjustment
            | Kind::ReturnAuthorization
            | Kind::ItemReceipt
            | Kind::CreditMemo
            | Kind::CustomerRefund
            | Kind::PurchaseOrder
            | Kind::TransferOrder => "transaction",
        }
    }

    /// The `type` of the SuiteQL `transaction` table and the prefix of `tranId`.
    pub(super) fn transaction(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::SalesOrder => Some(("SalesOrd", "SO")),
            Kind::ItemFulfillment => Some(("ItemShip", "IF")),
            Kind::Invoice => Some(("CustInvc", "INV")),
            Kind::CustomerDeposit => Some(("CustDep", "CD")),
            Kind::CustomerPayment => Some(("CustPymt", "PYMT")),
            Kind::InventoryAdjustment => Some(("InvAdjst", "ADJ")),
            Kind::ReturnAuthorization => Some(("RtnAuth", "RA")),
            Kind::ItemReceipt => Some(("ItemRcpt", "IR")),
            Kind::CreditMemo => Some(("CustCred", "CM")),
            Kind::CustomerRefund => Some(("CustRfnd", "REF")),
            Kind::PurchaseOrder => Some(("PurchOrd", "PO")),
            Kind::TransferOrder => Some(("TrnfrOrd", "TO")),
            Kind::Customer | Kind::InventoryItem | Kind::NonInventorySaleItem | Kind::Location | Kind::KitItem => None,
        }
    }

    /// The labels of the `status` letters.
    pub(super) fn statuses(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Kind::SalesOrder => ORDER_STATUS,
            Kind::ItemFulfillment => SHIP_STATUS,
            Kind::Invoice => INVOICE_STATUS,
            Kind::CustomerDeposit => DEPOSIT_STATUS,
            Kind::CustomerPayment => PAYMENT_STATUS,
            Kind::ReturnAuthorization => RETURN_STATUS,
            Kind::CreditMemo => CREDIT_STATUS,
            Kind::CustomerRefund => REFUND_STATUS,
            Kind::PurchaseOrder => PURCHASE_STATUS,
            Kind::TransferOrder => TRANSFER_STATUS,
            Kind::Customer
            | Kind::InventoryItem
            | Kind::NonInventorySaleItem
            | Kind::KitItem
            | Kind::Location
            | Kind::InventoryAdjustment
            | Kind::ItemReceipt => &[],
        }
    }

    pub(super) fn fields(self) -> &'static [Field] {
        match self {
            Kind::Customer => CUSTOMER,
            Kind::SalesOrder => SALES_ORDER,
            Kind::ItemFulfillment => ITEM_FULFILLMENT,
            Kind::Invoice => INVOICE,
            Kind::CustomerDeposit => CUSTOMER_DEPOSIT,
            Kind::CustomerPayment => CUSTOMER_PAYMENT,
            Kind::InventoryItem | Kind::NonInventorySaleItem => ITEM,
            Kind::Location => LOCATION,
            Kind::InventoryAdjustment => INVENTORY_ADJUSTMENT,
            Kind::ReturnAuthorization => RETURN_AUTHORIZATION,
            Kind::ItemReceipt => ITEM_RECEIPT,
            Kind::CreditMemo => CREDIT_MEMO,
            Kind::CustomerRefund => CUSTOMER_REFUND,
            Kind::KitItem => KIT_ITEM,
            Kind::PurchaseOrder => PURCHASE_ORDER,
            Kind::TransferOrder => TRANSFER_ORDER,
        }
    }

    /// The sublist kept line by line in the books.
    pub(super) fn lines(self) -> Option<(&'static str, &'static [Field])> {
        match self {
            Kind::SalesOrder | Kind::Invoice => Some(("item", ORDER_LINE)),
            Kind::ItemFulfillment => Some(("item", SHIP_LINE)),
            Kind::InventoryAdjustment => Some(("inventory", ADJUSTMENT_LINE)),
            Kind::ReturnAuthorization => Some(("item", RETURN_LINE)),
            Kind::ItemReceipt => Some(("item", RECEIPT_LINE)),
            Kind::CreditMemo => Some(("item", CREDIT_LINE)),
            Kind::PurchaseOrder => Some(("item", PURCHASE_LINE)),
            Kind::TransferOrder => Some(("item", TRANSFER_LINE)),
            Kind::Customer
            | Kind::CustomerDeposit
            | Kind::CustomerPayment
            | Kind::CustomerRefund
            | Kind::InventoryItem
            | Kind::NonInventorySaleItem
            | Kind::KitItem
            | Kind::Location => None,
        }
    }
}

macro_rules! fields { ($($name:literal $shape:expr),* $(,)?) => { &[$(Field { name: $name, shape: $shape }),*] }; }

pub(super) const ORDER_STATUS: &[(&str, &str)] = &[
    ("A", "Pending Approval"),
    ("B", "Pending Fulfillment"),
    ("C", "Cancelled"),
    ("D", "Partially Fulfilled"),
    ("E", "Pending Billing/Partially Fulfilled"),
    ("F", "Pending Billing"),
    ("G", "Billed"),
    ("H", "Closed"),
];
const APPROVAL: &[(&str, &str)] = &[("A", "Pending Approval"), ("B", "Pending Fulfillment")];
const SHIP_STATUS: &[(&str, &str)] = &[("A", "Picked"), ("B", "Packed"), ("C", "Shipped")];
const INVOICE_STATUS: &[(&str, &str)] = &[("A", "Open"), ("B", "Paid In Full"), ("V", "Voided")];
const DEPOSIT_STATUS: &[(&str, &str)] = &[("A", "Not Deposited"), ("B", "Deposited"), ("C", "Fully Applied")];
const RETURN_STATUS: &[(&str, &str)] = &[
    ("A", "Pending Approval"),
    ("B", "Pending Receipt"),
    ("C", "Cancelled"),
    ("D", "Partially Received"),
    ("E", "Pending Refund/Partially Received"),
    ("F", "Pending Refund"),
    ("G", "Refunded"),
    ("H", "Closed"),
];
const RETURN_APPROVAL: &[(&str, &str)] = &[("A", "Pending Approval"), ("B", "Pending Receipt")];
/// The letters of purchase and transfer orders are those that public clients ask for; their labels are unverified.
const PURCHASE_STATUS: &[(&str, &str)] = &[
    ("A", "Pending Supervisor Approval"),
    ("B", "Pending Receipt"),
    ("C", "Rejected by Supervisor"),
    ("D", "Partially Received"),
    ("E", "Pending Billing/Partially Received"),
    ("F", "Pending Bill"),
    ("G", "Fully Billed"),
    ("H", "Closed"),
];
const TRANSFER_STATUS: &[(&str, &str)] = &[
    ("A", "Pending Approval"),
    ("B", "Pending Fulfillment"),
    ("C", "Rejected"),
    ("D", "Partially Fulfilled"),
    ("E", "Pending Receipt/Partially Fulfilled"),
    ("F", "Pending Receipt"),
    ("G", "Received"),
    ("H", "Closed"),
];
const CREDIT_STATUS: &[(&str, &str)] = &[("A", "Open"), ("B", "Fully Applied"), ("V", "Voided")];
/// The letters are the schema's; their labels are unverified.
const REFUND_STATUS: &[(&str, &str)] = &[("R", "Refunded"), ("V", "Voided")];
const REFUND_OPERATION: &[(&str, &str)] = &[("CREDIT", "Credit"), ("REFUND", "Refund")];
const PAYMENT_STATUS: &[(&str, &str)] = &[("A", "Not Deposited"), ("B", "Deposited")];
/// The ids of `creditHoldOverride`; their labels are unverified.
const CREDIT_HOLD: &[(&str, &str)] = &[("AUTO", "Auto"), ("ON", "On"), ("OFF", "Off")];
const COMMIT: &[(&str, &str)] = &[("1", "Available Qty"), ("2", "Complete Qty"), ("3", "Do Not Commit")];
const CHOICE: &[(&str, &str)] = &[("1", "Ship"), ("2", "Store Pickup")];
const SUBSCRIPTION: &[(&str, &str)] =
    &[("1", "Soft Opt-In"), ("2", "Soft Opt-Out"), ("3", "Confirmed Opt-In"), ("4", "Confirmed Opt-Out")];

pub(super) const ADDRESS: &[Field] = fields! {
    "addr1" Text, "addr2" Text, "addr3" Text, "city" Text, "state" Text, "zip" Text, "country" Ref("country"),
    "addressee" Text, "attention" Text, "addrPhone" Text, "addrText" Computed, "override" Flag,
};
const ADDRESS_BOOK: &[Field] = fields! {
    "internalId" Text, "defaultBilling" Flag, "defaultShipping" Flag, "isResidential" Flag, "label" Text,
    "addressBookAddress" Address,
};
const CUSTOMER: &[Field] = fields! {
    "externalId" Text, "entityId" Text, "companyName" Text, "firstName" Text, "lastName" Text, "isPerson" Flag,
    "email" Text, "altEmail" Text, "phone" Text, "mobilePhone" Text, "homePhone" Text, "subsidiary" Ref("subsidiary"),
    "currency" Ref("currency"), "taxable" Flag, "creditLimit" Number, "balance" Computed, "depositBalance" Computed,
    "overdueBalance" Computed, "unbilledOrders" Computed, "creditHoldOverride" Choice(CREDIT_HOLD),
    "globalSubscriptionStatus" Choice(SUBSCRIPTION), "isInactive" Flag, "comments" Text,
    "dateCreated" Computed, "lastModifiedDate" Computed, "addressBook" Lines(ADDRESS_BOOK),
};
const ORDER_LINE: &[Field] = fields! {
    "line" Number, "lineUniqueKey" Computed, "item" Ref("item"), "description" Text, "quantity" Number, "rate" Number,
    "amount" Number, "price" Ref("priceLevel"), "taxCode" Ref("taxCode"), "taxRate1" Number, "tax1Amt" Number,
    "grossAmt" Computed, "isTaxable" Flag, "location" Ref("location"), "commitInventory" Choice(COMMIT),
    "itemFulfillmentChoice" Choice(CHOICE), "expectedShipDate" Date, "requestedDate" Date, "isClosed" Flag,
    "isOpen" Computed, "quantityAvailable" Computed, "quantityOnHand" Computed, "quantityCommitted" Computed,
    "quantityBackOrdered" Computed, "quantityPicked" Computed, "quantityPacked" Computed,
    "quantityFulfilled" Computed, "quantityBilled" Computed, "itemIsFulfilled" Computed, "itemType" Computed,
    "orderLine" Computed, "orderDoc" Computed,
};
const SALES_ORDER: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "entity" Ref("customer"), "subsidiary" Ref("subsidiary"),
    "currency" Ref("currency"), "exchangeRate" Computed, "location" Ref("location"), "memo" Text, "otherRefNum" Text,
    "email" Text, "createdDate" Computed, "lastModifiedDate" Computed, "orderStatus" Choice(APPROVAL),
    "status" Computed, "shipDate" Date, "shipComplete" Flag, "shipIsResidential" Flag, "shippingCost" Number,
    "handlingCost" Number, "discountItem" Ref("item"), "discountRate" Number, "couponCode" Text, "toBeEmailed" Flag,
    "source" Text, "linkedTrackingNumbers" Computed, "subtotal" Computed, "discountTotal" Computed,
    "taxTotal" Computed, "total" Computed, "billingAddress" Address, "shippingAddress" Address,
    "item" Lines(ORDER_LINE),
};
const SHIP_LINE: &[Field] = fields! {
    "line" Computed, "orderLine" Number, "orderDoc" Computed, "item" Computed, "itemName" Computed,
    "itemReceive" Flag, "quantity" Number, "quantityRemaining" Computed, "onHand" Computed, "location" Ref("location"),
};
const PACKAGE: &[Field] = fields! {
    "packageTrackingNumber" Text, "packageTrackingNumberReturn" Text, "packageWeight" Number, "packageDescr" Text,
    "packageCartonNumber" Number,
};
const ITEM_FULFILLMENT: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "entity" Computed, "createdFrom" Computed,
    "shipStatus" Choice(SHIP_STATUS), "status" Computed, "memo" Text, "shipCarrier" Text, "shippingCost" Number,
    "handlingCost" Number, "shippedDate" Date, "packedDate" Date, "pickedDate" Date, "shippingAddress" Address,
    "createdDate" Computed, "lastModifiedDate" Computed, "item" Lines(SHIP_LINE), "package" Lines(PACKAGE),
};
const INVOICE: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "entity" Computed, "createdFrom" Computed,
    "currency" Computed, "exchangeRate" Computed, "otherRefNum" Text, "memo" Text, "email" Text, "dueDate" Date,
    "status" Computed, "subtotal" Computed, "discountTotal" Computed, "taxTotal" Computed, "shippingCost" Number,
    "handlingCost" Number, "total" Computed, "amountPaid" Computed, "amountRemaining" Computed,
    "billingAddress" Address, "shippingAddress" Address, "createdDate" Computed, "lastModifiedDate" Computed,
    "item" Lines(ORDER_LINE),
};
const CUSTOMER_DEPOSIT: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "customer" Ref("customer"), "salesOrder" Ref("salesOrder"),
    "subsidiary" Ref("subsidiary"), "currency" Ref("currency"), "exchangeRate" Computed, "payment" Number,
    "paymentMethod" Ref("paymentMethod"), "account" Ref("account"), "undepFunds" Flag, "memo" Text, "checkNum" Text,
    "status" Computed, "createdDate" Computed, "lastModifiedDate" Computed,
};
const APPLY: &[Field] = fields! {
    "doc" Ref("invoice"), "apply" Flag, "amount" Number, "due" Computed, "total" Computed, "refNum" Computed,
};
const CUSTOMER_PAYMENT: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "customer" Ref("customer"), "subsidiary" Ref("subsidiary"),
    "currency" Ref("currency"), "exchangeRate" Computed, "payment" Number, "paymentMethod" Ref("paymentMethod"),
    "account" Ref("account"), "undepFunds" Flag, "memo" Text, "applied" Computed, "unapplied" Computed,
    "status" Computed, "createdDate" Computed, "lastModifiedDate" Computed, "apply" Lines(APPLY),
};
const ITEM: &[Field] = fields! {
    "externalId" Text, "itemId" Text, "displayName" Text, "upcCode" Text, "isInactive" Flag, "salesDescription" Text,
    "basePrice" Number, "subsidiary" Computed, "itemType" Computed, "quantityOnHand" Computed,
    "quantityAvailable" Computed, "quantityCommitted" Computed, "quantityBackOrdered" Computed,
    "quantityOnOrder" Computed, "createdDate" Computed, "lastModifiedDate" Computed, "locations" Computed,
};
const LOCATION: &[Field] = fields! {
    "externalId" Text, "name" Text, "isInactive" Flag, "subsidiary" Ref("subsidiary"), "makeInventoryAvailable" Flag,
    "lastModifiedDate" Computed,
};
const ADJUSTMENT_LINE: &[Field] = fields! {
    "line" Number, "item" Ref("item"), "location" Ref("location"), "adjustQtyBy" Number, "unitCost" Number,
};
const INVENTORY_ADJUSTMENT: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "account" Ref("account"), "adjLocation" Ref("location"),
    "subsidiary" Ref("subsidiary"), "memo" Text, "createdDate" Computed, "lastModifiedDate" Computed,
    "inventory" Lines(ADJUSTMENT_LINE),
};
const RETURN_LINE: &[Field] = fields! {
    "line" Number, "orderLine" Number, "orderDoc" Ref("salesOrder"), "item" Ref("item"), "quantity" Number,
    "rate" Number, "amount" Number, "location" Ref("location"), "isClosed" Flag, "quantityReceived" Computed,
    "quantityBilled" Computed, "itemType" Computed, "description" Text,
};
const RETURN_AUTHORIZATION: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "entity" Computed, "createdFrom" Computed, "currency" Computed,
    "exchangeRate" Computed, "location" Ref("location"), "memo" Text, "otherRefNum" Text,
    "orderStatus" Choice(RETURN_APPROVAL), "status" Computed, "subtotal" Computed, "taxTotal" Computed,
    "total" Computed, "createdDate" Computed, "lastModifiedDate" Computed, "item" Lines(RETURN_LINE),
};
const RECEIPT_LINE: &[Field] = fields! {
    "line" Computed, "orderLine" Number, "orderDoc" Computed, "item" Computed, "itemName" Computed,
    "itemReceive" Flag, "quantity" Number, "location" Ref("location"), "restock" Flag,
};
const ITEM_RECEIPT: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "entity" Computed, "createdFrom" Computed, "memo" Text,
    "location" Ref("location"), "createdDate" Computed, "lastModifiedDate" Computed, "item" Lines(RECEIPT_LINE),
};
const CREDIT_LINE: &[Field] = fields! {
    "line" Computed, "orderLine" Number, "orderDoc" Ref("returnAuthorization"), "item" Ref("item"),
    "quantity" Number, "rate" Number, "amount" Number, "location" Ref("location"), "itemType" Computed,
    "description" Text,
};
const CREDIT_APPLY: &[Field] = fields! {
    "doc" Ref("invoice"), "line" Number, "apply" Flag, "amount" Number, "applyDate" Date, "due" Computed,
    "total" Computed, "refNum" Computed, "type" Computed,
};
const CREDIT_MEMO: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "entity" Computed, "createdFrom" Computed, "currency" Computed,
    "exchangeRate" Computed, "account" Ref("account"), "autoApply" Flag, "memo" Text, "otherRefNum" Text,
    "status" Computed, "subtotal" Computed, "taxTotal" Computed, "total" Computed, "amountPaid" Computed,
    "amountRemaining" Computed, "applied" Computed, "unapplied" Computed, "createdDate" Computed, "lastModifiedDate" Computed,
    "item" Lines(CREDIT_LINE), "apply" Lines(CREDIT_APPLY),
};
const REFUND_APPLY: &[Field] = fields! {
    "doc" Ref("creditMemo"), "line" Number, "apply" Flag, "amount" Number, "applyDate" Date, "due" Computed,
    "total" Computed, "type" Computed,
};
const REFUND_DEPOSIT: &[Field] = fields! {
    "doc" Ref("customerDeposit"), "apply" Flag, "amount" Number, "remaining" Computed,
};
const CUSTOMER_REFUND: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "customer" Ref("customer"), "subsidiary" Ref("subsidiary"),
    "currency" Ref("currency"), "exchangeRate" Computed, "account" Ref("account"), "arAcct" Ref("account"),
    "total" Computed, "paymentOperation" Choice(REFUND_OPERATION), "checkNumber" Text, "toBePrinted" Flag, "memo" Text,
    "status" Computed, "createdDate" Computed, "lastModifiedDate" Computed, "apply" Lines(REFUND_APPLY),
    "deposit" Lines(REFUND_DEPOSIT),
};
/// `member` is the help's ("Kit Item").
const MEMBER: &[Field] = fields! { "internalId" Text, "item" Ref("item"), "quantity" Number };
const KIT_ITEM: &[Field] = fields! {
    "externalId" Text, "itemId" Text, "displayName" Text, "isInactive" Flag, "salesDescription" Text,
    "basePrice" Number, "itemType" Computed, "createdDate" Computed, "lastModifiedDate" Computed,
    "member" Lines(MEMBER),
};
/// Names from SuiteScript: the schema tables of purchase orders were not read.
const PURCHASE_LINE: &[Field] = fields! {
    "line" Number, "item" Ref("item"), "quantity" Number, "rate" Number, "location" Ref("location"), "isClosed" Flag,
    "expectedReceiptDate" Date, "quantityReceived" Computed, "quantityBilled" Computed, "itemType" Computed,
};
const PURCHASE_ORDER: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "dueDate" Date, "entity" Ref("vendor"),
    "subsidiary" Ref("subsidiary"), "location" Ref("location"), "memo" Text, "status" Computed,
    "createdDate" Computed, "lastModifiedDate" Computed, "item" Lines(PURCHASE_LINE),
};
/// Lines and head as in the sample of the help topic "Transfer Order"; what moved of a line is SuiteScript's.
const TRANSFER_LINE: &[Field] = fields! {
    "line" Number, "item" Ref("item"), "quantity" Number, "rate" Number, "amount" Number, "isClosed" Flag,
    "expectedReceiptDate" Date, "quantityCommitted" Computed, "quantityBackOrdered" Computed,
    "quantityFulfilled" Computed, "quantityReceived" Computed, "itemType" Computed,
};
const TRANSFER_ORDER: &[Field] = fields! {
    "externalId" Text, "tranId" Text, "tranDate" Date, "subsidiary" Ref("subsidiary"), "location" Ref("location"),
    "transferLocation" Ref("location"), "orderStatus" Choice(APPROVAL), "status" Computed, "memo" Text,
    "createdDate" Computed, "lastModifiedDate" Computed, "item" Lines(TRANSFER_LINE),
};
