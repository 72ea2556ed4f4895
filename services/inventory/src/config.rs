//! What the inventory service is told at start.

use std::collections::BTreeMap;
use std::time::Duration;

use retail_runtime::config::Span;
use serde::{Deserialize, Serialize};

use crate::publication::Manner;

/// Configuration of the inventory service.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The ERP that owns items, places and stock. Without one nothing is read, any item code is accepted, and
    /// adjustments stay in our books.
    #[serde(default)]
    pub erp: Option<Erp>,
    /// Shops and CRMs that are told what may be sold.
    #[serde(default)]
    pub channels: Vec<Channel>,
    /// Address of the orders service, `http://host:port`: it is asked to serve orders from elsewhere when too much is
    /// promised. Without it nobody acts on a shortfall.
    #[serde(default)]
    pub orders: Option<String>,
    /// Who acts on a shortfall.
    #[serde(default)]
    pub on_shortfall: OnShortfall,
    /// Who says what is available at a location, by its code; Weft where nothing is said.
    #[serde(default)]
    pub authority: BTreeMap<String, Authority>,
    /// Code of the location that lines without one are taken from.
    pub default_location: String,
    /// How often items, stock and shown numbers are read from their owners.
    #[serde(default = "default_refresh")]
    pub refresh: Span,
    /// How soon numbers that a shop may have changed by itself, as it sold or took back, are looked at; then four times
    /// more, each after twice as long.
    #[serde(default = "default_check")]
    pub check: Span,
    /// How often what the ERP expects to come in (purchase orders, transfers on the road) is read from it.
    #[serde(default = "default_expected_refresh")]
    pub expected_refresh: Span,
    /// How long a promise lasts when the caller does not say.
    #[serde(default = "default_reservation_ttl")]
    pub reservation_ttl: Span,
    /// How often all stock records are audited against their law and their movements.
    #[serde(default = "default_audit")]
    pub audit: Span,
}

/// Who acts on a shortfall.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnShortfall {
    /// A person: `weft stock shortfalls --act`, or `POST /v1/shortfalls:act`.
    #[default]
    Propose,
    /// Weft, as proposed, as soon as it is seen.
    Reroute,
}

/// Who says what is available at a location.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Authority {
    /// Weft: what is on hand less what it promises.
    #[default]
    Weft,
    /// The ERP: less what it has committed itself, to whomever; promises of ours that it has are not subtracted twice.
    Erp,
}

/// The stock authority.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Erp {
    /// Its instance name, for example `netsuite`.
    pub instance: String,
    /// Address of its connector, `http://host:port`.
    pub address: String,
}

/// What a channel is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It sells what it shows.
    #[default]
    Shop,
    /// Service agents look at what it shows; it has our location codes.
    Crm,
}

/// Who is told what may be sold.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its instance name, for example `shopify`.
    pub instance: String,
    /// What it is.
    #[serde(default)]
    pub kind: Kind,
    /// Address of its connector, `http://host:port`.
    pub address: String,
    /// How often it is told of one location at most; whatever changes meanwhile is told together. Absent: 250 ms for a
    /// shop, a minute for a CRM, where each telling counts against the org's calls of a day.
    #[serde(default)]
    pub every: Option<Span>,
    /// A shop: our location code to its location id. Empty: matched by name when read; a shop with one location has the
    /// default one.
    #[serde(default)]
    pub locations: BTreeMap<String, String>,
    /// A shop: true when it lowers its number at its own sales.
    #[serde(default = "yes")]
    pub subtracts_own_sales: bool,
    /// What it gets of what may be sold. A change counts from the next reading of the channel (`refresh`, or
    /// `SyncReference`).
    #[serde(default)]
    pub limits: Limits,
}

impl Channel {
    /// How it treats the numbers that it shows.
    pub(crate) fn manner(&self) -> Manner {
        match self.kind {
            Kind::Shop if self.subtracts_own_sales => Manner::Subtracts,
            Kind::Shop => Manner::Sells,
            Kind::Crm => Manner::Shows,
        }
    }

    /// How often it is told of one location at most.
    pub(crate) fn pause(&self) -> Duration {
        let usual = match self.kind {
            Kind::Shop => Duration::from_millis(250),
            Kind::Crm => Duration::from_secs(60),
        };
        self.every.map_or(usual, Duration::from)
    }
}

/// What a channel gets of what may be sold at each location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Whole units of each item that it is never shown.
    pub keep_back: u32,
    /// Its part of the rest, 1 to 100 per cent, rounded down.
    pub share: Share,
    /// Most units that it shows at once; absent: no limit.
    pub cap: Option<u32>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { keep_back: 0, share: Share(100), cap: None }
    }
}

/// A part, 1 to 100 per cent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Share(u32);

impl Share {
    /// Per cent.
    #[must_use]
    pub const fn percent(self) -> u32 {
        self.0
    }
}

impl From<Share> for u32 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl TryFrom<u32> for Share {
    type Error = String;

    fn try_from(percent: u32) -> Result<Self, String> {
        if (1..=100).contains(&percent) {
            Ok(Self(percent))
        } else {
            Err(format!("{percent} is no share; give 1 to 100 per cent"))
        }
    }
}

fn yes() -> bool {
    true
}

fn default_refresh() -> Span {
    Span::from_secs(15 * 60)
}

fn default_check() -> Span {
    Span::from_secs(30)
}

fn default_expected_refresh() -> Span {
    Span::from_secs(2 * 60)
}

fn default_reservation_ttl() -> Span {
    Span::from_secs(15 * 60)
}

fn default_audit() -> Span {
    Span::from_secs(3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_and_a_location_are_enough() {
        let text = r#"
            default_location = "MAIN"
            [[channels]]
            instance = "shopify"
            address = "http://127.0.0.1:7201"
        "#;
        let config: Config = retail_runtime::config::load(text, None, "NO_SUCH_PREFIX_").unwrap();
        assert!(config.erp.is_none() && config.channels[0].subtracts_own_sales);
        assert_eq!(config.refresh, Span::from_secs(900));
        assert_eq!(config.channels[0].limits, Limits::default());
        let none = format!("{text}limits = {{ share = 0 }}");
        let wrong = retail_runtime::config::parse::<Config>(&none).unwrap_err();
        assert!(wrong.to_string().contains("1 to 100 per cent"), "{wrong}");
    }

    #[test]
    fn a_crm_is_told_once_a_minute_unless_something_is_said() {
        let text = r#"
            default_location = "MAIN"
            [[channels]]
            instance = "crm"
            kind = "crm"
            address = "http://127.0.0.1:7203"
        "#;
        let channel = |text: &str| {
            let config: Config = retail_runtime::config::load(text, None, "NO_SUCH_PREFIX_").unwrap();
            config.channels[0].clone()
        };
        assert_eq!((channel(text).manner(), channel(text).pause()), (Manner::Shows, Duration::from_secs(60)));
        assert_eq!(channel(&format!("{text}every = \"5s\"")).pause(), Duration::from_secs(5));
    }

    #[test]
    fn a_misspelt_key_is_named() {
        let wrong = retail_runtime::config::load::<Config>("default_locaton = \"MAIN\"", None, "NO_SUCH_PREFIX_");
        assert!(wrong.unwrap_err().to_string().contains("default_locaton"));
    }
}
