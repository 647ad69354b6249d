// Formats of strings that are checked, as upstream's registry understands them; any other format says nothing.
import { Buffer } from 'node:buffer';

type Check = (text: string) => boolean;

const uuid = (third: string, fourth: string): Check => {
  const pattern = new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${third}-?${fourth}-?[0-9a-f]{12}$`, 'i');
  return (text) => pattern.test(text);
};

const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

const SHORT_NAME = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

/** By name without hyphens. */
const formats: Readonly<Record<string, Check>> = {
  bsonobjectid: matches(/^[0-9a-f]{24}$/i),
  uri: isRequestUri,
  email: isEmail,
  hostname: isHostname,
  ipv4: (text) => isIpv4(text),
  ipv6: isIpv6,
  cidr: isCidr,
  mac: isMac,
  uuid: uuid('[0-9a-f]{4}', '[0-9a-f]{4}'),
  uuid3: uuid('3[0-9a-f]{3}', '[0-9a-f]{4}'),
  uuid4: uuid('4[0-9a-f]{3}', '[89ab][0-9a-f]{3}'),
  uuid5: uuid('5[0-9a-f]{3}', '[89ab][0-9a-f]{3}'),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  ssn: matches(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  hexcolor: matches(/^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/),
  rgbcolor: isRgbColor,
  byte: isBase64,
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (text) => Buffer.byteLength(text) <= 63 && new RegExp(`^${SHORT_NAME}$`).test(text),
  k8slongname: (text) => Buffer.byteLength(text) <= 253 && new RegExp(`^${SHORT_NAME}(\\.${SHORT_NAME})*$`).test(text),
};

const NUMBERS: Readonly<Record<string, readonly string[]>> = { integer: ['int32', 'int64'], number: ['float', 'double'] };

/** Whether values of that type are checked by the format. `type` is undefined for an int-or-string and where none is given. */
export function isKnownFormat(format: string, type: string | undefined): boolean {
  if (type === undefined || type === '' || type === 'string') return Object.hasOwn(formats, format.replaceAll('-', ''));
  return NUMBERS[type]?.includes(format) ?? false;
}

/** The check of a string; undefined when the format is not one of strings. */
export const stringFormat = (format: string): Check | undefined => {
  const name = format.replaceAll('-', '');
  return Object.hasOwn(formats, name) ? formats[name] : undefined;
};

function isDate(text: string): boolean {
  const found = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text);
  if (!found) return false;
  const [year, month, day] = [Number(found[1]), Number(found[2]), Number(found[3])];
  return month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

const daysOf = (year: number, month: number): number => {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
};

/** Any character stands for the point before fractions of a second. */
function isDateTime(text: string): boolean {
  const [date = '', time = ''] = text.toLowerCase().split('t');
  const found = /^(\d\d):(\d\d):(\d\d)(.\d+)?(z|([+-]\d\d:\d\d))$/.exec(time);
  return isDate(date) && found !== null && found[1]! <= '23' && found[2]! <= '59' && found[3]! <= '59';
}

const GO_DURATION = /^[-+]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))*$/;
const UNITS = ['ns', 'us', 'µs', 'ms', 's', 'm', 'h', 'd', 'w', 'hr', 'wk'];
const UNIT_STARTS = ['nano', 'micro', 'milli', 'sec', 'min', 'hour', 'day', 'week'];

/** Go's durations, or words: `2 days 4 hours`. One part that is understood is enough. */
function isDuration(text: string): boolean {
  if (GO_DURATION.test(text) || /^[-+]?0$/.test(text)) return true;
  let understood = false;
  for (const [, number, word] of text.matchAll(/(\d+)\s*([A-Za-zµ]+)/g)) {
    if (BigInt(number!) > 2n ** 63n - 1n) return false;
    const unit = word!.toLowerCase();
    understood ||= UNITS.includes(unit) || UNIT_STARTS.some((start) => unit.startsWith(start));
  }
  return understood;
}

/** Leading zeros are let through. */
function isIpv4(text: string): boolean {
  if (isIpv6(text)) return text.includes('.');
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,}$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  if (!text.includes(':')) return false;
  const quad = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (quad && !isIpv4(quad[2]!)) return false;
  const plain = quad ? `${quad[1]}0:0` : text;
  const halves = plain.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? groups.length < 8 : groups.length === 8;
}

function isCidr(text: string): boolean {
  const found = /^(.+)\/(\d{1,3})$/.exec(text);
  if (!found) return false;
  const bits = Number(found[2]);
  return (isIpv6(found[1]!) && bits <= 128) || (!found[1]!.includes(':') && isIpv4(found[1]!) && bits <= 32);
}

/** 6, 8 or 20 bytes, in pairs by colons or hyphens or in fours by points. */
function isMac(text: string): boolean {
  const separator = /^[0-9a-f]{2}([:-])/i.exec(text)?.[1];
  const size = separator ? 2 : 4;
  const groups = text.split(separator ?? '.');
  return groups.every((group) => group.length === size && /^[0-9a-f]+$/i.test(group)) && [6, 8, 20].includes((groups.length * size) / 2);
}

const HOSTNAME =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$/u;

function isHostname(text: string): boolean {
  // The length first: the pattern is not for long texts.
  if (Buffer.byteLength(text) > 255 || text.split('.').some((label) => Buffer.byteLength(label) > 63)) return false;
  return HOSTNAME.test(text);
}

/** As Go reads a mailbox: an address, or a name and an address in angle brackets. */
function isEmail(text: string): boolean {
  const found = /^\s*(?:[^<>@]*<\s*([^<>\s]+)\s*>|([^<>\s]+))\s*$/.exec(text);
  const address = found?.[1] ?? found?.[2];
  const atom = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\uffff-]+";
  const dots = `${atom}(?:\\.${atom})*`;
  return address !== undefined && new RegExp(`^(?:${dots}|"(?:[^"\\\\]|\\\\.)*")@(?:${dots}|\\[[^\\]]*\\])$`).test(address);
}

