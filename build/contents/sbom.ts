import { createHash } from 'node:crypto';
import type { BundledPackage } from './packages.ts';

export interface SbomFacts {
  readonly version: string;
  /** Seconds since the epoch. */
  readonly date: number;
  readonly packages: readonly BundledPackage[];
  /** The versions of the runtime and of what is compiled into it, as `process.versions`. */
  readonly runtime: Readonly<Record<string, string | undefined>>;
}

/** The components of the program, as CycloneDX 1.6 (ECMA-424) in JSON. The same facts give the same bytes. */
export function sbomOf({ version, date, packages, runtime }: SbomFacts): string {
  const application = { type: 'application', 'bom-ref': 'mco-deploy', name: 'mco-deploy', version };
  const { node = '', modules: _, ...inNode } = runtime;
  const nodeRef = `pkg:generic/node@${node}`;
  const libraries = packages.map(packageComponent);
  const platform = {
    type: 'platform',
    'bom-ref': nodeRef,
    name: 'node',
    version: node,
    purl: nodeRef,
    licenses: [{ license: { id: 'MIT' } }],
    components: Object.entries(inNode).map(([name, its]) => ({
      type: 'library',
      'bom-ref': `node/${name}`,
      name,
      version: its,
    })),
  };
  const components = [...libraries, platform];
  const bom = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: new Date(date * 1000).toISOString(),
      component: { ...application, licenses: [{ license: { id: 'Apache-2.0' } }] },
    },
    components,
    dependencies: [{ ref: 'mco-deploy', dependsOn: components.map((one) => one['bom-ref']) }],
  };
  return `${JSON.stringify({ serialNumber: `urn:uuid:${uuidOf(JSON.stringify(bom))}`, ...bom }, null, 2)}\n`;
}

function packageComponent({ name, version, license, integrity }: BundledPackage) {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const digest = integrity?.startsWith('sha512-')
    ? Buffer.from(integrity.slice(7), 'base64').toString('hex')
    : undefined;
  return {
    type: 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    licenses: [/^[\w.+-]+$/.test(license) ? { license: { id: license } } : { expression: license }],
    ...(digest === undefined ? {} : { hashes: [{ alg: 'SHA-512', content: digest }] }),
  };
}

/** A UUID made of what it stands for (RFC 9562, version 8). */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The licences of all that the program holds and that others wrote. */
export function licencesOf(packages: readonly BundledPackage[], nodeVersion: string, nodeLicence: string): string {
  const part = (title: string, text: string) => `${'='.repeat(78)}\n${title}\n${'='.repeat(78)}\n\n${text.trim()}\n`;
  const ofPackages = packages.map(({ name, version, license, texts }) =>
    part(
      `${name} ${version} (${license})`,
      texts.join('\n\n') || `Published under ${license}, without the text of it.`,
    ),
  );
  return [...ofPackages, part(`Node.js ${nodeVersion}, and what is compiled into it`, nodeLicence)].join('\n\n');
}
