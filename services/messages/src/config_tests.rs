//! What a configuration may say, and what of it is refused.

use super::*;

const WHOLE: &str = r#"
    orders = "http://127.0.0.1:7101"
    returns = "http://127.0.0.1:7104"
    [carriers.mail]
    address = "http://127.0.0.1:7206"
    [carriers.text]
    address = "http://127.0.0.1:7207"
    [channels.shop]
    carrier = "mail"
"#;

fn read(more: &str) -> Config {
    retail_runtime::config::parse(&format!("{WHOLE}{more}")).unwrap()
}

#[test]
fn everything_is_told_unless_something_else_is_said() {
    let config = read("");
    assert!(Occasion::ALL.into_iter().all(|occasion| config.tells("shop", occasion)));
    assert!(!config.tells("till", Occasion::Ordered), "a channel that is not named");
    assert_eq!((config.group.as_str(), config.problems()), ("messages", vec![]));
}

#[test]
fn what_the_shop_tells_is_not_told_from_here() {
    let config = read("shop_tells = [\"shipped\", \"refunded\"]");
    assert_eq!(config.problems(), Vec::<String>::new());
    assert!(!config.tells("shop", Occasion::Shipped) && config.tells("shop", Occasion::Cancelled));
}

#[test]
fn an_occasion_with_two_senders_is_refused() {
    let config = read("shop_tells = [\"shipped\"]\noccasions = [\"ordered\", \"shipped\"]");
    insta::assert_snapshot!(config.problems().join("\n"), @"messages.channels.shop.shop_tells: shipped would be told twice, by the shop and from here; leave it out of one of them");
    let config = read("shop_tells = [\"shipped\"]\ncarriers = { shipped = \"text\" }");
    assert_eq!(config.problems().len(), 1);
}

#[test]
fn a_carrier_that_is_not_there_is_named() {
    let config = read("carriers = { ready_for_pickup = \"pigeon\" }");
    insta::assert_snapshot!(config.problems().join("\n"), @r#"messages.channels.shop.carriers.ready_for_pickup names "pigeon"; add messages.carriers."pigeon""#);
}

#[test]
fn what_would_expire_while_all_is_quiet_is_refused() {
    let quiet = "quiet = { from = \"20:00\", until = \"08:00\", time_zone = \"Europe/London\" }";
    assert_eq!(read(quiet).problems(), Vec::<String>::new());
    let config = read(&format!("{quiet}\nexpires = {{ ready_for_pickup = \"12h\" }}"));
    insta::assert_snapshot!(config.problems().join("\n"), @"messages.channels.shop.expires.ready_for_pickup: what happens as the quiet hours begin would never be told; give more than they last");
}

#[test]
fn a_misspelt_occasion_is_named() {
    let wrong = retail_runtime::config::parse::<Config>(&format!("{WHOLE}occasions = [\"shiped\"]"));
    assert!(wrong.unwrap_err().to_string().contains("shiped"));
}

#[test]
fn the_configuration_that_the_readme_shows_can_be_used() {
    let readme = include_str!("../README.md");
    let shown = readme.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let shown = shown.replace("[messages]", "").replace("[messages.", "[");
    let config: Config = retail_runtime::config::parse(&shown).unwrap();
    assert_eq!(config.problems(), Vec::<String>::new());
    assert_eq!(config.channels["shop"].carrier(Occasion::ReadyForPickup), "text");
    assert!(!config.tells("shop", Occasion::Shipped));
}

#[test]
fn the_readme_names_every_occasion_with_the_time_that_it_is_worth_telling() {
    let readme = include_str!("../README.md");
    for occasion in Occasion::ALL {
        let days = occasion.expires().as_secs() / 86_400;
        let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
        let row = |line: &&str| {
            line.starts_with(&format!("| `{}` |", occasion.word())) && line.ends_with(&format!("| {days} |"))
        };
        assert!(readme.lines().any(|line| row(&line)), "{}", occasion.word());
    }
}
