package checks;

import static checks.Main.same;

import com.google.gson.reflect.TypeToken;
import io.kubernetes.client.Exec;
import io.kubernetes.client.PodLogs;
import io.kubernetes.client.PortForward;
import io.kubernetes.client.custom.V1Patch;
import io.kubernetes.client.informer.ResourceEventHandler;
import io.kubernetes.client.informer.SharedInformerFactory;
import io.kubernetes.client.openapi.ApiClient;
import io.kubernetes.client.openapi.ApiException;
import io.kubernetes.client.openapi.apis.CoreV1Api;
import io.kubernetes.client.openapi.models.V1ConfigMap;
import io.kubernetes.client.openapi.models.V1ConfigMapList;
import io.kubernetes.client.openapi.models.V1Container;
import io.kubernetes.client.openapi.models.V1Namespace;
import io.kubernetes.client.openapi.models.V1ObjectMeta;
import io.kubernetes.client.openapi.models.V1Pod;
import io.kubernetes.client.openapi.models.V1PodSpec;
import io.kubernetes.client.util.Config;
import io.kubernetes.client.util.PatchUtils;
import io.kubernetes.client.util.Watch;
import io.kubernetes.client.util.generic.GenericKubernetesApi;
import java.io.BufferedReader;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** The official client. */
final class Official {
  private static final String NAMESPACE = "java-client";
  private final ApiClient client;
  private final CoreV1Api core;

  Official() {
    try {
      client = Config.defaultClient();
    } catch (java.io.IOException error) {
      throw new java.io.UncheckedIOException(error);
    }
    client.setReadTimeout(0); // watches and logs stay open
    core = new CoreV1Api(client);
  }

  /** The order matters: the first makes what the others use, the last removes it. */
  List<Main.Check> checks() {
    return List.of(
        new Main.Check("official: create, get, replace, conflict", this::life),
        new Main.Check("official: json, merge and strategic merge patch", this::patches),
        new Main.Check("official: server-side apply, conflict and force", this::apply),
        new Main.Check("official: an informer sees add, update and delete", this::informer),
        new Main.Check("official: a pod runs and a watch tells", this::podRuns),
        new Main.Check("official: exec: outputs, input and exit code", this::exec),
        new Main.Check("official: logs follow", this::logs),
        new Main.Check("official: port-forward", this::forward),
        new Main.Check("official: delete", this::deletion));
  }

  private static V1ConfigMap configMap(String name, Map<String, String> data) {
    return new V1ConfigMap().metadata(new V1ObjectMeta().name(name).putLabelsItem("made-by", "java")).data(data);
  }

  private static void fails(int code, Main.Body body) throws Exception {
    try {
      body.run();
    } catch (ApiException error) {
      same("code", error.getCode(), code);
      return;
    }
    throw new AssertionError("no error " + code);
  }

  private void life() throws Exception {
    core.createNamespace(new V1Namespace().metadata(new V1ObjectMeta().name(NAMESPACE))).execute();
    V1ConfigMap made = core.createNamespacedConfigMap(NAMESPACE, configMap("life", Map.of("n", "0"))).execute();
    made.setData(Map.of("n", "1"));
    core.replaceNamespacedConfigMap("life", NAMESPACE, made).execute();
    fails(409, () -> core.replaceNamespacedConfigMap("life", NAMESPACE, made).execute());
    fails(404, () -> core.readNamespacedConfigMap("missing", NAMESPACE).execute());
    fails(422, () -> core.createNamespacedConfigMap(NAMESPACE, configMap("Not A Name", Map.of())).execute());
    same("n", core.readNamespacedConfigMap("life", NAMESPACE).execute().getData().get("n"), "1");
  }

  private V1ConfigMap patch(String format, String name, String body, String manager, Boolean force) throws ApiException {
    return PatchUtils.patch(
        V1ConfigMap.class,
        () -> core.patchNamespacedConfigMap(name, NAMESPACE, new V1Patch(body)).fieldManager(manager).force(force).buildCall(null),
        format,
        client);
  }

  private void patches() throws ApiException {
    V1ConfigMap json = patch(V1Patch.PATCH_FORMAT_JSON_PATCH, "life", "[{\"op\":\"add\",\"path\":\"/data/json\",\"value\":\"yes\"}]", null, null);
    same("json", json.getData().get("json"), "yes");
    V1ConfigMap merged = patch(V1Patch.PATCH_FORMAT_JSON_MERGE_PATCH, "life", "{\"data\":{\"json\":null}}", null, null);
    same("merge", merged.getData(), Map.of("n", "1"));
    V1ConfigMap strategic = patch(V1Patch.PATCH_FORMAT_STRATEGIC_MERGE_PATCH, "life", "{\"data\":{\"$patch\":\"replace\",\"only\":\"this\"}}", null, null);
    same("strategic", strategic.getData(), Map.of("only", "this"));
  }

  private V1ConfigMap applied(String owned, String manager, Boolean force) throws ApiException {
    String body = "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"applied\"},\"data\":{\"owned\":\"" + owned + "\"}}";
    return patch(V1Patch.PATCH_FORMAT_APPLY_YAML, "applied", body, manager, force);
  }

