// Kubernetes' named formats: `format.dns1123Label().validate(x)` gives what is wrong, or nothing.
import * as rules from '../../meta/index.ts';
import { hiddenRegex, NOMINAL } from '../costs.ts';
import { declarer, type Overload } from '../declarations.ts';
import { structOf } from '../types.ts';
import { Custom, list, Optional } from '../values.ts';

const FORMAT = structOf('kubernetes.NamedFormat');
const REGEX_MAX = 128;

type Rule = (text: string) => string[];

class Format extends Custom {
  readonly type = FORMAT;
  readonly name: string;
  readonly rule: Rule;
  /** Length of the pattern, for what a validation costs. */
  readonly size: number;
  constructor(name: string, rule: Rule, size: number) {
    super();
    this.name = name;
    this.rule = rule;
    this.size = size;
  }
  equals = (other: Custom): boolean => other instanceof Format && other.name === this.name;
}

const matching =
  (pattern: RegExp, problem: string): Rule =>
  (text) =>
    pattern.test(text) ? [] : [problem];

function uri(text: string): string[] {
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:|^\//.test(text)) return [];
  return [`parse ${JSON.stringify(text)}: ${text === '' ? 'empty url' : 'invalid URI for request'}`];
}

function date(text: string): string[] {
  const millis = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(millis) && new Date(millis).toISOString().startsWith(text) ? [] : ['invalid date'];
}

function datetime(text: string): string[] {
  return /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/.test(text) && !Number.isNaN(Date.parse(text.toUpperCase()))
    ? []
    : ['invalid datetime'];
}

/** A prefix may end with a dash: a name follows. */
const prefix =
  (rule: Rule): Rule =>
  (text) =>
    rule(text.endsWith('-') && text.length > 1 ? `${text.slice(0, -1)}a` : text);

/** The rule and the length of its pattern. */
const FORMATS: Readonly<Record<string, readonly [Rule, number]>> = {
  dns1123Label: [rules.dns1123Label, 30],
  dns1123Subdomain: [rules.dns1123Subdomain, 60],
  dns1035Label: [rules.dns1035Label, 30],
  qualifiedName: [rules.qualifiedName, 60],
  dns1123LabelPrefix: [prefix(rules.dns1123Label), 30],
  dns1123SubdomainPrefix: [prefix(rules.dns1123Subdomain), 60],
  dns1035LabelPrefix: [prefix(rules.dns1035Label), 30],
  labelValue: [rules.labelValue, 40],
  uri: [uri, 1103],
  uuid: [matching(/^[\da-f]{8}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{4}-?[\da-f]{12}$/i, 'does not match the UUID format'), 100],
  byte: [matching(/^(?=.)(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=)?$/, 'invalid base64'), 84],
  date: [date, 150],
  datetime: [datetime, 150],
};

const declare = declarer({ Format: FORMAT });
const named = (name: string): Format | undefined => (Object.hasOwn(FORMATS, name) ? new Format(name, ...FORMATS[name]!) : undefined);

function validate(format: Format, text: string): Optional {
  const wrong = format.rule(text);
  return wrong.length === 0 ? Optional.NONE : new Optional(list(wrong));
}

export const formats: readonly Overload[] = [
  ...Object.keys(FORMATS).map((name) => declare(`format.${name}() Format`, () => named(name)!)),
  declare('format.named(string) optional<Format>', (name: string) => new Optional(named(name)), NOMINAL),
  declare('Format::validate(string) optional<list<string>>', validate, {
    estimate: hiddenRegex(1, REGEX_MAX).estimate,
    actual: (args) => hiddenRegex(1, (args[0] as Format).size).actual(args, null),
  }),
];
