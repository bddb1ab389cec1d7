import type { Sample } from './text.ts';

/** How long something took, by the upper bounds of its buckets in seconds. */
export interface Histogram {
  readonly observe: (seconds: number) => void;
  readonly samples: (labels: Readonly<Record<string, string>>) => Sample[];
}

/** From the duration of a fact to that of a slow upgrade. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

export function startHistogram(): Histogram {
  const counts = bounds.map(() => 0);
  let [sum, total] = [0, 0];
  return {
    observe: (seconds) => {
      sum += seconds;
      total++;
      // Each bucket includes the ones below it.
      for (const [index, bound] of bounds.entries()) if (seconds <= bound) counts[index] = (counts[index] ?? 0) + 1;
    },
    samples: (labels) => [
      ...bounds.map((bound, index) => bucket(labels, String(bound), counts[index] ?? 0)),
      bucket(labels, '+Inf', total),
      { suffix: '_sum', labels, value: sum },
      { suffix: '_count', labels, value: total },
    ],
  };
}

function bucket(labels: Readonly<Record<string, string>>, le: string, value: number): Sample {
  return { suffix: '_bucket', labels: { ...labels, le }, value };
}
