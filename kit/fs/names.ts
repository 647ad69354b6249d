// Looking into folders that need not be there.
import { readdirSync } from 'node:fs';

/** What lies in the folder; nothing where there is none, or where it cannot be read. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
