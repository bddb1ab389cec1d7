export function statistics(values: readonly number[]): { max: number; min: number; average: number } {
  const sum = values.reduce((total, value) => total + value, 0);
  return { max: Math.max(...values), min: Math.min(...values), average: sum / values.length };
}

const bars = '▁▂▃▄▅▆▇█';

/** One bar a value, from the least to the greatest. */
export function sparkline(values: readonly number[]): string {
  const { max, min } = statistics(values);
  const span = max - min || 1;
  return values.map((value) => bars[Math.round(((value - min) / span) * (bars.length - 1))]).join('');
}
