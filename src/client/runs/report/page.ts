/**
 * A run as one page of HTML that needs nothing else: no script, no font, no picture from anywhere. What nodes said is hostile
 * until it is escaped, and the page's own policy forbids whatever should get through.
 */
import { createHash } from 'node:crypto';
import type { NodeFailure } from '../../../playbook/events/events.ts';
import { formatInputs, type RunRecord } from '../record.ts';
import { classOf, drawTimeline, seconds } from './chart.ts';
import { html, type Markup } from './html.ts';
import { style } from './style.ts';
import type { Bar, StepSpan, Timeline } from './timeline.ts';

const longest = 4000;
const mostRows = 5000;

export function renderPage(record: RunRecord, timeline: Timeline): string {
  const { run, playbook, operator, state, inputs, began, last, dryRun } = record;
  const bars = timeline.steps.flatMap((step) => step.bars);
  const failed = bars.filter(({ outcome, code }) => outcome !== 'ok' || code !== '');
  const steps = timeline.steps.filter((step) => step.failed.length > 0);
  const vouched = bars.filter(({ auditHead }) => auditHead !== '');
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<title>${playbook}: run ${run}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<h1>${playbook} <span class="${classOf(state === 'nothing-to-do' ? 'done' : state)}">${state}</span></h1>
<dl>
<dt>Run</dt><dd id="run">${run}</dd>
<dt>Operator</dt><dd>${operator}${dryRun ? ' (a dry run: nothing was changed)' : ''}</dd>
<dt>Inputs</dt><dd>${formatInputs(inputs)}</dd>
<dt>Began</dt><dd>${new Date(began).toISOString()}</dd>
<dt>Took</dt><dd>${seconds(last - began)}</dd>
</dl>
<h2>Timeline</h2>
${drawTimeline(timeline)}
<h2>Steps</h2>
${table(
  ['Step', 'Ended', 'Began', 'Took', 'Nodes', 'Waited for', 'Slowest node'],
  timeline.steps.map((step) => stepRow(step, timeline.begin)),
)}
<h2>Failures</h2>
${steps.length + failed.length === 0 ? html`<p>None.</p>` : html``}
${steps.map(stepFailure)}
${failed.slice(0, mostRows).map(failure)}
${more(failed)}
<h2>Audit records</h2>
<p>Every node keeps its own record of these calls. <code>mco-deploy audit trace ${run}</code> gathers and checks them.</p>
${table(['Step', 'Node', 'Action', 'Request', 'End of the node’s log'], vouched.slice(0, mostRows).map(auditRow))}
${more(vouched)}
</body>
</html>
`;
  return page.markup;
}

function table(heads: readonly string[], rows: readonly (readonly (string | Markup)[])[]): Markup {
  return html`<table>
<thead><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr></thead>
<tbody>${rows.map((cells) => html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
</table>`;
}

function stepRow({ step, state, begin, end, waitedFor, slowest, bars }: StepSpan, start: number): (string | Markup)[] {
  const nodes = new Map(bars.map((bar) => [bar.node, bar.outcome]));
  const good = [...nodes.values()].filter((outcome) => outcome === 'ok').length;
  return [
    step,
    html`<span class="${classOf(state)}">${state}</span>`,
    seconds(begin - start),
    seconds(end - begin),
    nodes.size === 0 ? '' : `${good} of ${nodes.size}`,
    waitedFor,
    slowest === undefined ? '' : `${slowest.node} (${seconds(slowest.lag)} after the others)`,
  ];
}

/** Why a step failed, with what its nodes answered, where the answer itself was the reason. */
function stepFailure({ step, state, failed, bars }: StepSpan): Markup {
  const outputOf = (node: string) => bars.findLast((bar) => bar.node === node && bar.outcome === 'ok')?.data;
  const reason = ({ node, code, reason: why }: NodeFailure) =>
    html`<p>${node === '' ? '' : `${node}: `}${cut(why)} (${code})</p>${output(outputOf(node))}`;
  return html`<section class="failure"><h3>${step}: ${state}</h3>
${failed.slice(0, mostRows).map(reason)}</section>`;
}

function output(data: unknown): Markup {
  const text = JSON.stringify(data ?? {}, null, 2);
  return text === '{}' ? html`` : html`<pre>${cut(text)}</pre>`;
}

function failure({ node, step, agent, action, outcome, code, message, data, try: number }: Bar): Markup {
  const what = `${node}: ${step}, ${agent}.${action}, try ${number}: ${outcome}${code === '' ? '' : ` (${code})`}`;
  return html`<section class="failure"><h3>${what}</h3>
<pre>${cut(message === '' ? 'It said nothing.' : message)}</pre>
${output(data)}</section>`;
}

function auditRow({ step, node, agent, action, requestId, auditHead }: Bar): (string | Markup)[] {
  return [step, node, `${agent}.${action}`, html`<code>${requestId}</code>`, html`<code>${auditHead}</code>`];
}

/** What is left out is said. */
function more({ length }: readonly Bar[]): Markup {
  return length > mostRows ? html`<p>And ${length - mostRows} more.</p>` : html``;
}

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
