// Structs as some findings print them: Go's names, every field, null where nothing is.

/** `names` are Go's field names in order; values come from the JSON names (first letter small, `SELinuxOptions` as `seLinuxOptions`). */
export function goForm(value: object, names: readonly string[]): Record<string, unknown> {
  const source = value as Record<string, unknown>;
  return Object.fromEntries(names.map((name) => [name, source[jsonName(name)] ?? null]));
}

const jsonName = (name: string): string => (name === 'SELinuxOptions' ? 'seLinuxOptions' : name[0]!.toLowerCase() + name.slice(1));

const CONTEXT = [
  'Capabilities',
  'Privileged',
  'SELinuxOptions',
  'WindowsOptions',
  'RunAsUser',
  'RunAsGroup',
  'RunAsNonRoot',
  'ReadOnlyRootFilesystem',
  'AllowPrivilegeEscalation',
  'ProcMount',
  'SeccompProfile',
  'AppArmorProfile',
];

export function goSecurityContext(context: object & { capabilities?: object }): Record<string, unknown> {
  const out = goForm(context, CONTEXT);
  if (context.capabilities) out['Capabilities'] = goForm(context.capabilities, ['Add', 'Drop']);
  return out;
}
