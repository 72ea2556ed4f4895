//! `weft tx replay FILE --against-twins`: the ERP's effects of an order, sent to the ERP's twin through the real connector.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::Context as _;
use retail_flow::{Again, Resent};
use retail_orders::World;
use retail_proto::erp::v1 as erp;
use retail_proto::erp::v1::erp_service_client::ErpServiceClient;
use retail_runtime::Runtime;
use retail_sandbox::{ItemKind, Sandbox, Seed, SeedItem, SeedLocation, SeedStock};

use crate::bundles::Bundle;
use crate::config::Config;
use crate::console;
use crate::keys;
use crate::mesh::url;
use crate::wire::Wire;

/// More than any order takes.
const PLENTY: i64 = 1_000;

/// Starts the twins and the connector in this process, gives them what the order names, and sends its effects again.
pub(super) async fn run(config: &Config, runtime: &Runtime, bundle: &Bundle) -> anyhow::Result<ExitCode> {
    let unsupported = "only orders are sent against the twins; run this bundle without --against-twins";
    let world = retail_orders::world(bundle).context(unsupported)?;
    let address = start(config.clone(), runtime, &world).await?;
    let resent = retail_orders::resend(runtime, bundle, &address).await?;
    tell(&resent);
    let as_recorded = |one: &Resent| matches!(one.again, Again::Same | Again::NotSent);
    Ok(if resent.iter().all(as_recorded) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Answers the connector's address.
async fn start(mut config: Config, runtime: &Runtime, world: &World) -> anyhow::Result<String> {
    config.sandbox.listen = retail_sandbox::Listen::anywhere();
    config.sandbox.dir = None;
    config.listen.anywhere();
    let twins =
        Sandbox::start(&runtime.named("sandbox"), config.sandbox.clone()).await.context("cannot start the twins")?;
    config.netsuite.http.base_url = url(twins.netsuite);
    keys::introduce(&mut config, runtime, twins.control).await?;
    let listener = runtime.bind(config.listen.netsuite).await.context("cannot listen for the connector")?;
    let address = url(listener.local_addr());
    let (account, own) = (config.netsuite.clone(), runtime.named("netsuite"));
    runtime.spawn("netsuite", async move {
        if let Err(error) = retail_netsuite::run(account, own, listener).await {
            console::complain(&format!("the connector ended: {error}"));
        }
    });
    let control = Wire::to(runtime, &url(twins.control))?;
    control.post("/__sandbox/seed", &serde_json::to_value(seed(world))?).await?;
    let customer = erp::CustomerRecord {
        external_ref: world.customer_id.clone(),
        is_person: true,
        first_name: "Of".to_owned(),
        last_name: "the bundle".to_owned(),
        ..Default::default()
    };
    let request = erp::UpsertCustomerRequest { instance: world.erp.clone(), customer: Some(customer) };
    let answer = ErpServiceClient::new(runtime.peer(&address)?).upsert_customer(request).await;
    let answer = answer.map_err(|status| anyhow::anyhow!("the twin takes no customer: {}", status.message()))?;
    retail_flow::done("erp.UpsertCustomer", answer.into_inner().outcome.as_ref())
        .map_err(|failure| anyhow::anyhow!("the twin takes no customer: {}", failure.detail()))?;
    Ok(address)
}

fn seed(world: &World) -> Seed {
    let mut known = BTreeSet::new();
    let items: Vec<_> = world.items.iter().filter(|item| known.insert(&item.sku)).collect();
    let places: BTreeSet<&str> = world
        .items
        .iter()
        .map(|item| item.location.as_str())
        .filter(|place| !place.is_empty())
        .chain(["MAIN"])
        .collect();
    let goods = items.iter().filter(|item| item.is_goods);
    let stock = goods.flat_map(|item| {
        places.iter().map(|place| SeedStock {
            sku: item.sku.clone(),
            location: (*place).to_owned(),
            quantity: item.quantity.saturating_add(PLENTY),
        })
    });
    Seed {
        currency: world.currency.clone(),
        stock: stock.collect(),
        items: items
            .iter()
            .map(|item| SeedItem {
                sku: item.sku.clone(),
                description: item.description.clone(),
                kind: if item.is_goods { ItemKind::Goods } else { ItemKind::Charge },
                price: item.price.clone(),
            })
            .collect(),
        locations: places
            .iter()
            .map(|place| SeedLocation { code: (*place).to_owned(), name: (*place).to_owned() })
            .collect(),
    }
}

fn tell(resent: &[Resent]) {
    let rows = resent.iter().map(|one| {
        let words = match &one.again {
            Again::Same => "the same answer".to_owned(),
            Again::Differs(differences) => {
                let each = differences.iter();
                let each = each.map(|one| format!("{}: {} then, {} now", one.field, one.expected, one.found));
                each.collect::<Vec<_>>().join("\n")
            }
            Again::Failed(why) => why.clone(),
            Again::NotSent => "not sent: only the ERP's effects are".to_owned(),
        };
        vec![one.number.to_string(), one.name.clone(), words]
    });
    console::table(&["entry", "effect", "against the twin"], rows.collect());
}
