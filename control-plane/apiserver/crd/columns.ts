// additionalPrinterColumns as Table columns.
import { ageColumn, type Column, nameColumn, since } from '../../../api/kinds/index.ts';
import { goJson } from '../../../api/meta/index.ts';
import { pathGetter } from './jsonpath.ts';

export interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

/** As any kind's: described by the documentation of the field. */
const AGE: Column = { ...ageColumn, type: 'date' };

export const columnsOf = (columns: readonly PrinterColumn[] | undefined): Column[] => [
  nameColumn,
  ...(columns?.length ? columns.map(columnOf) : [AGE]),
];

function columnOf({ name, type, format, description, priority, jsonPath }: PrinterColumn): Column {
  const valuesAt = pathGetter(jsonPath);
  return {
    name,
    type: type as Column['type'],
    ...(format ? { format } : {}),
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority ? { priority } : {}),
    of(object, nowMs) {
      const found = valuesAt(object);
      return found.length === 0 ? null : cell(found[0], type, nowMs);
    },
  };
}

/** A value that is not of the column's type is not shown, but for texts: there anything is written out. */
function cell(value: unknown, type: string, nowMs: number): string | number | boolean | null {
  if (type === 'string') return textOf(value);
  switch (type) {
    case 'integer':
      return typeof value === 'number' || typeof value === 'bigint' ? (Math.trunc(Number(value)) as number) : null;
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      if (typeof value !== 'string') return null;
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : since(value, nowMs);
    default:
      return null;
  }
}

function textOf(value: unknown): string {
  if (value === null) return '<no value>';
  return typeof value === 'object' ? goJson(value) : String(value);
}
