/** The sections of the attempts: each with its timeline, and with all its steps below. */
import { count } from '../../../core/text.ts';
import type { Attempt } from './read/attempts.ts';
import type { StepSpan } from './read/timeline.ts';
import { classOf, drawnSteps, drawTimeline } from './chart.ts';
import { html, type Markup, table } from './html.ts';
import { duration } from '../../render/times.ts';
import type { Clock } from './times.ts';

/** @param state that of the run: of the last attempt if its end was not recorded */
export function drawAttempt(attempt: Attempt, of: number, state: string, clock: Clock): Markup {
  const { number, operator, begin, end, finished } = attempt;
  const ended = finished?.state ?? (number === of ? state : 'cut-off');
  const head =
    of === 1
      ? html``
      : html`<h3>Attempt ${number}: <span class="result ${classOf(ended === 'nothing-to-do' ? 'done' : ended)}">${ended}</span></h3>
<p class="facts">${clock.both(begin)} · took ${duration(end - begin)} · by ${operator}</p>`;
  return html`<section class="attempt">${head}
${attempt.nodes.length === 0 ? html`<p>No node was called.</p>` : drawTimeline(attempt, clock)}
${drawSteps(attempt)}</section>`;
}

function drawSteps(attempt: Attempt): Markup {
  const { steps, begin } = attempt;
  if (steps.length === 0) return html``;
  const hidden = steps.length - drawnSteps(attempt).length;
  const summary =
    hidden === 0
      ? `All ${count(steps.length, 'step')} with their times`
      : `All ${count(steps.length, 'step')}, with ${hidden} that took less than 50 ms or called no node`;
  const heads = ['Step', 'Result', 'Began', 'Took', 'Nodes', 'Waited for', 'Slowest node'];
  return html`<details class="steps"><summary>${summary}</summary>
${table(
  heads,
  steps.map((step) => stepRow(step, begin)),
)}</details>`;
}

function stepRow(
  { step, name, title, state, begin, end, waitedFor, slowest, bars }: StepSpan,
  start: number,
): (string | Markup)[] {
  const nodes = new Map(bars.map((bar) => [bar.node, bar.rejection === undefined && bar.outcome === 'ok']));
  const good = [...nodes.values()].filter(Boolean).length;
  return [
    html`${name}${name === step ? html`` : html` <span class="muted">${step}</span>`}${title === '' ? html`` : html` <code>${title}</code>`}`,
    html`<span class="result ${classOf(state)}">${state === 'begun' ? 'not finished' : state}</span>`,
    `+${duration(begin - start)}`,
    duration(end - begin),
    nodes.size === 0 ? '' : `${good} of ${nodes.size}`,
    waitedFor,
    slowest === undefined ? '' : `${slowest.node} (${duration(slowest.lag)} after the others)`,
  ];
}
