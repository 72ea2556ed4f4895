//! Codes that are no goods: postage, fees, discounts, vouchers (data README, "Non-product codes").

const CODES: [&str; 11] = ["POST", "DOT", "M", "C2", "D", "S", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS", "B"];
const PREFIXES: [&str; 2] = ["GIFT_0001_", "DCGS"];

/// Whether an upper-case code is a charge.
pub(super) fn is_charge(sku: &str) -> bool {
    CODES.contains(&sku) || PREFIXES.iter().any(|prefix| sku.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::is_charge;

    #[test]
    fn postage_and_vouchers_are_charges_and_goods_are_not() {
        assert!(["POST", "M", "GIFT_0001_20", "DCGSSGIRL", "BANK CHARGES"].into_iter().all(is_charge));
        assert!(!["85123A", "POSTER", "C2X", "22423"].into_iter().any(is_charge));
    }
}
