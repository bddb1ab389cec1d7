import { access } from 'node:fs/promises';
import { Problem } from '../../../core/errors.ts';
import { type Finding, findingToJson } from '../../../core/finding.ts';
import { printable } from '../../../core/text.ts';
import type { CommonOptions } from '../../cli/common-options.ts';
import { clientConfigPath } from '../../../library/config/config.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { type Paint, paintFor } from '../../render/color.ts';
import { nodeConfigFile } from '../daemon/index.ts';
import { doctorClient } from '../../doctor/client.ts';

/** Checks a node by its configuration. */
export type DoctorNode = (configFile: string, signal: AbortSignal) => Promise<readonly Finding[]>;

type Side = 'node' | 'client';

/** Prints each finding on a line: its status, its subject, what was found, how to fix it. */
export async function runDoctor(
  side: Side | undefined,
  { config, json }: CommonOptions,
  doctorNode: DoctorNode,
  context: CliContext,
): Promise<number> {
  if (config !== undefined && side === undefined) {
    throw new Problem(
      'usage',
      '--config does not say which side it configures',
      'type “doctor node” or “doctor client”',
    );
  }
  const sides = side === undefined ? await sidesHere(context) : [side];
  const findings: (Finding & { readonly side: Side })[] = [];
  for (const one of sides) {
    const found =
      one === 'node' ? await doctorNode(config ?? nodeConfigFile, context.signal) : await doctorClient(config, context);
    findings.push(...found.map((finding) => ({ side: one, ...finding })));
  }
  if (json === true)
    context.out(
      JSON.stringify(
        findings.map(({ side, ...finding }) => ({ side, ...findingToJson(finding) })),
        null,
        2,
      ),
    );
  else for (const finding of findings) context.out(printable(lineOf(finding, paintFor(context))));
  return findings.some(({ status }) => status === 'broken') ? exitCode.someFailed : exitCode.ok;
}

/** @throws Problem `not-configured` */
async function sidesHere({ env }: CliContext): Promise<Side[]> {
  const isThere = (file: string) =>
    access(file).then(
      () => true,
      () => false,
    );
  const sides: Side[] = [];
  if (await isThere(nodeConfigFile)) sides.push('node');
  if (await isThere(clientConfigPath(env))) sides.push('client');
  if (sides.length > 0) return sides;
  const hint = `there is neither ${nodeConfigFile} nor ${clientConfigPath(env)}; name a file with --config`;
  throw new Problem('not-configured', 'this host is set up neither as a node nor for an operator', hint);
}

function lineOf({ status, check, what, fix }: Finding, paint: Paint): string {
  const sign = { ok: 'ok', warning: 'WARNING', broken: 'BROKEN' }[status];
  const color = { ok: 'green', warning: 'yellow', broken: 'red' } as const;
  return `${paint(color[status], sign)}${' '.repeat(8 - sign.length)} ${check.padEnd(14)} ${what}${fix === '' ? '' : `: ${fix}`}`;
}
