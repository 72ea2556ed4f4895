//! What is looked at before a Redis is trusted: does it keep what the durability class promises, and is the data ours?

use redis::Value;

use super::connection::{Connection, Connector};
use super::names::birth;
use super::route::Route;
use super::script::{BIRTH, word};
use super::settings::Durability;
use super::slots::{Role, role};
use super::values::{list, text};
use crate::fault::Error;
use crate::key::Partition;

/// Version of the layout in Redis. Data of a higher one is refused.
const FORMAT: u32 = 1;
/// Oldest server: scripts that replicate their effects, sharded channels.
const OLDEST: u32 = 7;

/// Commands that the log of our scripts is made of. Between `MULTI` and `EXEC` one that the default user may not send takes
/// all of its commit with it.
const LOGGED: [&[&str]; 13] = [
    &["MULTI"],
    &["EXEC"],
    &["SELECT", "0"],
    &["SET", "KEY", "v"],
    &["MSET", "KEY", "v"],
    &["DEL", "KEY"],
    &["PEXPIREAT", "KEY", "1"],
    &["ZADD", "KEY", "1", "m"],
    &["ZREM", "KEY", "m"],
    &["HSET", "KEY", "f", "v"],
    &["HDEL", "KEY", "f"],
    &["XADD", "KEY", "*", "f", "v"],
    &["XTRIM", "KEY", "MINID", "1"],
];

/// What it means that the default user may not do everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Replay {
    /// Measured: what he may not do is gone after a restart.
    Drops,
    /// Not known of this release.
    MayDrop,
}

/// Looks at every primary, and at every replica where the class speaks of it. `log` is a name as commits write it.
pub(super) async fn fit(route: &Route, log: &[u8]) -> Result<(), Error> {
    let (connector, map) = (&route.connector, route.map().borrow().clone());
    let class = connector.config.class;
    let needed = if class.replicated() { connector.config.replicas.max(1) } else { 0 };
    for primary in map.replicas.keys() {
        keeps(connector, primary, class, log).await?;
        if needed == 0 {
            continue;
        }
        // The primary itself knows best who follows it; other nodes of a Cluster may not have heard yet.
        let connection = connector.connect(primary, None).await.map_err(Error::Unavailable)?;
        let said = role(ask(connector, &connection, primary, redis::cmd("ROLE")).await?);
        let replicas = if let Some(Role::Primary(_, replicas)) = said { replicas } else { Vec::new() };
        if replicas.len() < usize::from(needed) {
            let why = format!(
                "{primary} has {} replicas, and class {class} needs {needed}; add replicas or configure another class",
                replicas.len()
            );
            return Err(Error::Unfit(why));
        }
        for replica in &replicas {
            keeps(connector, replica, class, log).await?;
        }
    }
    Ok(())
}

async fn keeps(connector: &Connector, address: &str, class: Durability, log: &[u8]) -> Result<(), Error> {
    let unfit = |why: String| Err(Error::Unfit(format!("{address}: {why}")));
    let connection = connector.connect(address, None).await.map_err(Error::Unavailable)?;
    let mut info = redis::cmd("INFO");
    info.arg("server");
    let info = ask(connector, &connection, address, info).await?;
    let info = text(info).unwrap_or_default();
    if let Some(word) = replay(&info) {
        replays(connector, &connection, address, (log, word)).await?;
    }
    // Valkey names its own version beside that of the Redis it is compatible with.
    let major = info.lines().find_map(|line| line.strip_prefix("redis_version:")?.split('.').next()?.parse().ok());
    if major.is_none_or(|major: u32| major < OLDEST) {
        return unfit(format!("is older than Redis {OLDEST}.0; install Redis 7 or later, or Valkey"));
    }
    let setting = async |name: &str| {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg(name);
        let answer = ask(connector, &connection, address, get).await.map_err(|error| {
            Error::Unfit(format!("{error}; the user needs the permission CONFIG|GET, so that {name} can be checked"))
        })?;
        let mut pair = list(answer).unwrap_or_default().into_iter().filter_map(text);
        Ok::<_, Error>(pair.nth(1).unwrap_or_default())
    };
    let policy = setting("maxmemory-policy").await?;
    if policy != "noeviction" {
        return unfit(format!(
            "maxmemory-policy is {policy}; set it to noeviction, or data is thrown away when memory is short"
        ));
    }
    if setting("appendonly").await? != "yes" {
        return unfit(format!("appendonly is off, and class {class} keeps what was acknowledged; set appendonly yes"));
    }
    let fsync = setting("appendfsync").await?;
    if class.on_disk() && fsync != "always" {
        return unfit(format!("appendfsync is {fsync}, and class {class} needs appendfsync always"));
    }
    if fsync == "no" {
        return unfit(format!("appendfsync is no, and class {class} needs everysec or always"));
    }
    Ok(())
}

