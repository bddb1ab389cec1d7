/** The result of each node: its release before and after, its traffic, its outcome. */
import { notifier } from '../../../playbook/call/notifier.ts';
import { groupFailures } from './read/failures.ts';
import { html, type Markup, table } from './html.ts';
import type { Incident } from './read/incident.ts';
import type { Bar } from './read/bars.ts';
import { byName } from './read/timeline.ts';

/** A cell that a narrow screen hides. */
const nothing = html`<span class="nothing">–</span>`;

type Result = readonly [text: string, mood: 'good' | 'bad' | 'open' | 'none'];

export function drawNodes(incident: Incident): Markup {
  const bars = barsOf(incident);
  const all = [...new Set([...bars.map(({ node }) => node), ...incident.effect.untouched])].sort(byName);
  const results = new Map(all.map((node) => [node, resultOf(node, incident, bars)]));
  const order = { bad: 0, open: 1, good: 2, none: 3 } as const;
  const rank = (node: string) => order[results.get(node)?.[1] ?? 'none'];
  const rows = all
    .toSorted((a, b) => rank(a) - rank(b))
    .map((node) => {
      const [text, mood] = results.get(node) ?? ['', 'none'];
      const { before, after } = releasesOf(node, incident);
      const traffic = trafficOf(node, incident, bars);
      return [
        html`<strong>${node}</strong>`,
        before,
        after,
        traffic,
        html`<span class="result ${mood}">${text}</span>`,
      ];
    });
  if (rows.length === 0) return html`<p>No node was called.</p>`;
  return table(['Node', 'Before', 'After', 'In traffic', 'Result'], rows);
}

function barsOf({ attempts }: Incident): Bar[] {
  return attempts.flatMap(({ steps }) => steps.flatMap(({ bars }) => bars));
}

function releasesOf(node: string, { effect, record }: Incident) {
  const change = effect.changes.find((one) => one.node === node);
  const before = change?.before || effect.revisions.get(node) || nothing;
  const isSame = change === undefined && !effect.touched.has(node);
  return { before, after: change?.after ?? (isSame && !record.dryRun ? before : nothing) };
}

/** As the run left it; a load balancer and a node without traffic have none. */
function trafficOf(node: string, { effect, record }: Incident, bars: readonly Bar[]): string | Markup {
  const names = [node, node.split('.')[0]];
  const out = effect.out.filter(({ server }) => names.includes(server));
  if (out.length > 0) {
    const where = out.map(({ backend, balancers }) => `out of ${backend} on ${balancers.join(', ')}`).join('; ');
    return html`<span class="result bad">${record.dryRun ? 'would be' : 'NO:'} ${where}</span>`;
  }
  const wasOut = bars.some(({ agent, action, dryRun, outcome, data }) => {
    if (agent !== 'haproxy' || action !== 'disable' || dryRun || outcome !== 'ok') return false;
    const { changed, unchanged } = data as { changed?: unknown; unchanged?: unknown };
    return [changed, unchanged].flat().some((server) => names.includes(String(server)));
  });
  if (wasOut) return 'yes, back in';
  return effect.revisions.has(node) ? 'not taken out' : nothing;
}

function resultOf(node: string, { attempts, effect, record }: Incident, bars: readonly Bar[]): Result {
  const last = attempts.at(-1);
  const failed = last === undefined ? [] : groupFailures([last]).filter(({ nodes }) => nodes.includes(node));
  const bad = failed.find(({ recovered }) => !recovered);
  const own = bars.filter((bar) => bar.node === node);
  if (bad !== undefined && own.at(-1)?.outcome === 'unknown')
    return ['not known: the run ended before it replied', 'open'];
  if (bad !== undefined) return [`failed at “${bad.step.name}”`, 'bad'];
  if (effect.untouched.includes(node)) return ['untouched', 'none'];
  const change = effect.changes.find((one) => one.node === node);
  if (record.dryRun) return ['only asked', 'none'];
  if (change !== undefined) return [change.before === change.after ? 'was there already' : 'changed', 'good'];
  if (!effect.touched.has(node))
    return [own.some(({ agent }) => agent === notifier) ? 'notified' : 'only read', 'none'];
  return ['done', 'good'];
}
