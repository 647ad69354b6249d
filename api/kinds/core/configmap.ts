// The ConfigMap kind.
import { configMapKey, deepEqual, forbiddenField, invalidValue, type Problem, tooLong } from '../../meta/index.ts';
import { ageColumn, integer, nameColumn } from '../columns.ts';
import type { Behaviour } from '../kind.ts';
import { texts } from '../rules.ts';

/** Of ConfigMaps and Secrets, all values together. */
export const MAX_DATA_BYTES = 1024 * 1024;

export const base64Bytes = (text: string): number => Buffer.byteLength(text, 'base64');

const keyProblems = (path: string, data: Record<string, string>): Problem[] =>
  Object.keys(data).flatMap((key) => texts(`${path}[${key}]`, key, configMapKey(key)));

/** What may not change once `immutable` is set. */
export function immutableData(object: any, old: any, names: readonly string[]): Problem[] {
  if (!old.immutable) return [];
  const why = 'field is immutable when `immutable` is set';
  const changed = names.filter((name) => !deepEqual(object[name] ?? {}, old[name] ?? {})).map((name) => forbiddenField(name, why));
  return object.immutable ? changed : [forbiddenField('immutable', why), ...changed];
}

export const configMap: Behaviour = {
  validate({ data = {}, binaryData = {} }) {
    const twice = Object.keys(data).filter((key) => Object.hasOwn(binaryData, key));
    const problems = [
      ...keyProblems('data', data),
      ...twice.map((key) => invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData')),
      ...keyProblems('binaryData', binaryData),
    ];
    let size = 0;
    for (const value of Object.values(data as Record<string, string>)) size += Buffer.byteLength(value);
    for (const value of Object.values(binaryData as Record<string, string>)) size += base64Bytes(value);
    if (size > MAX_DATA_BYTES) problems.push(tooLong('', MAX_DATA_BYTES));
    return problems;
  },
  validateUpdate: (object, old) => immutableData(object, old, ['data', 'binaryData']),
  columns: [
    nameColumn,
    {
      ...integer('Data', (object) => Object.keys(object['data'] ?? {}).length + Object.keys(object['binaryData'] ?? {}).length),
      type: 'string',
    },
    ageColumn,
  ],
};
