/** The batches of an attempt as intervals. */
import type { StepSpan, Timeline } from './timeline.ts';

export interface Band {
  /** `Batch 2 of “Upgrade”` */
  readonly title: string;
  /** The number of the batch, from 1. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly begin: number;
  readonly end: number;
  readonly nodes: readonly string[];
}

/** The rounds of steps that go through nodes in batches; else the batches of calls with several. */
export function findBands({ steps }: Timeline): Band[] {
  const rounds = roundsOf(steps);
  return (rounds.length > 1 ? rounds : batchesOf(steps)).sort((a, b) => a.begin - b.begin);
}

function roundsOf(steps: readonly StepSpan[]): Band[] {
  const groups = Map.groupBy(steps, ({ step }) => /^([^[]+)\[(\d+)\]/.exec(step)?.[0] ?? '');
  return [...groups].flatMap(([round, some]) => {
    const [, group = '', number = ''] = /^(.+)\[(\d+)\]$/.exec(round) ?? [];
    if (group === '') return [];
    const name = steps.find(({ step }) => step === group)?.name ?? group;
    return [bandOf(Number(number), name, some)];
  });
}

function batchesOf(steps: readonly StepSpan[]): Band[] {
  return steps.flatMap(({ name, bars }) => {
    const batches = [...Map.groupBy(bars, ({ batch }) => batch)];
    return batches.length < 2 ? [] : batches.map(([number, some]) => bandOf(number, name, some, some));
  });
}

type Span = Pick<StepSpan, 'begin' | 'end'>;

function bandOf(number: number, name: string, spans: readonly Span[], bars?: StepSpan['bars']): Band {
  const calls = bars ?? (spans as readonly StepSpan[]).flatMap((span) => span.bars);
  return {
    title: `Batch ${number} of “${name}”`,
    number,
    begin: Math.min(...spans.map(({ begin }) => begin)),
    end: Math.max(...spans.map(({ end }) => end)),
    nodes: [...new Set(calls.map(({ node }) => node))],
  };
}
