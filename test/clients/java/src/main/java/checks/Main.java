package checks;

import java.util.List;
import java.util.Objects;

/** Checks a cluster as programs with fabric8's and the official client use it, and prints one TAP line a check. KUBECONFIG names the cluster. */
public final class Main {
  @FunctionalInterface
  interface Body {
    void run() throws Exception;
  }

  record Check(String name, Body body) {}

  static final String IMAGE = "wherry/tools:1";
  static final String SCRIPT =
      "mkdir -p /www; echo served > /www/index.html; httpd -p 8080 -h /www; echo started\n"
          + "trap 'exit 0' TERM; while true; do echo tick; sleep 0.2; done";

  public static void main(String[] arguments) {
    int number = 0;
    boolean failed = false;
    for (List<Check> checks : List.of(new Fabric8().checks(), new Official().checks())) {
      for (Check check : checks) {
        number++;
        try {
          check.body().run();
          System.out.printf("ok %d - %s%n", number, check.name());
        } catch (Throwable error) { // a failed check must not hide the next ones
          failed = true;
          System.out.printf("not ok %d - %s # %s%n", number, check.name(), error.toString().replaceAll("\\s+", " "));
        }
      }
    }
    System.out.printf("1..%d%n", number);
    System.exit(failed ? 1 : 0); // the clients' thread pools would keep the process
  }

  static void same(String what, Object got, Object wanted) {
    if (!Objects.equals(got, wanted)) throw new AssertionError(what + ": " + got + ", not " + wanted);
  }
}
