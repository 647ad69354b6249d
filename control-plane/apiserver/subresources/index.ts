// Sub-resources and virtual kinds that the server itself answers, by `group/plural/name`; `*/name` is for every kind that declares it.
import type { SubresourceHandlers } from '../handlers.ts';
import { binding } from './binding.ts';
import { componentStatus } from './component-status.ts';
import { eviction } from './eviction.ts';
import { scale } from './scale.ts';

export const builtInSubresources: SubresourceHandlers = {
  '/pods/binding': binding,
  '/bindings': binding,
  '/componentstatuses': componentStatus,
  '/pods/eviction': eviction,
  '*/scale': scale,
};
