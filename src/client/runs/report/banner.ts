/** The top of the page: what failed, where, why, what is out of traffic, what is untouched, the next command. */
import { describeOut, describeSuccess } from '../../../playbook/events/summary.ts';
import type { NodeFailure, RunFailure } from '../../../playbook/events/events.ts';
import { nextCommand } from '../../../playbook/run/next-command.ts';
import type { Incident } from './read/incident.ts';
import { html, type Markup, cut, names } from './html.ts';
import { duration } from '../../render/times.ts';

export type BannerColour = 'good' | 'bad' | 'open';

export function drawBanner(incident: Incident): Markup {
  const { record, label, effect } = incident;
  const { run, operator, playbook, dryRun } = record;
  const rows = [...causeRows(incident), ...stateRows(incident), ...nextRows(incident)];
  return html`<header class="banner ${bannerColourOf(incident)}" id="banner">
<p class="kind">${playbook}${label === playbook || label === '' ? '' : ` · ${label}`}${dryRun ? ' · dry run: nothing was changed' : ''}</p>
<h1>${headline(incident)}</h1>
${rows.length === 0 ? html`` : html`<dl>${rows.map(([title, value]) => html`<div><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`}
<p class="kind">run <code id="run">${run}</code> by ${operator}${effect.changed || dryRun ? '' : ' · nothing was changed'}</p>
</header>`;
}

function bannerColourOf({ record: { state } }: Incident): BannerColour {
  if (state === 'done' || state === 'nothing-to-do') return 'good';
  return state === 'failed' || state === 'cut-off' ? 'bad' : 'open';
}

function headline(incident: Incident): string {
  const { record, end, effect, label, elapsed } = incident;
  switch (record.state) {
    case 'done':
      return describeDone(effect, label || record.playbook, elapsed);
    case 'nothing-to-do':
      return 'Nothing to do: everything was in place';
    case 'failed': {
      const failure = end?.failure;
      if (failure === undefined || failure.step === '') return 'Failed before the first step';
      return `Failed: ${failure.cause?.name ?? failure.step}`;
    }
    case 'interrupted':
      return end?.interruption === undefined
        ? 'Ended: the operator did not agree'
        : `Interrupted by ${end.interruption}`;
    case 'running':
      return 'Still running';
    default:
      return 'Cut off: its client was killed';
  }
}

function describeDone(result: Incident['effect'], label: string, elapsed: number): string {
  const line = describeSuccess({ label, elapsed, steps: [], result: { ...result, out: [] } }).at(-1);
  return line ?? `Done in ${duration(elapsed)}`;
}

type Row = readonly [string, string | Markup];

function causeRows({ end, record, lastStep }: Incident): Row[] {
  if (record.state === 'cut-off')
    return [
      ...(lastStep === undefined ? [] : [['Last step', lastStep.name] as const]),
      ['Reason', 'its client or its host went down; how the calls in progress ended is not known'],
    ];
  const failure = end?.failure;
  if (failure === undefined) return [];
  const groups = [...Map.groupBy(reasonsOf(failure), ({ code, reason }) => `${reason}\0${code}`).values()];
  const [only] = groups;
  if (groups.length !== 1 || only === undefined) return [['Where and why', list(groups.map(describeGroup))]];
  const nodes = nodesOf(only);
  return [...(nodes.length === 0 ? [] : [['Where', names(nodes)] as const]), ['Reason', reasonOf(only)]];
}

function reasonsOf({ cause, reasons }: RunFailure): readonly NodeFailure[] {
  return cause?.reasons ?? reasons;
}

function nodesOf(group: readonly NodeFailure[]): string[] {
  return group.map(({ node }) => node).filter((node) => node !== '');
}

function reasonOf([first]: readonly NodeFailure[]): Markup {
  const { reason = '', code = '' } = first ?? {};
  return html`${cut(reason)}${code === '' ? '' : html` <code>${code}</code>`}`;
}

function describeGroup(group: readonly NodeFailure[]): Markup {
  const nodes = nodesOf(group);
  return nodes.length === 0 ? reasonOf(group) : html`<strong>${names(nodes)}</strong>: ${reasonOf(group)}`;
}

function list(items: readonly Markup[]): Markup {
  const [only] = items;
  if (items.length === 1 && only !== undefined) return only;
  return html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>`;
}

function stateRows({ effect, record: { state, dryRun } }: Incident): Row[] {
  const { out, untouched, changed } = effect;
  const isOver = state === 'done' || state === 'nothing-to-do';
  const left = out.length === 0 ? 'none' : list(describeOut(out).map((line) => html`${line}`));
  if (dryRun) return out.length === 0 ? [] : [['Would leave traffic', left]];
  if (isOver && out.length === 0) return [];
  return [
    ...(changed || out.length > 0 ? [['Out of traffic', left] as const] : []),
    ...(isOver ? [] : [['Untouched', changed ? names(untouched) : 'everything: nothing was changed'] as const]),
  ];
}

function nextRows({ record: { run, state, dryRun }, end, effect }: Incident): Row[] {
  if (dryRun || state === 'running' || state === 'done' || state === 'nothing-to-do') return [];
  const next = end?.next ?? nextCommand({ runId: run }, { changed: effect.changed, command: undefined });
  // What comes first may have colons, too: the reason that keeps the run from continuing.
  const [, what = 'to continue', command = next] = /^(.+?): ((?:mco-deploy|type) .+)$/s.exec(next) ?? [];
  return [[`${what[0]?.toUpperCase() ?? ''}${what.slice(1)}`, html`<pre class="command">${command}</pre>`]];
}
