/** The section of failures: each cause once, with its nodes, and the reply to each try. */
import type { Attempt } from './read/attempts.ts';
import { type Bar, isGood } from './read/bars.ts';
import { type FailureGroup, groupFailures } from './read/failures.ts';
import { drawData } from './data.ts';
import { cut, html, type Markup, names, table } from './html.ts';
import type { Clock } from './times.ts';

export function drawFailures(attempts: readonly Attempt[], clock: Clock): Markup {
  const groups = groupFailures(attempts);
  if (groups.length === 0) return html`<p>None.</p>`;
  const several = attempts.length > 1;
  return html`${groups.map((group) => drawGroup(group, several, clock))}`;
}

function drawGroup(group: FailureGroup, several: boolean, clock: Clock): Markup {
  const { step, recovered, code, reason, nodes, tries, attempt } = group;
  const call = step.title === '' || step.title === step.name ? '' : step.title;
  const state = recovered ? 'passed at a later try' : step.state === 'begun' ? 'not known' : step.state;
  const bad = tries.filter((bar) => !isGood(bar)).length;
  const facts = [
    `${state}${nodes.length === 0 ? '' : ` on ${names(nodes)}`}`,
    ...(nodes.length === 0 || bad === 0 ? [] : [`${bad} ${bad === 1 ? 'try was' : 'tries were'} not good`]),
    ...(several ? [`attempt ${attempt}`] : []),
  ];
  return html`<section class="failure ${recovered || step.state === 'begun' ? 'open' : 'bad'}"><h3>${step.name}${call === '' ? html`` : html` <code>${call}</code>`}</h3>
<p class="facts">${facts.join(' · ')}</p>
<p class="reason">${cut(reason)}${code === '' ? html`` : html` <code>${code}</code>`}</p>
${drawTries(tries, nodes.length === 0, clock)}</section>`;
}

/** @param isEvidence whether the step failed by itself: its nodes replied, and that was the reason */
function drawTries(tries: readonly Bar[], isEvidence: boolean, clock: Clock): Markup {
  if (tries.length === 0) return html``;
  const rows = joinAlike(tries).map(([first, last]) => [
    html`<strong>${first.node}</strong>`,
    range(`${first.try}`, `${last.try}`),
    range(clock.short(first.begin), clock.short(last.begin)),
    html`<span class="result ${isGood(first) ? 'good' : first.outcome === 'unknown' ? 'open' : 'bad'}">${labelOf(first)}</span>`,
    html`${first.message === '' ? html`` : html`<pre>${cut(first.message)}</pre>`}${drawData(first.data)}`,
  ]);
  const list = table(['Node', 'Try', 'At', 'Verdict', 'Its own output'], rows);
  if (rows.length <= mostShown && !isEvidence) return list;
  return html`<details><summary>The replies to ${tries.length} calls</summary>${list}</details>`;
}

/** More rows are folded away. */
const mostShown = 12;

/** Consecutive tries of one node with the same reply are shown as one: the first and the last of them. */
function joinAlike(tries: readonly Bar[]): (readonly [Bar, Bar])[] {
  const joined: [Bar, Bar][] = [];
  for (const bar of tries) {
    const before = joined.at(-1);
    if (before !== undefined && answerOf(before[0]) === answerOf(bar)) before[1] = bar;
    else joined.push([bar, bar]);
  }
  return joined;
}

function answerOf({ node, outcome, code, message, data, rejection }: Bar): string {
  return JSON.stringify([node, outcome, code, message, data, rejection?.code]);
}

function range(from: string, to: string): string {
  return from === to ? from : `${from}\u00a0–\u00a0${to}`;
}

function labelOf({ outcome, code, rejection }: Bar): string {
  if (rejection !== undefined) return `not yet: ${rejection.code}`;
  if (outcome === 'unknown') return 'no reply known';
  return code === '' ? outcome : `${outcome}: ${code}`;
}
