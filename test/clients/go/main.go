// Checks a cluster as programs with client-go and controller-runtime use it, and prints one TAP line a check.
// KUBECONFIG names the cluster. Exit code 1 when a check failed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

const (
	checkTimeout = 60 * time.Second
	namespace    = "go-client"
	image        = "wherry/tools:1"
)

type cluster struct {
	config  *rest.Config
	typed   kubernetes.Interface
	dynamic dynamic.Interface
}

// The order matters: the first makes what the others use, the last removes it.
var checks = []struct {
	name string
	run  func(context.Context, *cluster) error
}{
	{"discovery knows what the scheme knows", discovery},
	{"create, get, update, conflict", objectLife},
	{"errors are recognised by reason", reasons},
	{"a list comes in pages", pages},
	{"protobuf both ways", protobuf},
	{"json, merge and strategic merge patch", patches},
	{"typed server-side apply, conflict and force", serverSideApply},
	{"an informer sees add, update and delete by a watch list", informer},
	{"metadata informer", metadataInformer},
	{"dynamic client and informer of a custom resource", dynamicClient},
	{"scale and status sub-resources", subresources},
	{"a pod runs and a watch tells", podRuns},
	{"exec over WebSocket", execWebSocket},
	{"exec over SPDY", execSpdy},
	{"exec tells the exit code", execExitCode},
	{"exec with a terminal and its size", execTerminal},
	{"logs follow", logsFollow},
	{"port-forward over SPDY", portForwardSpdy},
	{"port-forward over WebSocket", portForwardWebSocket},
	{"proxy to a pod", podProxy},
	{"eviction", eviction},
	{"a service account's token", serviceAccountToken},
	{"events are recorded once and counted", events},
	{"leader election changes hands", leaderElection},
	{"a controller-runtime manager reconciles a custom resource", manager},
	{"delete collection and foreground deletion", deletion},
}

func main() {
	klog.InitFlags(nil)
	_ = flag.Set("logtostderr", "false")
	klog.SetOutput(io.Discard)
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	config.QPS = 200
	config.Burst = 400
	c := &cluster{config: config, typed: kubernetes.NewForConfigOrDie(config), dynamic: dynamic.NewForConfigOrDie(config)}
	os.Exit(runAll(c))
}

func runAll(c *cluster) int {
	code := 0
	for i, check := range checks {
		ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
		err := check.run(ctx, c)
		cancel()
		if err == nil {
			fmt.Printf("ok %d - %s\n", i+1, check.name)
			continue
		}
		code = 1
		fmt.Printf("not ok %d - %s # %s\n", i+1, check.name, strings.ReplaceAll(err.Error(), "\n", " "))
	}
	fmt.Printf("1..%d\n", len(checks))
	return code
}

func want[T comparable](what string, got, wanted T) error {
	if got == wanted {
		return nil
	}
	return fmt.Errorf("%s: %v, not %v", what, got, wanted)
}

// first returns the first error of a list.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
