//! What becomes of edits between us and the shop of a channel, as it is configured beside sourcing: it is read again when
//! its file changes.

use serde::{Deserialize, Serialize};

/// Edits of a channel's orders, made in its shop and made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShopEdits {
    /// What becomes of an edit that people make in the shop.
    pub edits: OnShopEdit,
    /// The shop is told of edits that are made here.
    pub tell_edits: bool,
}

impl Default for ShopEdits {
    fn default() -> Self {
        Self { edits: OnShopEdit::CarryOut, tell_edits: true }
    }
}

/// What becomes of an edit that people make in the shop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnShopEdit {
    /// It is carried out: what the shop has sold is sold.
    #[default]
    CarryOut,
    /// A person looks at it. Lines that were taken off are cancelled all the same.
    Ask,
}

/// What counts for one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShopRules {
    /// Edits of the shop are carried out.
    pub carry_out: bool,
    /// The shop is told of ours.
    pub tell: bool,
    /// By how many minor units its total may differ from the lines.
    pub tolerance: u32,
    /// The channel asks what its customers may owe.
    pub asks_credit: bool,
}

impl Default for ShopRules {
    fn default() -> Self {
        Self { carry_out: true, tell: true, tolerance: 0, asks_credit: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Sourcing;

    #[test]
    fn an_edit_is_carried_out_and_told_unless_the_channel_says_otherwise() {
        let text = "[channels.shop]\nedits = \"ask\"\n[channels.web]\ntell_edits = false";
        let policies: Sourcing = retail_runtime::config::parse(text).unwrap();
        let of = |channel: &str| policies.channels.get(channel).copied().unwrap_or_default();
        assert_eq!(of("shop"), ShopEdits { edits: OnShopEdit::Ask, tell_edits: true });
        assert_eq!(of("web"), ShopEdits { edits: OnShopEdit::CarryOut, tell_edits: false });
        assert_eq!(of("another"), ShopEdits { edits: OnShopEdit::CarryOut, tell_edits: true });
    }
}
