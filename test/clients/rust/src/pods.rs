//! A pod and its streams: exec, logs, port-forward.
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{AttachParams, LogParams, PostParams},
    runtime::{conditions::is_pod_running, wait::await_condition},
};
use serde_json::{from_value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{Checked, NAMESPACE, same};

const SCRIPT: &str = "mkdir -p /www; echo served > /www/index.html; httpd -p 8080 -h /www; echo started
trap 'exit 0' TERM; while true; do echo tick; sleep 0.2; done";

fn pods(client: Client) -> Api<Pod> {
    Api::namespaced(client, NAMESPACE)
}

pub async fn runs(client: Client) -> Checked {
    let container = json!({ "name": "main", "image": "wherry/tools:1", "command": ["sh", "-c", SCRIPT] });
    let pod = json!({ "metadata": { "name": "main" }, "spec": { "terminationGracePeriodSeconds": 1, "containers": [container] } });
    pods(client.clone()).create(&PostParams::default(), &from_value(pod)?).await?;
    await_condition(pods(client), "main", is_pod_running()).await?;
    Ok(())
}

pub async fn exec(client: Client) -> Checked {
    let command = ["sh", "-c", "cat; echo problem >&2; exit 7"];
    let mut session = pods(client).exec("main", command, &AttachParams::default().stdin(true)).await?;
    let (mut stdout, mut stderr, status) =
        (session.stdout().ok_or("no stdout")?, session.stderr().ok_or("no stderr")?, session.take_status().ok_or("no status")?);
    let mut stdin = session.stdin().ok_or("no stdin")?;
    stdin.write_all(b"given\n").await?;
    stdin.shutdown().await?; // cat ends with its input
    let (mut out, mut problems) = (String::new(), String::new());
    stdout.read_to_string(&mut out).await?;
    stderr.read_to_string(&mut problems).await?;
    let causes = status.await.and_then(|status| status.details).map(|details| details.causes).unwrap_or_default();
    same("outputs", (out.as_str(), problems.as_str()), ("given\n", "problem\n"))?;
    same("exit code", causes.unwrap_or_default().first().and_then(|cause| cause.message.clone()), Some("7".into()))
}

pub async fn logs(client: Client) -> Checked {
    let follow = LogParams { follow: true, ..LogParams::default() };
    let mut lines = pods(client).log_stream("main", &follow).await?.lines();
    for wanted in ["started", "tick", "tick"] {
        same("line", lines.try_next().await?.as_deref(), Some(wanted))?;
    }
    Ok(())
}

pub async fn forward(client: Client) -> Checked {
    let mut forwarder = pods(client).portforward("main", &[8080]).await?;
    let mut stream = forwarder.take_stream(8080).ok_or("no stream")?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: main\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    drop(stream);
    same("page", answer.ends_with("served\n"), true)
}
