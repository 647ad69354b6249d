// Deletes finished Jobs when their time to live (ttlSecondsAfterFinished) is over.
import type { Job } from '../../../api/gen/types/batch.v1.ts';
import { isStatusError } from '../../../api/meta/index.ts';
import { keyOf, RESOURCES } from '../../../kit/client/index.ts';
import { done } from '../../../kit/queue/index.ts';
import { account, type Controller, reconcilerOf } from '../controller.ts';
import { expiryMs } from './expiry.ts';

export const ttlAfterFinishedController: Controller = {
  name: 'ttl-after-finished',
  user: account('ttl-after-finished-controller'),
  start(context, signal, ready) {
    const jobs = context.informers.of<Job>(RESOURCES.jobs);
    const queue = reconcilerOf('ttl-after-finished', context, signal, ready, async (key) => {
      const job = jobs.get(key);
      const expiry = job && expiryMs(job);
      if (expiry === undefined) return done;
      const waitMs = expiry - context.clock.nowMs();
      if (waitMs > 0) return { retryAfterMs: waitMs };
      const { name = '', namespace = '', uid = '' } = job?.metadata ?? {};
      await context.client
        .delete(RESOURCES.jobs, name, { namespace, propagationPolicy: 'Foreground', preconditions: { uid } })
        .catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
      return done;
    });
    const seen = (job: Job) => expiryMs(job) !== undefined && queue.add(keyOf(job));
    jobs.on({ added: seen, updated: (_, job) => seen(job) });
  },
};
