// Informers: typed with a watch list, metadata only, dynamic.
package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// story collects what an informer told, as "add name", "update name", "delete name".
type story struct {
	mu    sync.Mutex
	lines map[string]bool
}

func (s *story) handler() cache.ResourceEventHandler {
	s.lines = map[string]bool{}
	tell := func(what string, object any) {
		if gone, ok := object.(cache.DeletedFinalStateUnknown); ok {
			object = gone.Obj
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines[what+" "+object.(metav1.Object).GetName()] = true
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { tell("add", object) },
		UpdateFunc: func(_, object any) { tell("update", object) },
		DeleteFunc: func(object any) { tell("delete", object) },
	}
}

// waitFor returns when all lines were told.
func (s *story) waitFor(ctx context.Context, lines ...string) error {
	var missing string
	err := wait.PollUntilContextTimeout(ctx, 10*time.Millisecond, 20*time.Second, true, func(context.Context) (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, line := range lines {
			if !s.lines[line] {
				missing = line
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("the informer did not tell %q: %w", missing, err)
	}
	return nil
}

// spy counts requests whose query contains a text.
type spy struct {
	inner http.RoundTripper
	text  string
	count *atomic.Int32
}

func (s spy) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.Contains(request.URL.RawQuery, s.text) {
		s.count.Add(1)
	}
	return s.inner.RoundTrip(request)
}

func spied(config *rest.Config, text string) (*rest.Config, *atomic.Int32) {
	var count atomic.Int32
	result := rest.CopyConfig(config)
	result.Wrap(func(inner http.RoundTripper) http.RoundTripper { return spy{inner, text, &count} })
	return result, &count
}

func impersonating(c *cluster, user string) *rest.Config {
	config := rest.CopyConfig(c.config)
	config.Impersonate = rest.ImpersonationConfig{UserName: user}
	return config
}

func changeConfigMap(ctx context.Context, c *cluster, name string) error {
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	_, err := maps.Create(ctx, configMap(name, map[string]string{"a": "b"}), metav1.CreateOptions{})
	if err == nil {
		_, err = maps.Patch(ctx, name, types.MergePatchType, []byte(`{"metadata":{"labels":{"made-by":"go","step":"2"}}}`), metav1.PatchOptions{})
	}
	return err
}

func informer(ctx context.Context, c *cluster) error {
	config, watchLists := spied(c.config, "sendInitialEvents=true")
	factory := informers.NewSharedInformerFactoryWithOptions(kubernetes.NewForConfigOrDie(config), 0, informers.WithNamespace(namespace))
	maps := factory.Core().V1().ConfigMaps()
	told := &story{}
	if _, err := maps.Informer().AddEventHandler(told.handler()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer factory.Shutdown()
	defer cancel()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), maps.Informer().HasSynced) {
		return fmt.Errorf("the informer did not sync")
	}
	if err := first(changeConfigMap(ctx, c, "informed"), told.waitFor(ctx, "add life", "add informed", "update informed")); err != nil {
		return err
	}
	listed, err := maps.Lister().ConfigMaps(namespace).Get("informed")
	if err != nil {
		return err
	}
	if err := c.typed.CoreV1().ConfigMaps(namespace).Delete(ctx, "informed", metav1.DeleteOptions{}); err != nil {
		return err
	}
	return first(told.waitFor(ctx, "delete informed"), want("data", listed.Data["a"], "b"), want("watch lists", watchLists.Load(), 1))
}

func metadataInformer(ctx context.Context, c *cluster) error {
	client := metadata.NewForConfigOrDie(c.config)
	factory := metadatainformer.NewFilteredSharedInformerFactory(client, 0, namespace, nil)
	told := &story{}
	if _, err := factory.ForResource(corev1.SchemeGroupVersion.WithResource("configmaps")).Informer().AddEventHandler(told.handler()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer factory.Shutdown()
	defer cancel()
	factory.Start(ctx.Done())
	if err := first(changeConfigMap(ctx, c, "meta"), told.waitFor(ctx, "add meta", "update meta")); err != nil {
		return err
	}
	err := client.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).Namespace(namespace).Delete(ctx, "meta", metav1.DeleteOptions{})
	return first(err, told.waitFor(ctx, "delete meta"))
}

var (
	crds    = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	widgets = schema.GroupVersionResource{Group: "clients.wherry.test", Version: "v1", Resource: "widgets"}
)

func widgetDefinition() *unstructured.Unstructured {
	property := func(kind string) map[string]any { return map[string]any{"type": kind} }
	object := func(properties map[string]any) map[string]any {
		return map[string]any{"type": "object", "properties": properties}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": "widgets.clients.wherry.test"},
		"spec": map[string]any{
			"group": widgets.Group, "scope": "Namespaced",
			"names": map[string]any{"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true, "subresources": map[string]any{"status": map[string]any{}},
				"schema": map[string]any{"openAPIV3Schema": object(map[string]any{
					"spec":   object(map[string]any{"size": property("integer")}),
					"status": object(map[string]any{"ready": property("boolean"), "size": property("integer")}),
				})},
			}},
		},
	}}
}

func widget(name string, size int64) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "clients.wherry.test/v1", "kind": "Widget", "metadata": map[string]any{"name": name, "namespace": namespace},
		"spec": map[string]any{"size": size},
	}}
}

func dynamicClient(ctx context.Context, c *cluster) error {
	if _, err := c.dynamic.Resource(crds).Create(ctx, widgetDefinition(), metav1.CreateOptions{}); err != nil {
		return err
	}
	err := wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := c.dynamic.Resource(widgets).Namespace(namespace).List(ctx, metav1.ListOptions{})
		return err == nil, nil
	})
	if err != nil {
		return err
	}
	factory := dynamicinformer.NewFilteredDynamicSharedInformerFactory(c.dynamic, 0, namespace, nil)
	told := &story{}
	if _, err := factory.ForResource(widgets).Informer().AddEventHandler(told.handler()); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer factory.Shutdown()
	defer cancel()
	factory.Start(ctx.Done())
	client := c.dynamic.Resource(widgets).Namespace(namespace)
	_, create := client.Create(ctx, widget("one", 1), metav1.CreateOptions{})
	applied, apply := client.Apply(ctx, "one", widget("one", 2), metav1.ApplyOptions{FieldManager: "dynamic", Force: true})
	if err := first(create, apply, told.waitFor(ctx, "add one", "update one")); err != nil {
		return err
	}
	size, _, _ := unstructured.NestedInt64(applied.Object, "spec", "size")
	err = client.Delete(ctx, "one", metav1.DeleteOptions{})
	return first(err, told.waitFor(ctx, "delete one"), want("size", size, 2))
}
