/** The states of a monitoring plugin, by its exit code (Monitoring Plugins Development Guidelines). */
export const checkStates = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const;
export type CheckState = (typeof checkStates)[number];

/** @param code from elsewhere: an unknown code is UNKNOWN */
export function checkStateOf(code: unknown): CheckState {
  return (typeof code === 'number' ? checkStates[code] : undefined) ?? 'UNKNOWN';
}
