// The kube crate.
import { rustProgram } from './build.ts';
import { testClient } from './program.ts';

testClient({
  name: 'Rust: kube',
  needs: ['cargo'],
  build: rustProgram,
  checks: [
    'create, get, replace, conflict',
    'errors have a code and a reason',
    'json, merge and strategic merge patch',
    'server-side apply, conflict and force',
    'a watcher with a watch list sees add, update and delete',
    'a dynamic object by discovery',
    'a pod runs and a watch tells',
    'exec: outputs, input and exit code',
    'logs follow',
    'port-forward',
    'delete collection, pod and namespace',
  ],
});
