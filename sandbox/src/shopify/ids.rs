//! The vendor's ids: numbers, and the global ids made of them. Orders and their lines are beyond 2^53, as the vendor's
//! sample order 820982911946154508 is, so that a reader who goes through floats is found out.

/// First ids of each kind; the shop counts up from them.
pub(super) const LOCATION: i64 = 90_000_000_001;
pub(super) const PRODUCT: i64 = 8_100_000_000_001;
pub(super) const VARIANT: i64 = 45_000_000_000_001;
pub(super) const ITEM: i64 = 47_000_000_000_001;
pub(super) const ORDER: i64 = 820_982_911_946_154_508;
pub(super) const LINE: i64 = 866_550_311_766_439_020;
pub(super) const SHIPPING: i64 = 271_878_346_596_884_015;
pub(super) const DEMAND: i64 = 5_859_000_000_001;
pub(super) const DEMAND_LINE: i64 = 12_600_000_000_001;
pub(super) const PARCEL: i64 = 4_655_000_000_001;
pub(super) const PARCEL_LINE: i64 = 10_900_000_000_001;
pub(super) const SUBSCRIPTION: i64 = 1_000_000_000_001;
pub(super) const ADJUSTMENT: i64 = 9_300_000_000_001;
pub(super) const PAYMENT: i64 = 6_900_000_000_001;
pub(super) const REFUND: i64 = 929_361_463_881_310_977;
pub(super) const REFUND_LINE: i64 = 487_817_672_276_298_555;
pub(super) const REFUND_POSTAGE: i64 = 7_100_000_000_001;
pub(super) const ADJUSTMENT_OF_ORDER: i64 = 3_700_000_000_001;
pub(super) const ORDER_EDIT: i64 = 607_673_086;
pub(super) const CANCEL_JOB: i64 = 33_000_000_001;
pub(super) const RETURN: i64 = 29_000_000_001;
pub(super) const RETURN_LINE: i64 = 31_000_000_001;

/// `gid://shopify/Order/6120000000001`.
pub(super) fn gid(kind: &str, id: i64) -> String {
    format!("gid://shopify/{kind}/{id}")
}

/// The global id of what an item has in a location.
pub(super) fn level_gid(item: i64, location: i64) -> String {
    format!("gid://shopify/InventoryLevel/{location}?inventory_item_id={item}")
}

/// The number in a global id of that kind; plain numbers are not ids.
pub(super) fn number(gid: &str, kind: &str) -> Option<i64> {
    gid.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?.parse().ok()
}

/// Item and location of a level's global id.
pub(super) fn level(gid: &str) -> Option<(i64, i64)> {
    let (location, item) = gid.strip_prefix("gid://shopify/InventoryLevel/")?.split_once("?inventory_item_id=")?;
    Some((item.parse().ok()?, location.parse().ok()?))
}

/// The kind named in a global id.
pub(super) fn kind(gid: &str) -> Option<&str> {
    gid.strip_prefix("gid://shopify/")?.split('/').next()
}
