// additionalPrinterColumns as Table columns.
import { type Column, nameColumn, since } from '../../../api/kinds/index.ts';
import type { KubeObject } from '../../../api/meta/index.ts';
import { valuesAt } from './jsonpath.ts';

export interface PrinterColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

const AGE: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', description: '' };

export const columnsOf = (columns: readonly PrinterColumn[] | undefined): Column[] => [
  nameColumn,
  ...(columns?.length ? columns : [AGE]).map(columnOf),
];

function columnOf({ name, type, format, description, priority, jsonPath }: PrinterColumn): Column {
  return {
    name,
    type: type as Column['type'],
    ...(format ? { format } : {}),
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority ? { priority } : {}),
    of: (object, nowMs) => cell(object, type, jsonPath, nowMs),
  };
}

function cell(object: KubeObject, type: string, path: string, nowMs: number): string | number | boolean | null {
  const first = valuesAt(object, path)[0];
  if (first === undefined || first === null) return null;
  switch (type) {
    case 'integer':
      return typeof first === 'number' ? Math.trunc(first) : null;
    case 'number':
      return typeof first === 'number' ? first : null;
    case 'boolean':
      return typeof first === 'boolean' ? first : null;
    case 'date':
      return typeof first !== 'string' || Number.isNaN(Date.parse(first)) ? '<invalid>' : since(first, nowMs);
    default:
      return typeof first === 'string' ? first : JSON.stringify(first);
  }
}
