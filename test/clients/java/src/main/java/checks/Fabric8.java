package checks;

import static checks.Main.same;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.NamespaceBuilder;
import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.api.model.apps.DeploymentBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.LocalPortForward;
import io.fabric8.kubernetes.client.dsl.ExecWatch;
import io.fabric8.kubernetes.client.dsl.LogWatch;
import io.fabric8.kubernetes.client.dsl.NonNamespaceOperation;
import io.fabric8.kubernetes.client.dsl.PodResource;
import io.fabric8.kubernetes.client.dsl.Resource;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** fabric8's client. */
final class Fabric8 {
  private static final String NAMESPACE = "fabric8-client";
  private final KubernetesClient client = new KubernetesClientBuilder().build();

  /** The order matters: the first makes what the others use, the last removes it. */
  List<Main.Check> checks() {
    return List.of(
        new Main.Check("fabric8: create, get, update, conflict", this::life),
        new Main.Check("fabric8: json, merge and strategic merge patch", this::patches),
        new Main.Check("fabric8: server-side apply, conflict and force", this::apply),
        new Main.Check("fabric8: an informer sees add, update and delete", this::informer),
        new Main.Check("fabric8: a pod becomes ready", this::podRuns),
        new Main.Check("fabric8: exec: outputs, input and exit code", this::exec),
        new Main.Check("fabric8: logs follow", this::logs),
        new Main.Check("fabric8: port-forward", this::forward),
        new Main.Check("fabric8: upload and read a file", this::files),
        new Main.Check("fabric8: delete", this::deletion));
  }

  private NonNamespaceOperation<ConfigMap, ?, Resource<ConfigMap>> maps() {
    return client.configMaps().inNamespace(NAMESPACE);
  }

  private PodResource pod() {
    return client.pods().inNamespace(NAMESPACE).withName("main");
  }

  private static ConfigMap configMap(String name, Map<String, String> data) {
    return new ConfigMapBuilder().withNewMetadata().withName(name).withNamespace(NAMESPACE).endMetadata().withData(data).build();
  }

  private static void fails(int code, Main.Body body) throws Exception {
    try {
      body.run();
    } catch (KubernetesClientException error) {
      same("code", error.getCode(), code);
      return;
    }
    throw new AssertionError("no error " + code);
  }

  private void life() throws Exception {
    client.namespaces().resource(new NamespaceBuilder().withNewMetadata().withName(NAMESPACE).endMetadata().build()).create();
    ConfigMap made = maps().resource(configMap("life", Map.of("n", "0"))).create();
    maps().resource(new ConfigMapBuilder(made).withData(Map.of("n", "1")).build()).update();
    fails(409, () -> maps().resource(new ConfigMapBuilder(made).withData(Map.of("n", "lost")).build()).update());
    fails(409, () -> maps().resource(configMap("life", Map.of())).create());
    fails(422, () -> maps().resource(configMap("Not A Name", Map.of())).create());
    same("n", maps().withName("life").get().getData().get("n"), "1");
    same("missing", maps().withName("missing").get(), null);
  }

  private void patches() {
    String operations = "[{\"op\":\"add\",\"path\":\"/data/json\",\"value\":\"yes\"}]";
    ConfigMap json = maps().withName("life").patch(PatchContext.of(PatchType.JSON), operations);
    same("json", json.getData().get("json"), "yes");
    ConfigMap merged = maps().withName("life").patch(PatchContext.of(PatchType.JSON_MERGE), "{\"data\":{\"json\":null,\"merge\":\"yes\"}}");
    same("merge", merged.getData(), Map.of("n", "1", "merge", "yes"));
    var deployments = client.apps().deployments().inNamespace(NAMESPACE);
    deployments
        .resource(
            new DeploymentBuilder()
                .withNewMetadata().withName("patched").endMetadata()
                .withNewSpec()
                .withReplicas(0)
                .withNewSelector().addToMatchLabels("app", "patched").endSelector()
                .withNewTemplate()
                .withNewMetadata().addToLabels("app", "patched").endMetadata()
                .withNewSpec().addNewContainer().withName("main").withImage(Main.IMAGE).endContainer().endSpec()
                .endTemplate()
                .endSpec()
                .build())
        .create();
    String change = "{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"main\",\"env\":[{\"name\":\"A\",\"value\":\"b\"}]}]}}}}";
    var patched = deployments.withName("patched").patch(PatchContext.of(PatchType.STRATEGIC_MERGE), change);
    var container = patched.getSpec().getTemplate().getSpec().getContainers().get(0);
    same("image", container.getImage(), Main.IMAGE);
    same("env", container.getEnv().get(0).getValue(), "b");
    same("scale", deployments.withName("patched").scale().getSpec().getReplicas(), null); // zero is left out
  }

