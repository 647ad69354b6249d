// Checks of ports that may be given by number or by name.
import { type Problem, portName, portNumber } from '../../meta/index.ts';
import { texts } from '../rules.ts';

export function validatePortNumberOrName(field: string, port: number | string | undefined): Problem[] {
  if (typeof port === 'string') return texts(field, port, portName(port));
  return texts(field, port ?? 0, portNumber(port ?? 0));
}
