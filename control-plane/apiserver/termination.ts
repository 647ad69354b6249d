// The server ends a request to protect itself: its client's other requests, or those of others, need what it holds.
import { StatusError } from '../../api/meta/index.ts';

/** Told like any error of its code; the metrics count it apart. */
export class Termination extends StatusError {
  constructor({ code, reason, message, details }: StatusError) {
    super(code, reason, message, details);
  }
}
