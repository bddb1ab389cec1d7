/** The timeline as a drawing: a row for the steps, and one for each node. */
import { html, type Markup } from './html.ts';
import { type Bar, callsTogether, type StepSpan, type Timeline } from './timeline.ts';

const left = 220;
const width = 900;
const row = 18;
const labels = 14;

export function drawTimeline(timeline: Timeline): Markup {
  const { nodes, steps, begin, end } = timeline;
  const scale = width / Math.max(1, end - begin);
  const x = (at: number) => round(left + (at - begin) * scale);
  const lengthOf = (from: number, to: number) => Math.max(2, round((to - from) * scale));
  const top = labels + steps.length * row + row;
  const height = top + nodes.length * row + 4;
  const step = (span: StepSpan, index: number) => {
    const y = labels + index * row;
    return html`<text x="${left - 6}" y="${y + 12}" class="label">${shorten(span.step)}</text>
<rect x="${x(span.begin)}" y="${y + 3}" width="${lengthOf(span.begin, span.end)}" height="${row - 6}" class="step ${classOf(span.state)}"><title>${tellStep(span, begin)}</title></rect>`;
  };
  const bar = (one: Bar) => {
    const y = top + nodes.indexOf(one.node) * row;
    return html`<rect x="${x(one.begin)}" y="${y + 3}" width="${lengthOf(one.begin, one.end)}" height="${row - 6}" class="call ${classOf(one.outcome)}"><title>${tellBar(one, begin)}</title></rect>`;
  };
  const wait = ({ node, end: from }: Bar, { node: slow, end: to }: Bar) => {
    const y = top + nodes.indexOf(node) * row;
    return html`<rect x="${x(from)}" y="${y + 7}" width="${lengthOf(from, to)}" height="4" class="wait"><title>${`${node} waited ${seconds(to - from)} for ${slow}`}</title></rect>`;
  };
  const waits = steps.flatMap(({ bars }) =>
    callsTogether(bars).flatMap(([last, ...others]) =>
      last === undefined ? [] : others.filter(({ end: from }) => from < last.end).map((one) => wait(one, last)),
    ),
  );
  const node = (name: string, index: number) => {
    const y = top + index * row;
    return html`<line x1="${left}" x2="${left + width}" y1="${y}" y2="${y}" class="rule"/>
<text x="${left - 6}" y="${y + 12}" class="label">${shorten(name)}</text>`;
  };
  return html`<svg viewBox="0 0 ${left + width + 4} ${height}" width="${left + width + 4}" height="${height}" role="img" aria-label="Timeline">
<text x="${left}" y="10">0 s</text><text x="${left + width}" y="10" class="label">${seconds(end - begin)}</text>
${steps.map(step)}
${nodes.map(node)}
${waits}
${steps.flatMap(({ bars }) => bars).map(bar)}
</svg>`;
}

export function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** A fixed set of words: what a journal says is never a class by itself. */
export function classOf(state: string): 'good' | 'bad' | 'open' {
  if (state === 'ok' || state === 'done') return 'good';
  return state === 'begun' || state === 'unknown' || state === 'interrupted' || state === 'cancelled' ? 'open' : 'bad';
}

function tellStep({ step, state, begin, end, waitedFor, slowest }: StepSpan, start: number): string {
  const after = waitedFor === '' ? '' : `, after ${waitedFor}`;
  const lag = slowest === undefined ? '' : `; the others waited ${seconds(slowest.lag)} for ${slowest.node}`;
  return `${step}: ${state}, began at ${seconds(begin - start)}${after}, took ${seconds(end - begin)}${lag}`;
}

function tellBar({ node, step, agent, action, outcome, code, begin, end, try: number }: Bar, start: number): string {
  const why = code === '' ? '' : ` (${code})`;
  return `${node}: ${step}, ${agent}.${action}, try ${number}: ${outcome}${why}, began at ${seconds(begin - start)}, took ${seconds(end - begin)}`;
}

function shorten(text: string): string {
  return text.length > 34 ? `${text.slice(0, 33)}…` : text;
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}
