// What controllers do: tokens, events, leader election, a controller-runtime manager; and deletion.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	"k8s.io/client-go/tools/record"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const finalizer = "clients.wherry.test/finalizer"

func serviceAccountToken(ctx context.Context, c *cluster) error {
	hour := int64(3600)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &hour}}
	token, err := c.typed.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, "default", request, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	config := rest.AnonymousClientConfig(c.config)
	config.BearerToken = token.Status.Token
	review, err := kubernetes.NewForConfigOrDie(config).AuthenticationV1().SelfSubjectReviews().
		Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	return want("user", review.Status.UserInfo.Username, "system:serviceaccount:"+namespace+":default")
}

func events(ctx context.Context, c *cluster) error {
	broadcaster := record.NewBroadcaster(record.WithContext(ctx))
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: c.typed.CoreV1().Events("")})
	recorder := broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "go-client"})
	object, err := c.typed.CoreV1().ConfigMaps(namespace).Get(ctx, "life", metav1.GetOptions{})
	if err != nil {
		return err
	}
	for range 3 {
		recorder.Event(object, corev1.EventTypeNormal, "Checked", "the same each time")
	}
	selector := "involvedObject.name=life,reason=Checked"
	return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
		list, err := c.typed.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
		if err != nil || len(list.Items) > 1 {
			return false, fmt.Errorf("%d events: %w", len(list.Items), err)
		}
		return len(list.Items) == 1 && list.Items[0].Count == 3, nil
	})
}

// candidate runs for the lease and tells when it leads; it gives the lease back when its context ends.
func candidate(ctx context.Context, c *cluster, name string, leads chan<- string) error {
	lock := &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: "elected", Namespace: namespace},
		Client: c.typed.CoordinationV1(), LockConfig: resourcelock.ResourceLockConfig{Identity: name}}
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: lock, LeaseDuration: 2 * time.Second, RenewDeadline: time.Second, RetryPeriod: 200 * time.Millisecond, ReleaseOnCancel: true,
		Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { leads <- name }, OnStoppedLeading: func() {}},
	})
	if err != nil {
		return err
	}
	go elector.Run(ctx)
	return nil
}

func leaderElection(ctx context.Context, c *cluster) error {
	leads := make(chan string, 2)
	await := func(name string) error {
		select {
		case got := <-leads:
			return want("leader", got, name)
		case <-ctx.Done():
			return fmt.Errorf("%s never led", name)
		}
	}
	firstCtx, endFirst := context.WithCancel(ctx)
	defer endFirst()
	if err := first(candidate(firstCtx, c, "first", leads), await("first"), candidate(ctx, c, "second", leads)); err != nil {
		return err
	}
	endFirst()
	if err := await("second"); err != nil {
		return err
	}
	lease, err := c.typed.CoordinationV1().Leases(namespace).Get(ctx, "elected", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return first(want("holder", *lease.Spec.HolderIdentity, "second"), want("transitions", *lease.Spec.LeaseTransitions, 1))
}

// reconciler gives each widget a finalizer, a ConfigMap of its own and a status.
type reconciler struct{ client.Client }

func newWidget() *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(widgets.GroupVersion().WithKind("Widget"))
	return object
}

func (r reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	object := newWidget()
	if err := r.Get(ctx, request.NamespacedName, object); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !object.GetDeletionTimestamp().IsZero() {
		controllerutil.RemoveFinalizer(object, finalizer)
		return ctrl.Result{}, r.Update(ctx, object)
	}
	if controllerutil.AddFinalizer(object, finalizer) {
		if err := r.Update(ctx, object); err != nil {
			return ctrl.Result{}, err
		}
	}
	size, _, _ := unstructured.NestedInt64(object.Object, "spec", "size")
	owned := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "of-" + request.Name, Namespace: request.Namespace}}
	_, err := controllerutil.CreateOrUpdate(ctx, r, owned, func() error {
		owned.Data = map[string]string{"size": fmt.Sprint(size)}
		return controllerutil.SetControllerReference(object, owned, r.Scheme())
	})
	if err != nil {
		return ctrl.Result{}, err
	}
	before := object.DeepCopy()
	object.Object["status"] = map[string]any{"ready": true, "size": size}
	return ctrl.Result{}, r.Status().Patch(ctx, object, client.MergeFrom(before))
}

func manager(ctx context.Context, c *cluster) error {
	ctrl.SetLogger(logr.Discard())
	m, err := ctrl.NewManager(c.config, ctrl.Options{
		Metrics:        metricsserver.Options{BindAddress: "0"},
		LeaderElection: true, LeaderElectionID: "widgets.clients.wherry.test", LeaderElectionNamespace: namespace, LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	if err := ctrl.NewControllerManagedBy(m).For(newWidget()).Owns(&corev1.ConfigMap{}).Complete(reconciler{m.GetClient()}); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	err = reconciled(ctx, c)
	cancel()
	return first(err, <-ended)
}

func reconciled(ctx context.Context, c *cluster) error {
	client := c.dynamic.Resource(widgets).Namespace(namespace)
	sizeIs := func(wanted int64) error {
		return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
			object, err := client.Get(ctx, "managed", metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			size, _, _ := unstructured.NestedInt64(object.Object, "status", "size")
			return size == wanted, nil
		})
	}
	if _, err := client.Create(ctx, widget("managed", 3), metav1.CreateOptions{}); err != nil {
		return err
	}
	if err := sizeIs(3); err != nil {
		return fmt.Errorf("no status: %w", err)
	}
	// What the controller owns comes back when somebody takes it away.
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	if err := maps.Delete(ctx, "of-managed", metav1.DeleteOptions{}); err != nil {
		return err
	}
	exists := func(wanted bool) error {
		return wait.PollUntilContextTimeout(ctx, 20*time.Millisecond, 20*time.Second, true, func(ctx context.Context) (bool, error) {
			_, err := maps.Get(ctx, "of-managed", metav1.GetOptions{})
			return apierrors.IsNotFound(err) != wanted, nil
		})
	}
	if err := first(exists(true), client.Delete(ctx, "managed", metav1.DeleteOptions{}), exists(false)); err != nil {
		return err
	}
	_, err := client.Get(ctx, "managed", metav1.GetOptions{})
	return want("the widget is gone", apierrors.IsNotFound(err), true)
}

func deletion(ctx context.Context, c *cluster) error {
	maps := c.typed.CoreV1().ConfigMaps(namespace)
	if err := maps.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "made-by=go"}); err != nil {
		return err
	}
	left, err := maps.List(ctx, metav1.ListOptions{LabelSelector: "made-by=go"})
	if err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	if err := c.typed.AppsV1().Deployments(namespace).Delete(ctx, "patched", metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		return err
	}
	if err := c.typed.CoreV1().Namespaces().Delete(ctx, namespace, metav1.DeleteOptions{}); err != nil {
		return err
	}
	err = wait.PollUntilContextTimeout(ctx, 50*time.Millisecond, 40*time.Second, true, func(ctx context.Context) (bool, error) {
		_, err := c.typed.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	return first(err, c.dynamic.Resource(crds).Delete(ctx, widgetDefinition().GetName(), metav1.DeleteOptions{}), want("left", len(left.Items), 0))
}
