// Typed objects: discovery, create to delete, errors, pages, patches, apply, sub-resources.
package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/pager"
	"k8s.io/client-go/util/retry"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

func discovery(ctx context.Context, c *cluster) error {
	if _, err := c.typed.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	groups, err := restmapper.GetAPIGroupResources(c.typed.Discovery())
	if err != nil {
		return err
	}
	mapper := restmapper.NewDiscoveryRESTMapper(groups)
	mapping, err := mapper.RESTMapping(appsv1.SchemeGroupVersion.WithKind("Deployment").GroupKind())
	if err != nil {
		return err
	}
	version, err := c.typed.Discovery().ServerVersion()
	if err != nil {
		return err
	}
	paths, err := c.typed.Discovery().OpenAPIV3().Paths()
	if err != nil {
		return err
	}
	if _, ok := paths["apis/apps/v1"]; !ok {
		return fmt.Errorf("OpenAPI v3 has no apis/apps/v1")
	}
	return first(want("deployment", mapping.Resource.Resource, "deployments"), want("major", version.Major, "1"))
}

func configMap(name string, data map[string]string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"made-by": "go"}}, Data: data}
}

func objectLife(ctx context.Context, c *cluster) error {
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	made, err := maps.Create(ctx, configMap("life", map[string]string{"n": "0"}), metav1.CreateOptions{FieldManager: "life"})
	if err != nil {
		return err
	}
	stale := made.DeepCopy()
	made.Data["n"] = "1"
	if made, err = maps.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return err
	}
	stale.Data["n"] = "lost"
	if _, err = maps.Update(ctx, stale, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a stale update: %v", err)
	}
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		fresh, err := maps.Get(ctx, "life", metav1.GetOptions{})
		if err != nil {
			return err
		}
		fresh.Data["n"] = "2"
		_, err = maps.Update(ctx, fresh, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return err
	}
	got, err := maps.Get(ctx, "life", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return first(want("n", got.Data["n"], "2"), want("uid", got.UID, made.UID), want("managers", len(got.ManagedFields) > 0, true))
}

func reasons(ctx context.Context, c *cluster) error {
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	_, missing := maps.Get(ctx, "missing", metav1.GetOptions{})
	_, twice := maps.Create(ctx, configMap("life", nil), metav1.CreateOptions{})
	_, bad := maps.Create(ctx, configMap("Not A Name", nil), metav1.CreateOptions{})
	other := kubernetes.NewForConfigOrDie(impersonating(c, "nobody"))
	_, forbidden := other.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{})
	_, gone := maps.List(ctx, metav1.ListOptions{Continue: "not-a-token"})
	return first(
		want("missing", apierrors.IsNotFound(missing), true),
		want("twice", apierrors.IsAlreadyExists(twice), true),
		want("bad", apierrors.IsInvalid(bad), true),
		want("forbidden", apierrors.IsForbidden(forbidden), true),
		want("a broken token", apierrors.IsBadRequest(gone), true),
	)
}

func pages(ctx context.Context, c *cluster) error {
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	for i := range 25 {
		if _, err := maps.Create(ctx, configMap(fmt.Sprintf("page-%02d", i), nil), metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	requests, seen := 0, 0
	list := pager.New(func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
		requests++
		return maps.List(ctx, options)
	})
	list.PageSize = 10
	err := list.EachListItem(ctx, metav1.ListOptions{LabelSelector: "made-by=go"}, func(object runtime.Object) error {
		if strings.HasPrefix(object.(*corev1.ConfigMap).Name, "page-") {
			seen++
		}
		return nil
	})
	return first(err, want("items", seen, 25), want("requests", requests, 3))
}

func protobuf(ctx context.Context, c *cluster) error {
	config := *c.config
	config.ContentType = runtime.ContentTypeProtobuf
	config.AcceptContentTypes = runtime.ContentTypeProtobuf
	client := kubernetes.NewForConfigOrDie(&config)
	made, err := client.CoreV1().Secrets(namespace).Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "binary"}, Data: map[string][]byte{"bytes": {0, 1, 254, 255}},
	}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	list, err := client.CoreV1().Secrets(namespace).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=binary"})
	if err != nil {
		return err
	}
	return first(want("type", made.Type, corev1.SecretTypeOpaque), want("items", len(list.Items), 1),
		want("bytes", string(list.Items[0].Data["bytes"]), "\x00\x01\xfe\xff"))
}

