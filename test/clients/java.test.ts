// fabric8's client and the official Java client.
import { javaProgram } from './build.ts';
import { testClient } from './program.ts';

testClient({
  name: 'Java: fabric8 and client-java',
  needs: ['mvn', 'java'],
  build: javaProgram,
  checks: [
    'fabric8: create, get, update, conflict',
    'fabric8: json, merge and strategic merge patch',
    'fabric8: server-side apply, conflict and force',
    'fabric8: an informer sees add, update and delete',
    'fabric8: a pod becomes ready',
    'fabric8: exec: outputs, input and exit code',
    'fabric8: logs follow',
    'fabric8: port-forward',
    'fabric8: upload and read a file',
    'fabric8: delete',
    'official: create, get, replace, conflict',
    'official: json, merge and strategic merge patch',
    'official: server-side apply, conflict and force',
    'official: an informer sees add, update and delete',
    'official: a pod runs and a watch tells',
    'official: exec: outputs, input and exit code',
    'official: logs follow',
    'official: port-forward',
    'official: delete',
  ],
});
