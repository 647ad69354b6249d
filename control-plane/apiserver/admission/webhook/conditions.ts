// matchConditions: all must be true for a webhook to be asked.
import type { ServerServices } from '../../handlers.ts';
import type { Attributes } from '../../request.ts';
import type { Hook } from './hooks.ts';
import type { View } from './review.ts';

export function conditionsMatch(_hook: Hook, _attributes: Attributes, _view: View, _services: ServerServices): boolean {
  return true;
}
