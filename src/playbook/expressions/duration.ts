const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `10` (seconds), `"500ms"`, `"10s"`, `"2m"`, `"1h"`; undefined for anything else or above a day. */
export function parseDuration(value: number | string): number | undefined {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(String(value)) ?? [];
  const milliseconds = Number(digits) * (units[unit] ?? Number.NaN);
  return milliseconds >= 0 && milliseconds <= 86_400_000 ? milliseconds : undefined;
}