/** A URI as it may stand in a request: absolute, or a path. */
function isRequestUri(text: string): boolean {
  if (text === '' || /[\u0000-\u001f\u007f]/.test(text) || /%(?![0-9A-Fa-f]{2})/.test(text)) return false;
  if (text.startsWith('/') || text === '*') return true;
  const found = /^[A-Za-z][A-Za-z0-9+.-]*:(.*)$/s.exec(text);
  if (!found) return false;
  const [, rest] = found;
  if (!rest!.startsWith('//')) return rest !== '';
  const host = /^\/\/(?:[^/?#@]*@)?([^/?#]*)/.exec(rest!)![1]!;
  return !/[ <>"\\^`{}|]/.test(host) && (!/:[^\]]*$/.test(host) || /(?::\d*|\])$/.test(host));
}

/** Padded, in groups of four; not empty. */
function isBase64(text: string): boolean {
  return /^(?:[A-Za-z0-9+\\/]{4})*(?:[A-Za-z0-9+\\/]{2}==|[A-Za-z0-9+\\/]{3}=|[A-Za-z0-9+\\/]{4})$/.test(text);
}

const digitsOf = (text: string): string => text.replace(/[\s-]+/g, '');

function isIsbn10(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce((total, digit, i) => total + (i + 1) * (digit === 'X' ? 10 : Number(digit)), 0);
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = digitsOf(text);
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = [...digits.slice(0, 12)].reduce((total, digit, i) => total + (i % 2 === 0 ? 1 : 3) * Number(digit), 0);
  return (10 - (sum % 10)) % 10 === Number(digits[12]);
}

const CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|(222[1-9]|22[3-9]\d|2[3-6]\d{2}|27[01]\d|2720)\d{12}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11}|6[27]\d{14})$/;

function isCreditCard(text: string): boolean {
  const digits = text.replace(/\D+/g, '');
  if (!CARD.test(digits)) return false;
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const value = Number(digit) * (i % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function isRgbColor(text: string): boolean {
  const part = '(0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])';
  return new RegExp(`^rgb\\(\\s*${part}\\s*,\\s*${part}\\s*,\\s*${part}\\s*\\)$`).test(text);
}