  private void apply() throws Exception {
    maps().resource(configMap("applied", Map.of("owned", "one"))).fieldManager("first").serverSideApply();
    fails(409, () -> maps().resource(configMap("applied", Map.of("owned", "two"))).fieldManager("second").serverSideApply());
    ConfigMap forced = maps().resource(configMap("applied", Map.of("owned", "two"))).fieldManager("second").forceConflicts().serverSideApply();
    same("forced", forced.getData().get("owned"), "two");
  }

  private void informer() throws Exception {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    ResourceEventHandler<ConfigMap> handler =
        new ResourceEventHandler<>() {
          @Override
          public void onAdd(ConfigMap map) {
            told.add("add");
          }

          @Override
          public void onUpdate(ConfigMap before, ConfigMap after) {
            told.add("update");
          }

          @Override
          public void onDelete(ConfigMap map, boolean unknown) {
            told.add("delete");
          }
        };
    try (SharedIndexInformer<ConfigMap> informer = client.configMaps().inNamespace(NAMESPACE).withName("informed").inform(handler)) {
      maps().resource(configMap("informed", Map.of())).create();
      same("first", told.poll(20, TimeUnit.SECONDS), "add");
      maps().withName("informed").patch(PatchContext.of(PatchType.JSON_MERGE), "{\"data\":{\"a\":\"b\"}}");
      same("second", told.poll(20, TimeUnit.SECONDS), "update");
      maps().withName("informed").delete();
      same("third", told.poll(20, TimeUnit.SECONDS), "delete");
    }
  }

  private void podRuns() {
    Pod pod =
        new PodBuilder()
            .withNewMetadata().withName("main").endMetadata()
            .withNewSpec()
            .withTerminationGracePeriodSeconds(1L)
            .addNewContainer().withName("main").withImage(Main.IMAGE).withCommand("sh", "-c", Main.SCRIPT).endContainer()
            .endSpec()
            .build();
    client.pods().inNamespace(NAMESPACE).resource(pod).create();
    pod().waitUntilReady(30, TimeUnit.SECONDS);
  }

  private void exec() throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream problems = new ByteArrayOutputStream();
    try (ExecWatch session =
        pod()
            .readingInput(new ByteArrayInputStream("given\n".getBytes()))
            .writingOutput(out)
            .writingError(problems)
            .exec("sh", "-c", "read line; echo got $line; echo problem >&2; exit 7")) {
      same("exit code", session.exitCode().get(20, TimeUnit.SECONDS), 7);
    }
    same("stdout", out.toString(), "got given\n");
    same("stderr", problems.toString(), "problem\n");
  }

  private void logs() throws Exception {
    try (LogWatch log = pod().watchLog();
        BufferedReader lines = new BufferedReader(new InputStreamReader(log.getOutput()))) {
      for (String wanted : List.of("started", "tick", "tick")) same("line", lines.readLine(), wanted);
    }
    same("tail", pod().tailingLines(2).getLog(), "tick\ntick\n");
  }

  private void forward() throws Exception {
    try (LocalPortForward forward = pod().portForward(8080);
        var page = URI.create("http://127.0.0.1:" + forward.getLocalPort() + "/").toURL().openStream()) {
      same("page", new String(page.readAllBytes()), "served\n");
    }
  }

  private void files() throws Exception {
    same("upload", pod().file("/tmp/carried").upload(new ByteArrayInputStream("carried".getBytes())), true);
    try (var read = pod().file("/tmp/carried").read()) {
      same("file", new String(read.readAllBytes()), "carried");
    }
  }

  private void deletion() {
    pod().withGracePeriod(0).delete();
    client.namespaces().withName(NAMESPACE).delete();
    client.namespaces().withName(NAMESPACE).waitUntilCondition(java.util.Objects::isNull, 40, TimeUnit.SECONDS);
    client.close();
  }
}
