// 404 of a path outside the API: plain text, as upstream's root mux answers.
import { StatusError } from '../../api/meta/index.ts';

export class PlainNotFound extends StatusError {
  constructor() {
    super(404, 'NotFound', 'the server could not find the requested resource', {});
  }
}
