import { Problem } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { type FileKind, isFileKind, pathIn } from '../../core/node-files/kinds.ts';
import { sumOf } from '../../core/node-files/list.ts';
import type { Outcome } from '../../core/request/reply.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { asDesired, type ConfigFile, configFiles } from '../fleet-file/desired.ts';
import type { Fleet, Host, NodeParts } from '../fleet-file/model.ts';
import { type FileState, planFiles } from '../install/files/plan-files.ts';
import { callConfig, type FabricTransport } from './call-config.ts';
import { confirmChange } from './confirm.ts';
import type { FileChange, HostPlan } from './host-plan.ts';

/** What `config.files` replied. */
interface NodeFiles {
  readonly directory: string;
  readonly digest: string;
  readonly manifest: string;
  readonly files: readonly { readonly kind: FileKind; readonly name: string; readonly content: string }[];
}

/** Reads the state of a node over the fabric. Changes nothing. @throws Problem what the node replied */
export async function planOverFabric(
  host: Host,
  node: FoundNode,
  fleet: Fleet,
  parts: NodeParts,
  way: FabricTransport,
): Promise<HostPlan> {
  const seen = await readFiles(node, way);
  const { directory, manifest } = seen;
  const desired = configFiles(host, fleet, parts, directory).files;
  const states = new Map<string, FileState>();
  for (const { kind, name, content } of seen.files) {
    states.set(`${directory}/${pathIn(kind, name)}`, { sum: sumOf(content), text: content });
  }
  const own = (path: string) => states.has(path);
  const plan = planFiles(desired.map(asDesired), states, manifest, { replace: way.replace, own });
  const change = (path: string): FileChange => ({
    path,
    before: states.get(path)?.text,
    after: desired.find((file) => file.path === path)?.content,
  });
  const files = [...plan.write.map(({ path }) => change(path)), ...plan.remove.map(change)];
  const orders = files.flatMap((file) => orderOf(file, desired, seen));
  const needs = plan.write.map((file) => file.needs);
  return {
    host,
    node: host.name,
    way: 'fabric',
    others: [],
    files,
    kept: plan.kept.map(change),
    warnings: [],
    effect: needs.includes('restart')
      ? 'restart'
      : needs.includes('reload') || plan.remove.length > 0
        ? 'reload'
        : 'nothing',
    carryOut: (onPhase) => carryOut(host, node, seen.digest, orders, way, onPhase),
    close: async () => {},
  };
}

interface FileRequest {
  readonly kind: FileKind;
  readonly name: string;
  readonly content: string | null;
}

function orderOf(
  { path, after }: FileChange,
  desired: readonly ConfigFile[],
  { files, directory }: NodeFiles,
): FileRequest[] {
  const known = [
    ...desired,
    ...files.map((file) => ({ ...file, path: `${directory}/${pathIn(file.kind, file.name)}` })),
  ];
  const file = known.find((one) => one.path === path);
  return file === undefined ? [] : [{ kind: file.kind, name: file.name, content: after ?? null }];
}

async function readFiles(node: FoundNode, way: FabricTransport): Promise<NodeFiles> {
  const data = requireOk(await callConfig(node, 'files', {}, way));
  const files = Array.isArray(data.files) ? data.files.filter(isObject) : [];
  return {
    directory: String(data.directory),
    digest: String(data.digest),
    manifest: String(data.manifest),
    files: files.flatMap(({ kind, name, content }) =>
      isFileKind(kind) && pathIn(kind, String(name)) !== undefined
        ? [{ kind, name: String(name), content: String(content) }]
        : [],
    ),
  };
}

async function carryOut(
  host: Host,
  node: FoundNode,
  previous: string,
  files: readonly FileRequest[],
  way: FabricTransport,
  onPhase: (phase: string) => void,
): Promise<{ readonly warnings: readonly string[] }> {
  onPhase('changing');
  const sums = files.map(({ kind, name, content }) => ({ kind, name, sha256: content === null ? '' : sumOf(content) }));
  const input = { previous, sums, files: [...files] } as unknown as JsonObject;
  const { change, until } = requireOk(await callConfig(node, 'apply', input, way));
  onPhase('waiting');
  await confirmChange(host, node, { change: String(change), until: Date.parse(String(until)) }, way);
  return { warnings: [] };
}

function requireOk({ outcome, code, message, hint, data }: Outcome): Readonly<Record<string, unknown>> {
  if (outcome === 'ok') return data;
  throw new Problem(code as Problem['code'], message, hint);
}
