// The form of a stored event; some of its times are null when absent.
import type { Event } from '../../gen/types/core.v1.ts';

export type CoreEvent = Omit<Event, 'eventTime' | 'firstTimestamp' | 'lastTimestamp'> & {
  eventTime?: string | null;
  firstTimestamp?: string | null;
  lastTimestamp?: string | null;
};
