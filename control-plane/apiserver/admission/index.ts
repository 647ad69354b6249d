// Entry of admission: the ordered list of built-in plug-ins. Order matters: defaults before what counts them, quota last.
import type { Clock } from '../../../kit/run/index.ts';
import type { AdmissionPlugin, Reader } from '../request.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { taintNodesByCondition } from './node-taint.ts';
import { priority } from './priority.ts';
import { runtimeClass } from './runtime-class.ts';
import { serviceAccount } from './service-account.ts';
import { defaultIngressClass, defaultStorageClass, storageObjectInUseProtection } from './storage.ts';
import { defaultTolerationSeconds } from './tolerations.ts';

export const admissionPlugins = (reader: Reader, clock: Clock): AdmissionPlugin[] => [
  namespaceLifecycle(reader),
  serviceAccount(reader, clock),
  taintNodesByCondition,
  priority(reader),
  defaultTolerationSeconds,
  defaultStorageClass(reader),
  storageObjectInUseProtection,
  runtimeClass(reader),
  defaultIngressClass(reader),
];