/// How a server replays its log: Redis as its default user, Valkey as nobody.
fn replay(info: &str) -> Option<Replay> {
    let of = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    match (of("valkey_version"), of("redis_version")) {
        (None, Some(version)) if version.starts_with("7.0.") => Some(Replay::Drops),
        (None, _) => Some(Replay::MayDrop),
        (Some(_), _) => None,
    }
}

/// May the default user do what is in the log? Asked of the server itself, which keeps it from nobody who may ask.
async fn replays(
    connector: &Connector,
    connection: &Connection,
    address: &str,
    (log, replay): (&[u8], Replay),
) -> Result<(), Error> {
    let commands = LOGGED.into_iter().map(|words| {
        let mut dry = redis::cmd("ACL");
        dry.arg("DRYRUN").arg("default");
        for word in words {
            dry.arg(if *word == "KEY" { log } else { word.as_bytes() });
        }
        dry
    });
    let answers = connector.ask(connection, commands.collect()).await;
    let answers = answers.map_err(|why| Error::Unavailable(format!("{address}: {why}")))?;
    for (words, answer) in LOGGED.into_iter().zip(answers) {
        let command = words.first().copied().unwrap_or_default();
        match answer {
            Ok(answer) if matches!(answer, Value::Okay) || text(answer.clone()).as_deref() == Some("OK") => {}
            Ok(_) if replay == Replay::Drops => {
                return Err(Error::Unfit(format!(
                    "{address}: its default user may not {command} our keys; Redis 7.0 replays its log as this user when \
                     it starts, and would drop every commit: ACL SETUSER default off resetpass ~* &* +@all, in its list \
                     of users too"
                )));
            }
            Ok(_) => {
                tracing::warn!(
                    address,
                    command,
                    "the default user of this server may not do everything; Redis 7.0 loses commits by that when it starts, \
                     and of this release it is not known: give him every right and no password, off (docs/durability.md)"
                );
                return Ok(());
            }
            Err(error) => {
                tracing::warn!(
                    address,
                    %error,
                    "cannot see whether the default user may do what is in the log; without that Redis 7.0 loses commits \
                     when it starts: give our user the permission ACL|DRYRUN, or look yourself (docs/durability.md)"
                );
                return Ok(());
            }
        }
    }
    Ok(())
}

async fn ask(
    connector: &Connector,
    connection: &Connection,
    address: &str,
    command: redis::Cmd,
) -> Result<Value, Error> {
    let answers = connector.ask(connection, vec![command]).await;
    let answers = answers.map_err(|why| Error::Unavailable(format!("{address}: {why}")))?;
    let answer = answers.into_iter().next().unwrap_or(Ok(Value::Nil));
    answer.map_err(|error| Error::Unavailable(format!("{address}: {error}")))
}

/// Writes down how the domain was made, or checks it.
pub(super) async fn bear(route: &Route, region: &str, domain: &str) -> Result<(), Error> {
    let ours = [FORMAT.to_string(), Partition::count().to_string(), region.to_owned(), domain.to_owned()];
    let command = BIRTH.call(&[birth(domain).into_bytes()], &[word(ours.join("\n"))]);
    let answer = route.run_anywhere(command, &BIRTH).await.map_err(Error::Unavailable)?;
    let stored = text(answer).unwrap_or_default();
    let stored = stored.split('\n').collect::<Vec<_>>();
    for (at, what) in ["layout", "partitions", "region", "domain"].into_iter().enumerate() {
        let (theirs, ours) = (stored.get(at).copied().unwrap_or_default(), ours.get(at).map_or("", String::as_str));
        if theirs != ours {
            return Err(Error::Birth { what, stored: theirs.to_owned(), configured: ours.to_owned() });
        }
    }
    Ok(())
}
