// Tables as the server sends them: the heads say what the columns mean.
import type { KubeObject } from '../../api/meta/index.ts';
import { columnDescriptions, tableFor as plainTable, type TableOptions } from '../../api/wire/index.ts';
import { openDescriptions } from './descriptions.ts';

const describe = columnDescriptions(openDescriptions);

export const tableFor = (kind: Parameters<typeof plainTable>[0], objects: readonly KubeObject[], options: TableOptions): object =>
  plainTable(kind, objects, { ...options, describe });
