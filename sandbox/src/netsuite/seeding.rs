//! What an account has before anybody trades: lists, items, locations, opening stock.

use serde_json::{Map, Value, json};

use super::{desk::Desk, fault::Fault, fields::Kind, wire};
use crate::seed::{ItemKind, Seed};

const LISTS: [(&str, i64, &str, &str); 16] = [
    ("subsidiary", 1, "1", "Parent Company"),
    ("vendor", 1, "1", "Supplier"),
    ("account", 1, "1", "Undeposited Funds"),
    ("account", 2, "2", "Inventory Adjustment"),
    ("paymentMethod", 1, "1", "Cash"),
    ("paymentMethod", 2, "2", "Credit Card"),
    ("priceLevel", -1, "-1", "Custom"),
    ("priceLevel", 1, "1", "Base Price"),
    ("taxCode", 1, "1", "Taxable"),
    ("taxCode", 2, "2", "Not Taxable"),
    ("currency", 2, "USD", "US Dollar"),
    ("currency", 3, "EUR", "Euro"),
    ("currency", 4, "GBP", "British Pound"),
    ("currency", 5, "CAD", "Canadian Dollar"),
    ("currency", 6, "CHF", "Swiss Franc"),
    ("currency", 7, "SEK", "Swedish Krona"),
];

const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS \
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM \
FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP \
KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD \
SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC \
VE VG VI VN VU WF WS YE YT ZA ZM ZW";

impl Desk<'_> {
    /// The lists every account has; harmless to repeat.
    pub(super) fn lists(&self, currency: &str) -> Result<(), Fault> {
        let put = |kind: &str, id: i64, code: &str, name: &str| {
            self.run("INSERT OR IGNORE INTO ns_list(kind, id, code, name) VALUES (?1,?2,?3,?4)", (kind, id, code, name))
        };
        put("currency", 1, currency, currency)?;
        for (kind, id, code, name) in LISTS {
            if code != currency {
                put(kind, id, code, name)?;
            }
        }
        for (place, code) in COUNTRIES.split(' ').enumerate() {
            put("country", i64::try_from(place).unwrap_or(0) + 1, code, code)?;
        }
        for kind in Kind::ALL {
            if let Some((code, _)) = kind.transaction() {
                let label = if kind == Kind::SalesOrder { "Sales Order" } else { kind.name() };
                for (place, (letter, name)) in kind.statuses().iter().enumerate() {
                    put(code, i64::try_from(place).unwrap_or(0) + 1, letter, &format!("{label} : {name}"))?;
                }
            }
        }
        Ok(())
    }

    /// Items, locations and stock; what is there already stays as it is.
    pub(super) fn plant(&self, seed: &Seed) -> Result<(), Fault> {
        self.run("DELETE FROM ns_list WHERE kind = 'currency' AND (id = 1 OR code = ?1)", [&seed.currency])?;
        self.lists(&seed.currency)?;
        for place in &seed.locations {
            let mut body = Map::new();
            body.insert("name".to_owned(), json!(place.name));
            body.insert("isInactive".to_owned(), json!(false));
            body.insert("makeInventoryAvailable".to_owned(), json!(true));
            if self.holder(Kind::Location, &place.code)?.is_none() {
                self.insert(Kind::Location, Some(&place.code), &body)?;
            }
        }
        for item in &seed.items {
            let kind = match item.kind {
                ItemKind::Goods => Kind::InventoryItem,
                ItemKind::Charge => Kind::NonInventorySaleItem,
            };
            if self.holder(kind, &item.sku)?.is_some() {
                continue;
            }
            let price = wire::decimal(&json!(item.price)).unwrap_or_default();
            let mut body = Map::new();
            body.insert("itemId".to_owned(), json!(item.sku));
            body.insert("displayName".to_owned(), json!(item.description));
            body.insert("salesDescription".to_owned(), json!(item.description));
            body.insert("isInactive".to_owned(), Value::Bool(false));
            body.insert("basePrice".to_owned(), wire::number(price));
            self.insert(kind, Some(&item.sku), &body)?;
        }
        for stock in &seed.stock {
            let item = self.holder(Kind::InventoryItem, &stock.sku)?;
            let place = self.holder(Kind::Location, &stock.location)?;
            if let (Some((item, _)), Some((place, _))) = (item, place)
                && self
                    .row("SELECT 1 FROM ns_stock WHERE item = ?1 AND location = ?2", (item, place), |_| Ok(()))?
                    .is_none()
            {
                self.move_stock(item, place, stock.quantity.saturating_mul(wire::MICRO), 0)?;
            }
        }
        Ok(())
    }
}
