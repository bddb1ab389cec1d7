/**
 * A run as one self-contained page of HTML: no script, no font, no picture from anywhere. Text from nodes is hostile
 * until it is escaped, and the page's own policy blocks anything that should get through.
 */
import { createHash } from 'node:crypto';
import { formatInputs } from '../record.ts';
import { drawAttempt } from './attempt-section.ts';
import { drawBanner } from './banner.ts';
import { drawFailures } from './failure-groups.ts';
import { html, type Markup, mostRows, table } from './html.ts';
import { drawNodes } from './nodes.ts';
import type { Incident } from './read/incident.ts';
import type { Bar } from './read/bars.ts';
import { style } from './style.ts';
import { duration } from '../../render/times.ts';
import { type Clock, defineClock } from './times.ts';

export function renderPage(incident: Incident, clock: Clock = defineClock()): string {
  const { record, attempts } = incident;
  const policy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'`;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${record.playbook}: run ${record.run}</title>
<style>${{ markup: style }}</style>
</head>
<body>
<main>
${drawBanner(incident)}
${drawMeta(incident, clock)}
<h2>Nodes</h2>
${drawNodes(incident)}
<h2>Failures</h2>
${drawFailures(attempts, clock)}
<h2>Timeline</h2>
${attempts.map((attempt) => drawAttempt(attempt, attempts.length, record.state, clock))}
${drawAudit(incident)}
</main>
</body>
</html>
`;
  return page.markup;
}

function drawMeta({ record, attempts, elapsed }: Incident, clock: Clock): Markup {
  const { inputs, began, last } = record;
  const rows: (readonly [string, string | Markup])[] = [
    ['Began', clock.both(began)],
    ['Ended', record.state === 'running' ? 'not yet' : clock.both(last)],
    ['Took', duration(elapsed)],
    ...(attempts.length > 1 ? [['Attempts', String(attempts.length)] as const] : []),
    ['Inputs', formatInputs(inputs) || 'none'],
  ];
  return html`<dl class="meta">${rows.map(([title, value]) => html`<div><dt>${title}</dt><dd>${value}</dd></div>`)}</dl>`;
}

/** The evidence behind the page, at its end: for readers who check it. */
function drawAudit({ record: { run }, attempts }: Incident): Markup {
  const vouched = attempts.flatMap(({ steps }) => steps.flatMap(({ bars }) => bars)).filter(hasHead);
  return html`<h2>Audit records</h2>
<p>Each node keeps its own record of these calls. <code>mco-deploy audit trace ${run}</code> gathers and checks them.</p>
<details><summary>${vouched.length} calls of which a node has signed its record</summary>
${table(['Step', 'Node', 'Action', 'Request', 'End of the node’s log'], vouched.slice(0, mostRows).map(auditRow))}</details>`;
}

function hasHead({ auditHead }: Bar): boolean {
  return auditHead !== '';
}

function auditRow({ step, node, agent, action, requestId, auditHead }: Bar): (string | Markup)[] {
  return [step, node, `${agent}.${action}`, html`<code>${requestId}</code>`, html`<code>${auditHead}</code>`];
}
