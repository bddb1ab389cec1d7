import { formatPatch, structuredPatch } from 'diff';
import { count } from '../../core/text.ts';
import { changesNothing, type FileChange, type HostPlan } from './host-plan.ts';

/** The plan by host; hosts with the same plan are shown together. All changes of files are shown. */
export function formatPlans(plans: readonly HostPlan[]): string[] {
  const groups = new Map<string, { readonly names: string[]; readonly lines: readonly string[] }>();
  for (const plan of plans) {
    const lines = planLines(plan);
    if (lines.length === 0) continue;
    const key = lines.join('\n');
    const group = groups.get(key) ?? { names: [], lines };
    groups.set(key, group);
    group.names.push(plan.host.name);
  }
  return [...groups.values()].flatMap(({ names, lines }) => [
    `${names.join(', ')}:`,
    ...lines.map((line) => `  ${line}`),
  ]);
}

function planLines({ way, others, files, kept, effect }: HostPlan): string[] {
  if (changesNothing({ files, others }) && kept.length === 0) return [];
  const daemon =
    effect === 'nothing' ? 'the daemon keeps running' : `the daemon ${effect}s`.replace('reloads', 'reloads its files');
  const first = changesNothing({ files, others }) ? [] : [`over ${way === 'ssh' ? 'ssh' : 'the fabric'}; ${daemon}`];
  return [
    ...first,
    ...others.map((one) => `+ ${one}`),
    ...files.flatMap(diffLines),
    ...kept.flatMap((one) => [
      `kept, because others changed it (--replace would make this change):`,
      ...diffLines(one),
    ]),
  ];
}

/** A unified diff of one file. */
export function diffLines({ path, before, after }: FileChange): string[] {
  const [from, to] = [before === undefined ? '/dev/null' : path, after === undefined ? '/dev/null' : path];
  const patch = structuredPatch(from, to, before ?? '', after ?? '', undefined, undefined, { context: 3 });
  const lines = formatPatch(patch).trimEnd().split('\n');
  return lines.filter((line) => !/^(=+|Index: .*|diff --git .*)$/.test(line));
}

/** One line of summary. */
export function summaryLine(plans: readonly HostPlan[]): string {
  const changed = plans.filter((plan) => !changesNothing(plan));
  const same = plans.length - changed.length;
  return `${count(changed.length, 'host')} to change${same > 0 ? `, ${same} as fleet.yaml says` : ''}`;
}
