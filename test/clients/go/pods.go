// A pod and its streams: exec, logs, port-forward, proxy, eviction.
package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	watchtools "k8s.io/client-go/tools/watch"
	"k8s.io/client-go/transport/spdy"
	utilexec "k8s.io/client-go/util/exec"
)

var gibibyte = resource.MustParse("1Gi")

// Serves a page on 8080 and goes on saying tick.
const script = `echo started; mkdir -p /www; echo served > /www/index.html; httpd -p 8080 -h /www
trap 'exit 0' TERM; while true; do echo tick; sleep 0.2; done`

func podRuns(ctx context.Context, c *cluster) error {
	pods := c.typed.CoreV1().Pods(namespace)
	_, err := pods.Create(ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "main"}, Spec: corev1.PodSpec{
		Containers: []corev1.Container{{Name: "main", Image: image, Command: []string{"sh", "-c", script}}},
	}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	only := fields.OneTermEqualSelector("metadata.name", "main").String()
	source := cache.NewFilteredListWatchFromClient(c.typed.CoreV1().RESTClient(), "pods", namespace, func(o *metav1.ListOptions) { o.FieldSelector = only })
	_, err = watchtools.UntilWithSync(ctx, source, &corev1.Pod{}, nil, func(event watch.Event) (bool, error) {
		pod := event.Object.(*corev1.Pod)
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return true, nil
			}
		}
		return false, nil
	})
	return err
}

func execURL(c *cluster, options *corev1.PodExecOptions) *url.URL {
	return c.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name("main").SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec).URL()
}

type executorOf func(*cluster, *url.URL) (remotecommand.Executor, error)

func overWebSocket(c *cluster, url *url.URL) (remotecommand.Executor, error) {
	return remotecommand.NewWebSocketExecutor(c.config, "GET", url.String())
}

func overSpdy(c *cluster, url *url.URL) (remotecommand.Executor, error) {
	return remotecommand.NewSPDYExecutor(c.config, "POST", url)
}

// run executes a command; what it reads is the input.
func run(ctx context.Context, c *cluster, over executorOf, input string, command ...string) (stdout, stderr string, err error) {
	executor, err := over(c, execURL(c, &corev1.PodExecOptions{Container: "main", Command: command, Stdin: true, Stdout: true, Stderr: true}))
	if err != nil {
		return "", "", err
	}
	var out, problems bytes.Buffer
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: strings.NewReader(input), Stdout: &out, Stderr: &problems})
	return out.String(), problems.String(), err
}

func execOver(ctx context.Context, c *cluster, over executorOf) error {
	// cat ends when the input's end reaches it; a megabyte takes many frames.
	input := strings.Repeat("0123456789abcde\n", 1<<16)
	stdout, stderr, err := run(ctx, c, over, input, "sh", "-c", "cat; echo problem >&2")
	return first(err, want("stdout is what went in", stdout == input, true), want("stderr", stderr, "problem\n"))
}

func execWebSocket(ctx context.Context, c *cluster) error { return execOver(ctx, c, overWebSocket) }
func execSpdy(ctx context.Context, c *cluster) error      { return execOver(ctx, c, overSpdy) }

func execExitCode(ctx context.Context, c *cluster) error {
	for _, over := range []executorOf{overWebSocket, overSpdy} {
		_, _, err := run(ctx, c, over, "", "sh", "-c", "exit 42")
		var exit utilexec.ExitError
		if !errors.As(err, &exit) || exit.ExitStatus() != 42 {
			return fmt.Errorf("exit 42: %v", err)
		}
		if _, _, err = run(ctx, c, over, "", "no-such-program"); err == nil {
			return fmt.Errorf("a program that does not exist ran")
		}
	}
	return nil
}

type oneSize struct {
	left chan *remotecommand.TerminalSize
}

func (s oneSize) Next() *remotecommand.TerminalSize { return <-s.left }

