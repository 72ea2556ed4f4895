//! What is refused at start: servers that do not keep what the class promises, data of others, wrong passwords.

use std::process::{Command, Stdio};

use retail_runtime::config::Span;
use retail_store::{BackendConfig, Config, Durability, Error, Redis, RedisConfig, Store};

use crate::bed::{fresh_domain, runtime};
use crate::servers::{Kind, Server};

async fn open(config: &RedisConfig, region: &str) -> Result<Redis, Error> {
    Redis::open(&runtime(), config, "start", region).await
}

async fn refusal(server: &Server, class: Durability) -> String {
    match open(&RedisConfig::at(vec![server.address.clone()], class), "local").await {
        Err(Error::Unfit(why)) => why,
        other => panic!("{class} is not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_server_that_does_not_keep_the_class_is_refused_with_the_setting() {
    let Some(server) = Server::start(Kind::Redis, &["--appendonly", "yes"]) else { return };
    let config = RedisConfig::at(vec![server.address.clone()], Durability::R1);
    open(&config, "local").await.unwrap();
    assert!(refusal(&server, Durability::R2).await.contains("appendfsync"));
    assert!(refusal(&server, Durability::R3).await.contains("has 0 replicas"));
    server.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    assert!(refusal(&server, Durability::R1).await.contains("noeviction"));
    server.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    server.ask::<()>(&["CONFIG", "SET", "appendonly", "no"]);
    assert!(refusal(&server, Durability::R1).await.contains("appendonly"));
}

#[tokio::test]
async fn a_replica_that_does_not_keep_the_class_is_refused_too() {
    let disk = ["--appendonly", "yes", "--appendfsync", "always"];
    let Some(primary) = Server::start(Kind::Redis, &disk) else { return };
    let port = primary.port().to_string();
    let replica = Server::start(Kind::Redis, &[&disk[..], &["--replicaof", "127.0.0.1", &port]].concat()).unwrap();
    crate::servers::until("a replica that follows", || {
        primary.ask::<String>(&["INFO", "replication"]).contains("state=online")
    });
    // Either address finds the primary.
    open(&RedisConfig::at(vec![replica.address.clone(), primary.address.clone()], Durability::R5), "local")
        .await
        .unwrap();
    replica.ask::<()>(&["CONFIG", "SET", "appendfsync", "everysec"]);
    assert!(refusal(&primary, Durability::R5).await.contains(&replica.address));
    open(&RedisConfig::at(vec![primary.address.clone()], Durability::R4), "local").await.unwrap();
}

#[tokio::test]
async fn data_of_another_region_or_partition_count_is_refused() {
    let Some(server) = Server::start(Kind::Redis, &["--appendonly", "yes"]) else { return };
    let config = RedisConfig::at(vec![server.address.clone()], Durability::R1);
    open(&config, "eu").await.unwrap();
    let refused = open(&config, "us").await.unwrap_err();
    assert!(matches!(refused, Error::Birth { what: "region", .. }), "{refused}");
    server.ask::<()>(&["SET", "weft:start:birth", "1\n128\neu\nstart"]);
    let refused = open(&config, "eu").await.unwrap_err();
    assert!(matches!(refused, Error::Birth { what: "partitions", .. }), "{refused}");
    server.ask::<()>(&["SET", "weft:start:birth", "2\n64\neu\nstart"]);
    let refused = open(&config, "eu").await.unwrap_err();
    assert!(matches!(refused, Error::Birth { what: "layout", .. }), "{refused}");
}

#[tokio::test]
async fn a_store_is_opened_as_a_user_with_a_password_and_only_its_own_names() {
    let Some(server) = Server::start(Kind::Redis, &["--appendonly", "yes"]) else { return };
    let domain = fresh_domain();
    let rule =
        ["ACL", "SETUSER", "weft", "on", ">s3cret", "resetkeys", "resetchannels", "-@all", "+@all", "-@dangerous"];
    let own = format!("~{{local:{domain}:*");
    let birth = format!("~weft:{domain}:birth");
    let channels = format!("&{{local:{domain}:*");
    let more = ["+info", "+config|get", "+role", &own, &birth, &channels];
    server.ask::<()>(&[&rule[..], &more].concat());
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "s3cret\n").unwrap();
    let config = RedisConfig {
        user: Some("weft".into()),
        password_file: Some(file.clone()),
        ..RedisConfig::at(vec![server.address.clone()], Durability::R1)
    };
    let store = Config {
        backend: BackendConfig::Redis(Box::new(config)),
        domain,
        region: "local".into(),
        groups: vec!["g".into()],
        keep: Span::from_secs(3_600),
    };
    Store::open(&runtime(), &store).await.unwrap();
    std::fs::write(&file, "wrong").unwrap();
    let refused = Store::open(&runtime(), &store).await.unwrap_err().to_string();
    assert!(refused.contains("cannot connect") && !refused.contains("wrong\n"), "{refused}");
}

#[tokio::test]
async fn a_server_that_would_drop_its_log_at_the_next_start_is_refused_with_the_mend() {
    let Some(server) = Server::start(Kind::Redis, &["--appendonly", "yes"]) else { return };
    let version = server.ask::<String>(&["INFO", "server"]);
    let drops = version.contains("redis_version:7.0.");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, "s3cret").unwrap();
    let config = RedisConfig {
        user: Some("weft".into()),
        password_file: Some(file),
        ..RedisConfig::at(vec![server.address.clone()], Durability::R1)
    };
    let mut admin = server.connection();
    redis::cmd("ACL").arg(&["SETUSER", "weft", "on", ">s3cret", "~*", "&*", "+@all"]).exec(&mut admin).unwrap();
    redis::cmd("AUTH").arg(&["weft", "s3cret"]).exec(&mut admin).unwrap();
    open(&config, "local").await.unwrap();
    let mut set = |words: &[&str]| redis::cmd("ACL").arg("SETUSER").arg(words).exec(&mut admin).unwrap();
    for rights in [&["-@all"][..], &["+@all", "-exec"], &["+@all", "resetkeys", "~cache:*"], &["-xadd", "~*"]] {
        set(&["default", "reset", "~*", "&*", "+@all"]);
        set(&[&["default"][..], rights].concat());
        match open(&config, "local").await {
            Err(Error::Unfit(why)) => assert!(why.contains("ACL SETUSER default"), "{rights:?}: {why}"),
            other => assert!(!drops && other.is_ok(), "{rights:?} is not refused: {other:?}"),
        }
    }
    // What deploy/secrets.sh makes: nobody can be him, and he may do everything.
    set(&["default", "reset", "off", "resetpass", "~*", "&*", "+@all"]);
    open(&config, "local").await.unwrap();
    // Who may not look is told so in the log, and can work.
    set(&["default", "-@all"]);
    set(&["weft", "-acl|dryrun"]);
    open(&config, "local").await.unwrap();
}

#[tokio::test]
async fn a_connection_is_encrypted_and_trusts_the_configured_file_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    for name in ["ours", "theirs"] {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .args(["-keyout", &file(&format!("{name}.key")), "-out", &file(&format!("{name}.pem"))])
            .stderr(Stdio::null())
            .status();
        assert!(made.is_ok_and(|made| made.success()), "openssl makes the certificates of this test; install it");
    }
    let (pem, key) = (file("ours.pem"), file("ours.key"));
    let tls = ["--port", "0", "--tls-port", "PORT", "--tls-cert-file", &pem, "--tls-key-file", &key];
    let options = [&tls[..], &["--tls-auth-clients", "no", "--appendonly", "yes"]].concat();
    let Some(server) = Server::start(Kind::Redis, &options) else { return };
    let trusting = |name: &str| RedisConfig {
        ca_file: Some(file(name).into()),
        ..RedisConfig::at(vec![server.address.clone()], Durability::R1)
    };
    open(&trusting("ours.pem"), "local").await.unwrap();
    let refused = open(&trusting("theirs.pem"), "local").await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    let plain = open(&RedisConfig::at(vec![server.address.clone()], Durability::R1), "local").await;
    assert!(matches!(plain, Err(Error::Unavailable(_))));
}
