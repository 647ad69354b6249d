// Writes dist/descriptions.json.br, which the API server opens when it is asked for OpenAPI or for the heads of tables.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { definitionNames } from '../../api/gen/index.ts';
import type { Description } from '../../api/wire/index.ts';
import { describe, mangled } from './descriptions.ts';

const PACKAGES = ['kubernetes-models', '@kubernetes-models/apimachinery'];
/** Types that have a text but no structure of their own in api/gen. */
const SIMPLE = [
  'io.k8s.api.certificates.v1beta1.CertificateSigningRequestSpec', // columns have the texts of v1beta1
  'io.k8s.api.certificates.v1beta1.CertificateSigningRequestStatus',
  'io.k8s.api.rbac.v1beta1.ClusterRoleBinding',
  'io.k8s.api.rbac.v1beta1.RoleBinding',
  'io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1',
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Patch',
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time',
  'io.k8s.apimachinery.pkg.runtime.RawExtension',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString',
  'io.k8s.apimachinery.pkg.version.Info',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool',
  'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray',
];

/** Makes the file unless it is newer than the packages and this program; false when the packages are not installed. */
export async function writeDescriptions(root: string): Promise<boolean> {
  const target = join(root, 'dist/descriptions.json.br');
  const folders = PACKAGES.map((name) => join(root, 'node_modules', name));
  if (!folders.every(existsSync)) return false;
  const inputs = [
    ...folders.map((folder) => join(folder, 'package.json')),
    import.meta.filename,
    join(import.meta.dirname, 'descriptions.ts'),
  ];
  if (existsSync(target) && inputs.every((path) => statSync(path).ctimeMs < statSync(target).mtimeMs)) return true;
  const wanted = new Map([...definitionNames(), ...SIMPLE].map((name) => [mangled(name), name]));
  const found: Record<string, Description> = {};
  for (const folder of folders)
    for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!path.endsWith('.d.ts') || path.startsWith('_schemas')) continue;
      const one = describe(readFileSync(join(folder, path), 'utf8'));
      const name = one && wanted.get(one.name);
      if (name !== undefined) found[name] = one!.description;
    }
  await writeFile(`${target}.new`, brotliCompressSync(JSON.stringify(found)));
  await rename(`${target}.new`, target);
  return true;
}
