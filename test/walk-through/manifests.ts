// The objects of the walk-through.

export const deployment = (image: string) => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: my-nginx
spec:
  replicas: 2
  selector: { matchLabels: { run: my-nginx } }
  template:
    metadata: { labels: { run: my-nginx } }
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: my-nginx
        image: ${image}
        ports: [{ containerPort: 80 }]
        readinessProbe: { httpGet: { path: /, port: 80 }, periodSeconds: 1 }
        # The Service forgets a pod while it still answers: no request meets a closed port.
        lifecycle: { preStop: { sleep: { seconds: 2 } } }
`;

/** A pod with a shell, held on one node. */
export const toolsPod = (node: string) => `
apiVersion: v1
kind: Pod
metadata: { name: tools, labels: { run: tools } }
spec:
  nodeSelector: { kubernetes.io/hostname: ${node} }
  terminationGracePeriodSeconds: 1
  containers:
  - { name: tools, image: wherry/tools:1, command: [sleep, infinity] }
`;

export const httpsNginx = `
apiVersion: v1
kind: Service
metadata: { name: secure-nginx }
spec:
  selector: { run: secure-nginx }
  ports: [{ name: https, port: 443 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: secure-nginx }
spec:
  selector: { matchLabels: { run: secure-nginx } }
  template:
    metadata: { labels: { run: secure-nginx } }
    spec:
      terminationGracePeriodSeconds: 5
      volumes:
      - { name: certificate, secret: { secretName: nginxsecret } }
      - { name: configuration, configMap: { name: nginxconfigmap } }
      containers:
      - name: nginx
        image: wherry/nginx:1
        ports: [{ containerPort: 443 }]
        readinessProbe: { tcpSocket: { port: 443 }, periodSeconds: 1 }
        volumeMounts:
        - { name: certificate, mountPath: /etc/nginx/ssl }
        - { name: configuration, mountPath: /etc/nginx/conf.d }
`;

export const httpsConfiguration = `server {
  listen 443 ssl;
  server_name secure-nginx;
  ssl_certificate /etc/nginx/ssl/tls.crt;
  ssl_certificate_key /etc/nginx/ssl/tls.key;
  root /usr/share/nginx/html;
}
`;