func patches(ctx context.Context, c *cluster) error {
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	deployments := c.typed.AppsV1().Deployments(namespace)
	json, err := maps.Patch(ctx, "life", types.JSONPatchType, []byte(`[{"op":"test","path":"/data/n","value":"2"},{"op":"add","path":"/data/json","value":"yes"}]`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	merge, err := maps.Patch(ctx, "life", types.MergePatchType, []byte(`{"data":{"json":null,"merge":"yes"}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	if _, err := deployments.Create(ctx, idle("patched"), metav1.CreateOptions{}); err != nil {
		return err
	}
	strategic, err := deployments.Patch(ctx, "patched", types.StrategicMergePatchType,
		[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"b"}]}]}}}}`), metav1.PatchOptions{})
	if err != nil {
		return err
	}
	main := strategic.Spec.Template.Spec.Containers
	_, wrong := maps.Patch(ctx, "life", types.JSONPatchType, []byte(`[{"op":"test","path":"/data/n","value":"other"}]`), metav1.PatchOptions{})
	return first(
		want("json", json.Data["json"], "yes"), want("merge", merge.Data["merge"], "yes"), want("merged null", merge.Data["json"], ""),
		want("containers", len(main), 1), want("image", main[0].Image, image), want("env", len(main[0].Env), 1),
		want("a failed test", apierrors.IsInvalid(wrong), true),
	)
}

// idle is a Deployment without pods.
func idle(name string) *appsv1.Deployment {
	zero := int32(0)
	labels := map[string]string{"app": name}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: appsv1.DeploymentSpec{
		Replicas: &zero, Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: image}}}},
	}}
}

func serverSideApply(ctx context.Context, c *cluster) error {
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	object := func(value string) *applycorev1.ConfigMapApplyConfiguration {
		return applycorev1.ConfigMap("applied", namespace).WithData(map[string]string{"owned": value})
	}
	if _, err := maps.Apply(ctx, object("one"), metav1.ApplyOptions{FieldManager: "first"}); err != nil {
		return err
	}
	_, conflict := maps.Apply(ctx, object("two"), metav1.ApplyOptions{FieldManager: "second"})
	if !apierrors.IsConflict(conflict) {
		return fmt.Errorf("no conflict: %v", conflict)
	}
	forced, err := maps.Apply(ctx, object("two"), metav1.ApplyOptions{FieldManager: "second", Force: true})
	if err != nil {
		return err
	}
	extracted, err := applycorev1.ExtractConfigMap(forced, "second")
	if err != nil {
		return err
	}
	return first(want("forced", forced.Data["owned"], "two"), want("owned by the second", extracted.Data["owned"], "two"),
		want("conflict", strings.Contains(conflict.Error(), `conflict with "first"`), true))
}

func subresources(ctx context.Context, c *cluster) error {
	deployments := c.typed.AppsV1().Deployments(namespace)
	scale, err := deployments.GetScale(ctx, "patched", metav1.GetOptions{})
	if err != nil {
		return err
	}
	resources := c.typed.CoreV1()
	if _, err := resources.PersistentVolumes().Create(ctx, &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: "go-client"},
		Spec: corev1.PersistentVolumeSpec{AccessModes: []corev1.PersistentVolumeAccessMode{"ReadWriteOnce"}, StorageClassName: "none",
			Capacity:               corev1.ResourceList{"storage": gibibyte},
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/tmp"}}}}, metav1.CreateOptions{}); err != nil {
		return err
	}
	defer func() { _ = resources.PersistentVolumes().Delete(ctx, "go-client", metav1.DeleteOptions{}) }()
	scale.Spec.Replicas = 0
	scaled, err := deployments.UpdateScale(ctx, "patched", scale, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	got, err := deployments.Get(ctx, "patched", metav1.GetOptions{})
	if err != nil {
		return err
	}
	got.Status.Conditions = append(got.Status.Conditions, appsv1.DeploymentCondition{Type: "Checked", Status: "True"})
	got.Spec.Paused = true // a status update leaves the spec alone
	updated, err := deployments.UpdateStatus(ctx, got, metav1.UpdateOptions{})
	if err != nil {
		return err
	}
	return first(want("replicas", scaled.Spec.Replicas, 0), want("paused", updated.Spec.Paused, false),
		want("selector", scaled.Status.Selector, "app=patched"))
}
