// Who a container's process is: the pod's wish, else the image's USER, looked up in the image's own /etc/passwd and /etc/group.

export interface Identity {
  uid: number;
  gid: number;
  /** The first group is among them, as other runtimes have it. */
  supplementalGroups: number[];
}

export interface IdentityWish {
  runAsUser?: number;
  runAsUsername?: string;
  runAsGroup?: number;
  supplementalGroups?: number[];
  /** Strict: the groups of the image's own files do not count. */
  supplementalGroupsPolicy?: 'Merge' | 'Strict';
  /** The image's USER: `name`, `uid`, either with `:group`. */
  imageUser: string;
}

export class UnknownUser extends Error {}

interface Passwd {
  name: string;
  uid: number;
  gid: number;
}

/** Pure: the texts of the two files ('' when absent). @throws UnknownUser */
export function resolveUser(wish: IdentityWish, passwdText: string, groupText: string): Identity {
  const [imageUser = '', imageGroup] = wish.imageUser.split(':');
  const fromImage = wish.runAsUser === undefined && !wish.runAsUsername;
  const wanted = wish.runAsUser === undefined ? (wish.runAsUsername ?? imageUser) : String(wish.runAsUser);
  const passwd = parsePasswd(passwdText);
  const entry = passwd.find((p) => p.name === wanted) ?? passwd.find((p) => String(p.uid) === wanted);
  if (!entry && wanted !== '' && !/^\d+$/.test(wanted))
    throw new UnknownUser(`unable to find user ${wanted}: no matching entries in passwd file`);
  const uid = entry?.uid ?? Number(wanted || 0);
  const group = fromImage && imageGroup ? groupId(imageGroup, groupText) : undefined;
  const gid = wish.runAsGroup ?? group ?? entry?.gid ?? 0;
  const memberOf =
    entry && wish.supplementalGroupsPolicy !== 'Strict'
      ? parseGroups(groupText)
          .filter((g) => g.members.includes(entry.name))
          .map((g) => g.gid)
      : [];
  const supplementalGroups = [...new Set([gid, ...memberOf, ...(wish.supplementalGroups ?? [])])];
  return { uid, gid, supplementalGroups };
}

function groupId(wanted: string, groupText: string): number {
  if (/^\d+$/.test(wanted)) return Number(wanted);
  const found = parseGroups(groupText).find((g) => g.name === wanted);
  if (!found) throw new UnknownUser(`unable to find group ${wanted}: no matching entries in group file`);
  return found.gid;
}

const parsePasswd = (text: string): Passwd[] =>
  lines(text).map((fields) => ({ name: fields[0] ?? '', uid: Number(fields[2]), gid: Number(fields[3]) }));

const parseGroups = (text: string): { name: string; gid: number; members: string[] }[] =>
  lines(text).map((fields) => ({
    name: fields[0] ?? '',
    gid: Number(fields[2]),
    members: (fields[3] ?? '').split(',').filter((m) => m !== ''),
  }));

const lines = (text: string): string[][] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
