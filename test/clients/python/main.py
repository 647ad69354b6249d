"""Checks a cluster as programs with the official Python client use it, and prints one TAP line a check.

KUBECONFIG names the cluster. Exit code 1 when a check failed.
"""

import sys
import threading
import time

from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import portforward, stream
from kubernetes.utils import create_from_yaml
import yaml

NAMESPACE = "python-client"
IMAGE = "wherry/tools:1"
SCRIPT = """echo started; mkdir -p /www; echo served > /www/index.html; httpd -p 8080 -h /www
trap 'exit 0' TERM; while true; do echo tick; sleep 0.2; done"""
DEADLINE_SECONDS = 30


def until(what, condition):
    """Polls; a check that waits says what for."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(0.02)


def same(what, got, wanted):
    if got != wanted:
        raise AssertionError(f"{what}: {got!r}, not {wanted!r}")


def fails(status, call):
    """The ApiException that the call must raise."""
    try:
        call()
    except ApiException as error:
        same("status", error.status, status)
        return error
    raise AssertionError(f"no error {status}")


def config_map(name, **data):
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name, labels={"made-by": "python"}), data=data)


class Checks:
    """The order of the methods matters: the first makes what the others use, the last removes it."""

    def __init__(self):
        config.load_kube_config()
        self.core = client.CoreV1Api()
        self.apps = client.AppsV1Api()

    def create_get_replace_conflict(self):
        """create, get, replace, conflict"""
        self.core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=NAMESPACE)))
        made = self.core.create_namespaced_config_map(NAMESPACE, config_map("life", n="0"))
        made.data["n"] = "1"
        self.core.replace_namespaced_config_map("life", NAMESPACE, made)
        error = fails(409, lambda: self.core.replace_namespaced_config_map("life", NAMESPACE, made))
        same("reason", yaml.safe_load(error.body)["reason"], "Conflict")
        same("n", self.core.read_namespaced_config_map("life", NAMESPACE).data["n"], "1")

    def errors(self):
        """errors have a status and a body"""
        error = fails(404, lambda: self.core.read_namespaced_config_map("missing", NAMESPACE))
        same("message", yaml.safe_load(error.body)["message"], 'configmaps "missing" not found')
        fails(409, lambda: self.core.create_namespaced_config_map(NAMESPACE, config_map("life")))
        fails(422, lambda: self.core.create_namespaced_config_map(NAMESPACE, config_map("Not A Name")))

    def pages(self):
        """a list comes in pages"""
        for number in range(5):
            self.core.create_namespaced_config_map(NAMESPACE, config_map(f"page-{number}"))
        names, token = [], None
        while token != "":
            page = self.core.list_namespaced_config_map(NAMESPACE, label_selector="made-by=python", limit=2, _continue=token)
            names += [item.metadata.name for item in page.items]
            token = page.metadata._continue or ""
        same("names", names, ["life", *(f"page-{number}" for number in range(5))])

    def patches(self):
        """json, merge and strategic merge patch"""
        patch = self.core.patch_namespaced_config_map
        same("json", patch("life", NAMESPACE, [{"op": "add", "path": "/data/json", "value": "yes"}]).data["json"], "yes")
        merged = patch("life", NAMESPACE, {"data": {"json": None, "merge": "yes"}}, _content_type="application/merge-patch+json")
        same("merge", merged.data, {"n": "1", "merge": "yes"})
        labels = {"app": "patched"}
        container = client.V1Container(name="main", image=IMAGE)
        template = client.V1PodTemplateSpec(
            metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
        )
        spec = client.V1DeploymentSpec(replicas=0, selector=client.V1LabelSelector(match_labels=labels), template=template)
        self.apps.create_namespaced_deployment(
            NAMESPACE, client.V1Deployment(metadata=client.V1ObjectMeta(name="patched"), spec=spec)
        )
        change = {"spec": {"template": {"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "b"}]}]}}}}
        strategic = self.apps.patch_namespaced_deployment("patched", NAMESPACE, change)
        same("image", strategic.spec.template.spec.containers[0].image, IMAGE)
        same("env", strategic.spec.template.spec.containers[0].env[0].value, "b")
        scale = self.apps.patch_namespaced_deployment_scale("patched", NAMESPACE, {"spec": {"replicas": 0}})
        same("scale", scale.status.replicas, 0)

    def server_side_apply(self):
        """server-side apply, conflict and force, by the dynamic client"""
        maps = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="v1", kind="ConfigMap")
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "applied"}, "data": {"owned": "one"}}
        maps.server_side_apply(body=body, name="applied", namespace=NAMESPACE, field_manager="first")
        body["data"]["owned"] = "two"
        again = lambda **more: maps.server_side_apply(
            body=body, name="applied", namespace=NAMESPACE, field_manager="second", **more
        )
        error = fails(409, again)
        same("cause", yaml.safe_load(error.body)["details"]["causes"][0]["reason"], "FieldManagerConflict")
        same("forced", again(force_conflicts=True).data.owned, "two")

    def informer(self):
        """a list and watch sees add, update and delete"""
        start = self.core.list_namespaced_config_map(NAMESPACE)
        told = []

        def change():
            self.core.create_namespaced_config_map(NAMESPACE, config_map("watched"))
            self.core.patch_namespaced_config_map("watched", NAMESPACE, [{"op": "add", "path": "/data", "value": {"a": "b"}}])
            self.core.delete_namespaced_config_map("watched", NAMESPACE)

        changes = threading.Thread(target=change)
        changes.start()
        watcher = watch.Watch()
        for event in watcher.stream(
            self.core.list_namespaced_config_map,
            NAMESPACE,
            resource_version=start.metadata.resource_version,
            timeout_seconds=DEADLINE_SECONDS,
            field_selector="metadata.name=watched",
        ):
            told.append(event["type"])
            if event["type"] == "DELETED":
                watcher.stop()
        changes.join()
        same("events", told, ["ADDED", "MODIFIED", "DELETED"])

    def custom_resource(self):
        """a custom resource from YAML, by the dynamic and the custom objects client"""
        create_from_yaml(client.ApiClient(), yaml_objects=list(yaml.safe_load_all(WIDGETS)))
        until("the CRD", lambda: self.widgets_are_served())
        custom = client.CustomObjectsApi()
        where = ("clients.wherry.test", "v1", NAMESPACE, "gadgets")
        body = {"apiVersion": "clients.wherry.test/v1", "kind": "Gadget", "metadata": {"name": "one"}, "spec": {"size": 1}}
        custom.create_namespaced_custom_object(*where, body)
        custom.patch_namespaced_custom_object(*where, "one", {"spec": {"size": 2}})
        same("size", custom.get_namespaced_custom_object(*where, "one")["spec"]["size"], 2)
        found = dynamic.DynamicClient(client.ApiClient()).resources.get(api_version="clients.wherry.test/v1", kind="Gadget")
        same("names", [item.metadata.name for item in found.get(namespace=NAMESPACE).items], ["one"])
        client.ApiextensionsV1Api().delete_custom_resource_definition("gadgets.clients.wherry.test")

    def widgets_are_served(self):
        try:
            client.CustomObjectsApi().list_namespaced_custom_object("clients.wherry.test", "v1", NAMESPACE, "gadgets")
            return True
        except ApiException as error:
            if error.status != 404:
                raise
            return False

    def pod_runs(self):
        """a pod runs and a watch tells"""
        container = client.V1Container(name="main", image=IMAGE, command=["sh", "-c", SCRIPT])
        spec = client.V1PodSpec(containers=[container], termination_grace_period_seconds=1)
        self.core.create_namespaced_pod(NAMESPACE, client.V1Pod(metadata=client.V1ObjectMeta(name="main"), spec=spec))
        watcher = watch.Watch()
        for event in watcher.stream(
            self.core.list_namespaced_pod, NAMESPACE, field_selector="metadata.name=main", timeout_seconds=DEADLINE_SECONDS
        ):
            conditions = event["object"].status.conditions or []
            if any(item.type == "Ready" and item.status == "True" for item in conditions):
                watcher.stop()
                return
        raise AssertionError("the watch ended before the pod was ready")

    def exec_outputs(self):
        """exec: outputs, input and exit code"""
        command = ["sh", "-c", "read line; echo got $line; echo problem >&2; exit 7"]
        session = stream(
            self.core.connect_get_namespaced_pod_exec,
            "main",
            NAMESPACE,
            command=command,
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            _preload_content=False,
        )
        session.write_stdin("given\n")
        session.run_forever(timeout=DEADLINE_SECONDS)
        same("stdout", session.read_stdout(), "got given\n")
        same("stderr", session.read_stderr(), "problem\n")
        same("exit code", session.returncode, 7)
        plain = stream(self.core.connect_get_namespaced_pod_exec, "main", NAMESPACE, command=["cat", "/www/index.html"], stdout=True)
        same("text", plain, "served\n")

    def logs_follow(self):
        """logs follow"""
        lines = watch.Watch().stream(self.core.read_namespaced_pod_log, "main", NAMESPACE)
        same("lines", [next(lines) for _ in range(3)], ["started", "tick", "tick"])
        lines.close()
        tail = self.core.read_namespaced_pod_log("main", NAMESPACE, tail_lines=2, _preload_content=False)
        same("tail", tail.data, b"tick\ntick\n")

    def port_forward(self):
        """port-forward"""
        forward = portforward(self.core.connect_get_namespaced_pod_portforward, "main", NAMESPACE, ports="8080")
        connection = forward.socket(8080)
        connection.setblocking(True)
        connection.settimeout(DEADLINE_SECONDS)
        connection.sendall(b"GET / HTTP/1.0\r\nHost: main\r\n\r\n")
        answer = b""
        while part := connection.recv(4096):
            answer += part
        connection.close()
        same("error", forward.error(8080), None)
        same("page", answer.endswith(b"served\n"), True)

    def deletion(self):
        """delete collection, pod and namespace"""
        self.core.delete_collection_namespaced_config_map(NAMESPACE, label_selector="made-by=python")
        same("left", len(self.core.list_namespaced_config_map(NAMESPACE, label_selector="made-by=python").items), 0)
        self.core.delete_namespaced_pod("main", NAMESPACE, grace_period_seconds=0)
        self.core.delete_namespace(NAMESPACE)
        until("the namespace to go", lambda: NAMESPACE not in [n.metadata.name for n in self.core.list_namespace().items])


WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gadgets.clients.wherry.test }
spec:
  group: clients.wherry.test
  scope: Namespaced
  names: { plural: gadgets, singular: gadget, kind: Gadget, listKind: GadgetList }
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: { spec: { type: object, properties: { size: { type: integer } } } }
"""


def main():
    checks = Checks()
    failed = 0
    methods = [method for name, method in vars(Checks).items() if callable(method) and method.__doc__ and not name.startswith("_")]
    for number, method in enumerate(methods, 1):
        try:
            method(checks)
            print(f"ok {number} - {method.__doc__}", flush=True)
        except Exception as error:  # a failed check must not hide the next ones
            failed += 1
            text = " ".join(f"{type(error).__name__} {error}".split())
            print(f"not ok {number} - {method.__doc__} # {text}", flush=True)
    print(f"1..{len(methods)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
