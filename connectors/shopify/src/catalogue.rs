//! Items and locations of the shop, page by page.

use retail_proto::commerce::v1 as pb;
use serde_json::json;

use crate::commerce::Connector;
use crate::document::{LOCATIONS, VARIANTS};
use crate::fault::Error;
use crate::gid::number;
use crate::graphql::next;
use crate::wire::admin::{LocationsData, VariantsData};

/// No shop has that many times 250 locations.
const PAGES: usize = 20;

impl Connector {
    /// A page of items and the token of the next one, which is the shop's own cursor.
    pub(crate) async fn items(&self, first: i32, after: &str) -> Result<(Vec<pb::Item>, String), Error> {
        let after = (!after.is_empty()).then_some(after);
        let variables = json!({"first": first, "after": after});
        let data: VariantsData = self.admin.read(&VARIANTS, &variables, "").await?;
        let page = data.product_variants;
        let next_page_token = next(VARIANTS.operation, &page)?.unwrap_or_default();
        let items = page.nodes.into_iter().map(|variant| {
            Ok(pb::Item {
                sku: variant.sku,
                variant_id: plain(VARIANTS.operation, &variant.id, "ProductVariant")?,
                inventory_item_id: plain(VARIANTS.operation, &variant.inventory_item.id, "InventoryItem")?,
                title: variant.display_name,
            })
        });
        Ok((items.collect::<Result<_, Error>>()?, next_page_token))
    }

    /// Every location, the inactive ones as well.
    pub(crate) async fn locations(&self) -> Result<Vec<pb::Location>, Error> {
        let (mut locations, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let data: LocationsData = self.admin.read(&LOCATIONS, &json!({"after": after}), "").await?;
            after = next(LOCATIONS.operation, &data.locations)?;
            for location in data.locations.nodes {
                locations.push(pb::Location {
                    location_id: plain(LOCATIONS.operation, &location.id, "Location")?,
                    name: location.name,
                    active: location.is_active,
                });
            }
            if after.is_none() {
                return Ok(locations);
            }
        }
        Err(Error::Unreadable { operation: LOCATIONS.operation, why: format!("more than {PAGES} pages") })
    }
}

fn plain(operation: &'static str, gid: &str, kind: &str) -> Result<String, Error> {
    let unreadable = || Error::Unreadable { operation, why: format!("{gid} is no id of a {kind}") };
    number(gid, kind).map(|number| number.to_string()).ok_or_else(unreadable)
}
