// Sub-resources that the server itself answers, by `group/plural/name`; `*/name` is for every kind that declares it.
import type { SubresourceHandlers } from '../handlers.ts';

export const builtInSubresources: SubresourceHandlers = {};
