// The official Python client.
import { pythonProgram } from './build.ts';
import { testClient } from './program.ts';

testClient({
  name: 'Python: kubernetes',
  needs: ['python3'],
  build: pythonProgram,
  checks: [
    'create, get, replace, conflict',
    'errors have a status and a body',
    'a list comes in pages',
    'json, merge and strategic merge patch',
    'server-side apply, conflict and force, by the dynamic client',
    'a list and watch sees add, update and delete',
    'a custom resource from YAML, by the dynamic and the custom objects client',
    'a pod runs and a watch tells',
    'exec: outputs, input and exit code',
    'logs follow',
    'port-forward',
    'delete collection, pod and namespace',
  ],
});
