// The official JavaScript client.
import { javascriptProgram } from './build.ts';
import { testClient } from './program.ts';

testClient({
  name: 'JavaScript: @kubernetes/client-node',
  needs: ['npm'],
  build: javascriptProgram,
  checks: [
    'create, get, replace, conflict',
    'errors have a code and a body',
    'json, merge and strategic merge patch',
    'server-side apply, conflict and force',
    'an informer sees add, update and delete',
    'a pod runs and a watch tells',
    'exec: outputs, input and exit code',
    'logs follow',
    'port-forward',
    'delete collection, pod and namespace',
  ],
});
