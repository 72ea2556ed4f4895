//! Global ids of the Admin API. Webhooks carry the number, calls the gid; the mesh knows the number, as decimal text.

/// The gid of a number: `gid://shopify/Order/6120000000001`.
pub(crate) fn gid(kind: &str, number: u64) -> String {
    format!("gid://shopify/{kind}/{number}")
}

/// The number of a gid of this kind.
pub(crate) fn number(gid: &str, kind: &str) -> Option<u64> {
    let rest = gid.strip_prefix("gid://shopify/")?.strip_prefix(kind)?.strip_prefix('/')?;
    plain(rest.split('?').next()?)
}

/// A number as the mesh writes it: digits and nothing else.
pub(crate) fn plain(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_beyond_the_floats_survives_the_way_there_and_back() {
        let there = gid("Order", 820_982_911_946_154_508);
        assert_eq!(there, "gid://shopify/Order/820982911946154508");
        assert_eq!(number(&there, "Order"), Some(820_982_911_946_154_508));
        assert_eq!(number("gid://shopify/InventoryLevel/9?inventory_item_id=4", "InventoryLevel"), Some(9));
    }

    #[test]
    fn a_gid_of_another_kind_and_what_is_no_number_are_refused() {
        assert_eq!(number("gid://shopify/OrderLine/1", "Order"), None);
        assert_eq!(number("gid://shopify/Order/", "Order"), None);
        assert_eq!(plain("+1"), None);
        assert_eq!(plain("1e3"), None);
        assert_eq!(plain("99999999999999999999"), None);
    }
}
