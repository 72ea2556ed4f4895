//! The end of a process of `weft run`: it says that it is not ready before it turns anybody away.

use std::process::{Command, Stdio};
use std::time::Duration;

use retail_crash::process::{Running, free_ports};
use retail_runtime::Runtime;
use retail_weft::mesh::url;
use retail_weft::wire::Wire;

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_asked_to_end_says_so_and_still_takes_work_for_a_while() {
    let runtime = Runtime::system("stop");
    let (dir, ports) = (tempfile::tempdir().unwrap(), free_ports(2));
    let mut command = Command::new(crate::weft());
    command.args(["run", "gateway", "--data-dir"]).arg(dir.path()).env_remove("WEFT_CONFIG").stdout(Stdio::null());
    // For as long as the test looks; a second signal ends it.
    command.env("WEFT__ANNOUNCE", "1h").env("WEFT__TELEMETRY__LEVEL", "error");
    command.env("WEFT__GATEWAY__LISTEN", ports[0].to_string()).env("WEFT__LISTEN__METRICS", ports[1].to_string());
    let mut gateway = Running(command.spawn().unwrap());
    let (edge, metrics) = (url(ports[0]), url(ports[1]));
    let until = async |path: &str, wanted: u16| {
        for _ in 0..1_200 {
            // A new connection each time.
            let answer = Wire::to(&runtime, &edge).unwrap().raw("GET", path, None, &[]).await;
            if answer.is_ok_and(|(status, _)| status == wanted) {
                return;
            }
            runtime.clock().sleep(Duration::from_millis(50)).await;
        }
        panic!("{path} never answered {wanted}");
    };
    let ready = async || {
        let (_, text) = Wire::to(&runtime, &metrics).unwrap().raw("GET", "/metrics", None, &[]).await.unwrap();
        text.lines().find_map(|line| line.strip_prefix("retail_ready{process=\"gateway\"} ")).unwrap().to_owned()
    };
    until("/readyz", 200).await;
    assert_eq!(ready().await, "1");
    gateway.signal("-TERM");
    until("/readyz", 503).await;
    until("/healthz", 200).await;
    assert_eq!(ready().await, "0");
    gateway.signal("-TERM");
    let mut looks = 0;
    while gateway.0.try_wait().unwrap().is_none() {
        looks += 1;
        assert!(looks < 1_200, "a second signal did not end it");
        runtime.clock().sleep(Duration::from_millis(50)).await;
    }
}
