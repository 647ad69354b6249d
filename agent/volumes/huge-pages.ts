// Which huge pages an emptyDir of them is made of. Pure.
import type { Pod } from '../../api/gen/types/core.v1.ts';
import { toInteger } from '../../api/meta/index.ts';

/** `HugePages`: of the one size that the pod asks for; `HugePages-2Mi`: of this one. */
export const HUGE_MEDIUM = 'HugePages';
const RESOURCE = 'hugepages-';

/** @throws Error when the pod asks for no pages of that size, or it is not clear which */
export function pageBytesOf(medium: string, { spec }: Pod): number {
  const requests = [spec?.resources, ...[...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].map(({ resources }) => resources)];
  const sizes = new Set(
    requests
      .flatMap((resources) => Object.keys({ ...resources?.limits, ...resources?.requests }))
      .filter((name) => name.startsWith(RESOURCE))
      .map((name) => Number(toInteger(name.slice(RESOURCE.length)))),
  );
  const wanted =
    medium === HUGE_MEDIUM ? [...sizes] : [...sizes].filter((size) => size === Number(toInteger(medium.slice(HUGE_MEDIUM.length + 1))));
  const [only] = wanted;
  if (wanted.length > 1) throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  if (only === undefined) throw new Error(`medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`);
  return only;
}
