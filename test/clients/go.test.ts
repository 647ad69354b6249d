// client-go (typed, dynamic, informers with watch lists) and controller-runtime.
import { goProgram } from './build.ts';
import { testClient } from './program.ts';

testClient({
  name: 'Go: client-go and controller-runtime',
  needs: ['go'],
  build: async () => [await goProgram('go', '.')],
  checks: [
    'discovery knows what the scheme knows',
    'create, get, update, conflict',
    'errors are recognised by reason',
    'a list comes in pages',
    'protobuf both ways',
    'json, merge and strategic merge patch',
    'typed server-side apply, conflict and force',
    'an informer sees add, update and delete by a watch list',
    'metadata informer',
    'dynamic client and informer of a custom resource',
    'scale and status sub-resources',
    'a pod runs and a watch tells',
    'exec over WebSocket',
    'exec over SPDY',
    'exec tells the exit code',
    'exec with a terminal and its size',
    'logs follow',
    'port-forward over SPDY',
    'port-forward over WebSocket',
    'proxy to a pod',
    'eviction',
    "a service account's token",
    'events are recorded once and counted',
    'leader election changes hands',
    'a controller-runtime manager reconciles a custom resource',
    'delete collection and foreground deletion',
  ],
});