  private void apply() throws Exception {
    applied("one", "first", null);
    fails(409, () -> applied("two", "second", null));
    same("forced", applied("two", "second", true).getData().get("owned"), "two");
  }

  private void informer() throws Exception {
    BlockingQueue<String> told = new LinkedBlockingQueue<>();
    ApiClient own = Config.defaultClient(); // stopping the informers ends their client's threads
    SharedInformerFactory factory = new SharedInformerFactory(own);
    var api = new GenericKubernetesApi<>(V1ConfigMap.class, V1ConfigMapList.class, "", "v1", "configmaps", own);
    factory
        .sharedIndexInformerFor(api, V1ConfigMap.class, 0, NAMESPACE)
        .addEventHandler(
            new ResourceEventHandler<>() {
              @Override
              public void onAdd(V1ConfigMap map) {
                told.add("add " + map.getMetadata().getName());
              }

              @Override
              public void onUpdate(V1ConfigMap before, V1ConfigMap after) {
                told.add("update " + after.getMetadata().getName());
              }

              @Override
              public void onDelete(V1ConfigMap map, boolean unknown) {
                told.add("delete " + map.getMetadata().getName());
              }
            });
    factory.startAllRegisteredInformers();
    core.createNamespacedConfigMap(NAMESPACE, configMap("informed", Map.of())).execute();
    await(told, "add informed");
    patch(V1Patch.PATCH_FORMAT_JSON_MERGE_PATCH, "informed", "{\"data\":{\"a\":\"b\"}}", null, null);
    await(told, "update informed");
    core.deleteNamespacedConfigMap("informed", NAMESPACE).execute();
    await(told, "delete informed");
    factory.stopAllRegisteredInformers();
  }

  private static void await(BlockingQueue<String> told, String wanted) throws InterruptedException {
    for (String line = ""; !wanted.equals(line); ) {
      line = told.poll(20, TimeUnit.SECONDS);
      if (line == null) throw new AssertionError("the informer did not tell: " + wanted);
    }
  }

  private void podRuns() throws Exception {
    V1Container container = new V1Container().name("main").image(Main.IMAGE).command(List.of("sh", "-c", Main.SCRIPT));
    V1PodSpec spec = new V1PodSpec().terminationGracePeriodSeconds(1L).addContainersItem(container);
    core.createNamespacedPod(NAMESPACE, new V1Pod().metadata(new V1ObjectMeta().name("main")).spec(spec)).execute();
    var call = core.listNamespacedPod(NAMESPACE).fieldSelector("metadata.name=main").timeoutSeconds(30).watch(true).buildCall(null);
    try (Watch<V1Pod> watch = Watch.createWatch(client, call, new TypeToken<Watch.Response<V1Pod>>() {}.getType())) {
      for (Watch.Response<V1Pod> event : watch) {
        if (event.object.getStatus() != null && "Running".equals(event.object.getStatus().getPhase())) return;
      }
    }
    throw new AssertionError("the watch ended before the pod ran");
  }

  private void exec() throws Exception {
    String[] command = {"sh", "-c", "read line; echo got $line; echo problem >&2; exit 7"};
    Process session = new Exec(client).newExecutionBuilder(NAMESPACE, "main", command).setStdin(true).execute();
    InputStream out = session.getInputStream(); // not to be had any more once the session has ended
    InputStream problems = session.getErrorStream();
    session.getOutputStream().write("given\n".getBytes());
    session.getOutputStream().flush();
    same("stdout", new String(out.readAllBytes()), "got given\n");
    same("stderr", new String(problems.readAllBytes()), "problem\n");
    same("ended", session.waitFor(20, TimeUnit.SECONDS), true);
    same("exit code", session.exitValue(), 7);
  }

  private void logs() throws Exception {
    try (BufferedReader lines = new BufferedReader(new InputStreamReader(new PodLogs(client).streamNamespacedPodLog(NAMESPACE, "main", "main")))) {
      for (String wanted : List.of("started", "tick", "tick")) same("line", lines.readLine(), wanted);
    }
  }

  private void forward() throws Exception {
    PortForward.PortForwardResult forward = new PortForward(client).forward(NAMESPACE, "main", List.of(8080));
    InputStream in = forward.getInputStream(8080);
    forward.getOutboundStream(8080).write("GET / HTTP/1.0\r\nHost: main\r\n\r\n".getBytes());
    forward.getOutboundStream(8080).flush();
    String answer = new String(in.readAllBytes());
    same("page", answer.endsWith("served\n"), true);
  }

  private void deletion() throws Exception {
    core.deleteCollectionNamespacedConfigMap(NAMESPACE).labelSelector("made-by=java").execute();
    same("left", core.listNamespacedConfigMap(NAMESPACE).labelSelector("made-by=java").execute().getItems().size(), 0);
    core.deleteNamespacedPod("main", NAMESPACE).gracePeriodSeconds(0).execute();
    core.deleteNamespace(NAMESPACE).execute();
    long end = System.nanoTime() + Duration.ofSeconds(40).toNanos();
    while (core.listNamespace().execute().getItems().stream().anyMatch(n -> NAMESPACE.equals(n.getMetadata().getName()))) {
      if (System.nanoTime() > end) throw new AssertionError("the namespace is still there");
      Thread.sleep(20);
    }
  }
}
