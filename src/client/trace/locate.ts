import { dirname, join, resolve } from 'node:path';
import { type AuditFile, listAuditFiles } from '../../core/audit/files.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { decodeText } from '../../core/files/decode.ts';
import { readInput } from '../../core/files/read-input.ts';
import { valueOfYaml } from '../../core/files/yaml/yaml-fault.ts';
import { isObject } from '../../core/json.ts';

/** The paths of a node's log and its CA certificate, from its configuration or the options. */
export interface AuditLocation {
  readonly file: string;
  readonly ca: string | undefined;
  /** Files of the node that may contain intermediate CAs; each may be absent. */
  readonly issuers: readonly string[];
}

/** @throws Problem `unreadable-file` when neither a log is named nor the configuration can be read */
export async function locateAudit(options: { config: string; file?: string; ca?: string }): Promise<AuditLocation> {
  const { config, file, ca } = options;
  if (file !== undefined && ca !== undefined) return { file, ca, issuers: [] };
  const node = await readNode(config, file !== undefined);
  const at = (path: unknown, fallback: string) => resolve(dirname(config), typeof path === 'string' ? path : fallback);
  const section = (name: string) => (isObject(node?.[name]) ? node[name] : {});
  const crl = 'crl.pem';
  return {
    file: file ?? at(section('audit').file, '/var/log/mco-deploy/audit.jsonl'),
    ca: ca ?? (node === undefined ? undefined : at(section('tls').ca, 'ca.crt')),
    issuers: [
      at(section('tls').certificate, 'node.crt'),
      at(section('tls').crl, crl),
      join(at(node?.state, '/var/lib/mco-deploy'), crl),
    ],
  };
}

async function readNode(config: string, mayBeAbsent: boolean): Promise<Record<string, unknown> | undefined> {
  try {
    const text = decodeText(await readInput(config));
    const value = valueOfYaml(text, ({ line, message }) => new Error(`line ${line}: ${message}`));
    return isObject(value) ? value : {};
  } catch (cause) {
    if (mayBeAbsent) return undefined;
    throw new Problem(
      'unreadable-file',
      `the configuration ${config} cannot be read: ${explainErrno(cause)}`,
      'run it on a node, or give --file LOG and --ca FILE',
      { cause },
    );
  }
}

/** The files of a log. @throws Problem `unreadable-file` when there is none */
export async function findAuditFiles(file: string): Promise<AuditFile[]> {
  const files = await listAuditFiles(file);
  if (files.length === 0)
    throw new Problem('unreadable-file', `${file} cannot be read: no such file`, 'give --file LOG');
  return files;
}