func execTerminal(ctx context.Context, c *cluster) error {
	for _, over := range []executorOf{overWebSocket, overSpdy} {
		executor, err := over(c, execURL(c, &corev1.PodExecOptions{Container: "main", TTY: true, Stdin: true, Stdout: true,
			Command: []string{"sh", "-c", `while [ "$(stty size)" != "33 77" ]; do sleep 0.05; done; echo resized; exit 3`}}))
		if err != nil {
			return err
		}
		sizes := oneSize{make(chan *remotecommand.TerminalSize, 1)}
		sizes.left <- &remotecommand.TerminalSize{Width: 77, Height: 33}
		var out bytes.Buffer
		reader, writer := io.Pipe()
		err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: reader, Stdout: &out, Tty: true, TerminalSizeQueue: sizes})
		close(sizes.left)
		_ = writer.Close()
		var exit utilexec.ExitError
		if !errors.As(err, &exit) || exit.ExitStatus() != 3 || out.String() != "resized\r\n" {
			return fmt.Errorf("terminal: %q, %v", out.String(), err)
		}
	}
	return nil
}

func logsFollow(ctx context.Context, c *cluster) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := c.typed.CoreV1().Pods(namespace).GetLogs("main", &corev1.PodLogOptions{Follow: true}).Stream(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	lines := bufio.NewScanner(stream)
	for at, wanted := range []string{"started", "tick", "tick", "tick", "tick"} {
		if !lines.Scan() {
			return fmt.Errorf("the log ended after %d lines: %v", at, lines.Err())
		}
		if err := want("line", lines.Text(), wanted); err != nil {
			return err
		}
	}
	two := int64(2)
	tail, err := c.typed.CoreV1().Pods(namespace).GetLogs("main", &corev1.PodLogOptions{TailLines: &two}).DoRaw(ctx)
	return first(err, want("tail", string(tail), "tick\ntick\n"))
}

func forwardThrough(ctx context.Context, dialer httpstream.Dialer) error {
	stop, ready := make(chan struct{}), make(chan struct{})
	var errs bytes.Buffer
	forwarder, err := portforward.New(dialer, []string{"0:8080"}, stop, ready, io.Discard, &errs)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-ended:
		return fmt.Errorf("port-forward ended: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { close(stop); <-ended }()
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 20 { // a connection each
		response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", ports[0].Local))
		if err != nil {
			return fmt.Errorf("%w %s", err, errs.String())
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err := first(err, want("page", string(body), "served\n")); err != nil {
			return err
		}
	}
	return nil
}

func forwardURL(c *cluster) *url.URL {
	return c.typed.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name("main").SubResource("portforward").URL()
}

func portForwardSpdy(ctx context.Context, c *cluster) error {
	transport, upgrader, err := spdy.RoundTripperFor(c.config)
	if err != nil {
		return err
	}
	return forwardThrough(ctx, spdy.NewDialer(upgrader, &http.Client{Transport: transport}, "POST", forwardURL(c)))
}

func portForwardWebSocket(ctx context.Context, c *cluster) error {
	dialer, err := portforward.NewSPDYOverWebsocketDialer(forwardURL(c), c.config)
	if err != nil {
		return err
	}
	return forwardThrough(ctx, dialer)
}

func podProxy(ctx context.Context, c *cluster) error {
	page, err := c.typed.CoreV1().Pods(namespace).ProxyGet("http", "main", "8080", "index.html", nil).DoRaw(ctx)
	return first(err, want("page", string(page), "served\n"))
}

func eviction(ctx context.Context, c *cluster) error {
	zero := int64(0)
	err := c.typed.PolicyV1().Evictions(namespace).Evict(ctx, &policyv1.Eviction{
		ObjectMeta: metav1.ObjectMeta{Name: "main", Namespace: namespace}, DeleteOptions: &metav1.DeleteOptions{GracePeriodSeconds: &zero},
	})
	if err != nil {
		return err
	}
	return wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := c.typed.CoreV1().Pods(namespace).Get(ctx, "main", metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
}
