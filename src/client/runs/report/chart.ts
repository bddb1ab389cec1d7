/**
 * The timeline of an attempt as a drawing: rows for its batches, its steps and its nodes. Positions are percentages, so
 * that text keeps its size on a phone; they are attributes of SVG, because the page's policy forbids styles in
 * attributes.
 */
import type { Attempt } from './read/attempts.ts';
import { type Band, findBands } from './read/bands.ts';
import { type Bar, isGood } from './read/bars.ts';
import { html, type Markup, mostRows } from './html.ts';
import { findTicks } from './ticks.ts';
import { callsTogether, type StepSpan } from './read/timeline.ts';
import { duration } from '../../render/times.ts';
import type { Clock } from './times.ts';

/** Steps shorter than this, in milliseconds, are not drawn. */
const shortest = 50;

/** The position of a moment in a row, and the background of every row. */
interface Scale {
  readonly begin: number;
  readonly x: (at: number) => string;
  readonly width: (from: number, to: number) => string;
  readonly ground: Markup;
}

/** The steps that get a row: those that took time on nodes, and failed ones. */
export function drawnSteps({ steps }: Pick<Attempt, 'steps'>): readonly StepSpan[] {
  const withNodes = steps.filter(({ bars }) => bars.length > 0);
  const long = withNodes.filter(({ begin, end }) => end - begin >= shortest);
  const chosen = new Set(long.length === 0 ? withNodes : long);
  return steps.filter((step) => chosen.has(step) || (classOf(step.state) !== 'good' && step.kind !== 'rolling'));
}

export function drawTimeline(attempt: Attempt, clock: Clock): Markup {
  const bands = findBands(attempt);
  const scale = scaleOf(attempt, bands);
  const bars = attempt.steps.flatMap((step) => step.bars);
  const byNode = Map.groupBy(bars, ({ node }) => node);
  const waits = Map.groupBy(attempt.steps.flatMap(waitsOf), ({ node }) => node);
  const nodes = attempt.nodes.slice(0, mostRows);
  return html`<div class="chart" role="img" aria-label="Timeline of ${duration(attempt.end - attempt.begin)}">
${drawAxis(attempt, clock)}
${
  bands.length === 0
    ? html``
    : drawRow(
        'Batches',
        scale,
        bands.map((band) => drawBand(band, scale)),
        'batches',
      )
}
<p class="rows">Steps</p>
${drawnSteps(attempt).map((step) => drawRow(step.name, scale, [drawStep(step, scale)]))}
<p class="rows">Nodes</p>
${nodes.map((node) =>
  drawRow(node, scale, [
    ...(waits.get(node) ?? []).map((wait) => drawWait(wait, scale)),
    ...(byNode.get(node) ?? []).map((bar) => drawBar(bar, scale)),
  ]),
)}
</div>`;
}

function scaleOf({ begin, end }: Attempt, bands: readonly Band[]): Scale {
  const percent = (milliseconds: number) => `${Math.round((milliseconds / Math.max(1, end - begin)) * 1e4) / 100}%`;
  const x = (at: number) => percent(at - begin);
  const width = (from: number, to: number) => percent(Math.max(0, to - from));
  const lines = findTicks(end - begin).map(
    ({ at }) => html`<line x1="${percent(at)}" x2="${percent(at)}" y1="0" y2="100%"/>`,
  );
  const shades = bands.map(
    (band, index) =>
      html`<rect x="${x(band.begin)}" width="${width(band.begin, band.end)}" y="0" height="100%" class="band ${index % 2 === 0 ? 'odd' : 'even'}"/>`,
  );
  return { begin, x, width, ground: html`${[...shades, ...lines]}` };
}

function drawRow(name: string, { ground }: Scale, marks: readonly Markup[], kind = ''): Markup {
  return html`<div class="row ${kind}"><span class="name" title="${name}">${name}</span><svg height="22">${ground}${marks}</svg></div>`;
}

function drawAxis({ begin, end }: Attempt, clock: Clock): Markup {
  const whole = end - begin;
  const ticks = findTicks(whole).map(({ at, text }) => {
    const position = at === 0 ? 'first' : at > whole * 0.94 ? 'last' : 'middle';
    return html`<text x="${`${Math.round((at / Math.max(1, whole)) * 1e4) / 100}%`}" y="15" class="${position}">${text}</text>`;
  });
  return html`<div class="row axis"><span class="name">from ${clock.short(begin)}</span><svg height="22">${ticks}</svg></div>`;
}

function drawBand({ title, number, begin, end, nodes }: Band, { x, width, begin: start }: Scale): Markup {
  const middle = x((begin + end) / 2);
  const label = `${title}: ${nodes.length === 0 ? '' : `${nodes.join(', ')}; `}from ${duration(begin - start)}, took ${duration(end - begin)}`;
  return html`<g><rect x="${x(begin)}" width="${width(begin, end)}" y="2" height="18" class="batch"/><text x="${middle}" y="15" class="middle">${number}</text><title>${label}</title></g>`;
}

function drawStep(step: StepSpan, { x, width, begin }: Scale): Markup {
  return html`<rect x="${x(step.begin)}" width="${width(step.begin, step.end)}" y="4" height="14" rx="2" class="step ${classOf(step.state)}"><title>${describeStep(step, begin)}</title></rect>`;
}

function drawBar(bar: Bar, { x, width, begin }: Scale): Markup {
  return html`<rect x="${x(bar.begin)}" width="${width(bar.begin, bar.end)}" y="4" height="14" rx="2" class="call ${barStyle(bar)}"><title>${describeBar(bar, begin)}</title></rect>`;
}

interface Wait {
  readonly node: string;
  readonly slow: string;
  readonly from: number;
  readonly to: number;
}

function waitsOf({ bars }: StepSpan): Wait[] {
  return callsTogether(bars).flatMap(([last, ...others]) =>
    last === undefined
      ? []
      : others
          .filter(({ end }) => end < last.end)
          .map(({ node, end }) => ({ node, slow: last.node, from: end, to: last.end })),
  );
}

function drawWait({ node, slow, from, to }: Wait, { x, width }: Scale): Markup {
  return html`<rect x="${x(from)}" width="${width(from, to)}" y="10" height="2" class="wait"><title>${`${node} waited ${duration(to - from)} for ${slow}`}</title></rect>`;
}

/** A fixed set of words: text of a journal never becomes a class. */
export function classOf(state: string): 'good' | 'bad' | 'open' {
  if (state === 'ok' || state === 'done') return 'good';
  return state === 'begun' || state === 'unknown' || state === 'interrupted' || state === 'cancelled' ? 'open' : 'bad';
}

function barStyle(bar: Bar): 'good' | 'bad' | 'open' {
  return isGood(bar) ? 'good' : bar.outcome === 'ok' ? 'bad' : classOf(bar.outcome);
}

function describeStep({ step, state, begin, end, waitedFor, slowest }: StepSpan, start: number): string {
  const after = waitedFor === '' ? '' : `, after ${waitedFor}`;
  const lag = slowest === undefined ? '' : `; the others waited ${duration(slowest.lag)} for ${slowest.node}`;
  return `${step}: ${state}, began at ${duration(begin - start)}${after}, took ${duration(end - begin)}${lag}`;
}

function describeBar(
  { node, step, agent, action, outcome, code, rejection, begin, end, try: number }: Bar,
  start: number,
): string {
  const why = rejection?.code ?? code;
  return `${node}: ${step}, ${agent}.${action}, try ${number}: ${outcome}${why === '' ? '' : ` (${why})`}, began at ${duration(begin - start)}, took ${duration(end - begin)}`;
}
