//! Objects: create to delete, patches, apply, watcher, discovery.
use std::time::Duration;

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace, Pod},
};
use kube::{
    Api, Client, Error, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::GroupVersionKind,
    discovery,
    runtime::watcher::{self, Event, watcher},
};
use serde_json::{Value, from_value, json};

use crate::{Checked, NAMESPACE, same};

fn maps(client: Client) -> Api<ConfigMap> {
    Api::namespaced(client, NAMESPACE)
}

fn config_map(name: &str, data: Value) -> ConfigMap {
    from_value(json!({ "metadata": { "name": name, "labels": { "made-by": "rust" } }, "data": data })).expect("a ConfigMap")
}

fn code<T>(result: Result<T, Error>) -> u16 {
    match result {
        Err(Error::Api(status)) => status.code,
        _ => 0,
    }
}

fn value<'a>(map: &'a ConfigMap, key: &str) -> Option<&'a str> {
    map.data.as_ref()?.get(key).map(String::as_str)
}

pub async fn life(client: Client) -> Checked {
    let namespace: Namespace = from_value(json!({ "metadata": { "name": NAMESPACE } }))?;
    Api::all(client.clone()).create(&PostParams::default(), &namespace).await?;
    let maps = maps(client);
    let made = maps.create(&PostParams::default(), &config_map("life", json!({ "n": "0" }))).await?;
    let mut next = made.clone();
    next.data.get_or_insert_default().insert("n".into(), "1".into());
    maps.replace("life", &PostParams::default(), &next).await?;
    same("stale", code(maps.replace("life", &PostParams::default(), &made).await), 409)?;
    same("n", value(&maps.get("life").await?, "n"), Some("1"))
}

pub async fn errors(client: Client) -> Checked {
    let maps = maps(client);
    same("missing", maps.get_opt("missing").await?.is_none(), true)?;
    same("twice", code(maps.create(&PostParams::default(), &config_map("life", json!({}))).await), 409)?;
    same("bad name", code(maps.create(&PostParams::default(), &config_map("Not A Name", json!({}))).await), 422)
}

pub async fn patches(client: Client) -> Checked {
    let maps = maps(client.clone());
    let params = PatchParams::default();
    let operations = from_value(json!([{ "op": "add", "path": "/data/json", "value": "yes" }]))?;
    let changed = maps.patch("life", &params, &Patch::Json::<()>(operations)).await?;
    same("json", value(&changed, "json"), Some("yes"))?;
    let merged = maps.patch("life", &params, &Patch::Merge(json!({ "data": { "json": null, "merge": "yes" } }))).await?;
    same("merge", (value(&merged, "merge"), value(&merged, "json")), (Some("yes"), None))?;

    let deployments: Api<Deployment> = Api::namespaced(client, NAMESPACE);
    let deployment: Deployment = from_value(json!({
        "metadata": { "name": "patched" },
        "spec": {
            "replicas": 0,
            "selector": { "matchLabels": { "app": "patched" } },
            "template": {
                "metadata": { "labels": { "app": "patched" } },
                "spec": { "containers": [{ "name": "main", "image": "wherry/tools:1" }] },
            },
        },
    }))?;
    deployments.create(&PostParams::default(), &deployment).await?;
    let env = json!([{ "name": "A", "value": "b" }]);
    let change = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "main", "env": env }] } } } });
    let strategic = deployments.patch("patched", &params, &Patch::Strategic(change)).await?;
    let container = serde_json::to_value(strategic)?["spec"]["template"]["spec"]["containers"][0].take();
    same("container", (&container["image"], &container["env"]), (&json!("wherry/tools:1"), &env))
}

pub async fn apply(client: Client) -> Checked {
    let maps = maps(client);
    let body = |owned: &str| {
        Patch::Apply(json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "applied" }, "data": { "owned": owned } }))
    };
    maps.patch("applied", &PatchParams::apply("first"), &body("one")).await?;
    same("conflict", code(maps.patch("applied", &PatchParams::apply("second"), &body("two")).await), 409)?;
    let forced = maps.patch("applied", &PatchParams::apply("second").force(), &body("two")).await?;
    same("forced", value(&forced, "owned"), Some("two"))
}

pub async fn watcher_tells(client: Client) -> Checked {
    let maps = maps(client);
    let events = watcher(maps.clone(), watcher::Config::default().streaming_lists());
    pin_mut!(events);
    let mut told = Vec::new();
    while let Some(event) = events.next().await {
        match event? {
            Event::InitDone => {
                maps.create(&PostParams::default(), &config_map("watched", json!({}))).await?;
            }
            Event::Apply(map) if map.name_any() == "watched" => {
                told.push(format!("apply {:?}", value(&map, "a")));
                if told.len() == 1 {
                    maps.patch("watched", &PatchParams::default(), &Patch::Merge(json!({ "data": { "a": "b" } }))).await?;
                } else {
                    maps.delete("watched", &DeleteParams::default()).await?;
                }
            }
            Event::Delete(_) => break,
            _ => {}
        }
    }
    same("told", told, vec!["apply None".to_string(), "apply Some(\"b\")".to_string()])
}

pub async fn discovered(client: Client) -> Checked {
    let kind = GroupVersionKind::gvk("coordination.k8s.io", "v1", "Lease");
    let (resource, _): (ApiResource, _) = discovery::pinned_kind(&client, &kind).await?;
    let leases: Api<DynamicObject> = Api::namespaced_with(client, NAMESPACE, &resource);
    let lease = DynamicObject::new("found", &resource).data(json!({ "spec": { "holderIdentity": "rust" } }));
    let made = leases.create(&PostParams::default(), &lease).await?;
    same("holder", &made.data["spec"]["holderIdentity"], &json!("rust"))
}

pub async fn deletion(client: Client) -> Checked {
    let selected = ListParams::default().labels("made-by=rust");
    maps(client.clone()).delete_collection(&DeleteParams::default(), &selected).await?;
    same("left", maps(client.clone()).list(&selected).await?.items.len(), 0)?;
    Api::<Pod>::namespaced(client.clone(), NAMESPACE).delete("main", &DeleteParams::default().grace_period(0)).await?;
    let namespaces: Api<Namespace> = Api::all(client);
    namespaces.delete(NAMESPACE, &DeleteParams::default()).await?;
    while namespaces.get_opt(NAMESPACE).await?.is_some() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
