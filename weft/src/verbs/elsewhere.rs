//! A mesh that runs elsewhere, as several verbs reach it.

use clap::Args as ClapArgs;

use crate::feeding::Reach;

/// Where it is; all of them, or none for the mesh of this machine.
#[derive(ClapArgs)]
pub(crate) struct Elsewhere {
    /// The gateway of a mesh that runs elsewhere, http://host:port.
    #[arg(long, requires = "twins", requires = "orders")]
    gateway: Option<String>,
    /// The control of its twins, http://host:port.
    #[arg(long, requires = "gateway")]
    twins: Option<String>,
    /// gRPC of its orders service, http://host:port; several replicas with commas between.
    #[arg(long, requires = "gateway")]
    orders: Option<String>,
    /// Its gateway as the shop's twin reaches it, when that is another address.
    #[arg(long, requires = "gateway")]
    webhooks: Option<String>,
}

impl Elsewhere {
    /// How to reach it, when it was given.
    pub(crate) fn reach(self) -> Option<Reach> {
        let (gateway, twins, orders) = (self.gateway?, self.twins?, self.orders?);
        Some(Reach { webhooks: self.webhooks.unwrap_or_else(|| gateway.clone()), gateway, twins, orders })
    }
}
