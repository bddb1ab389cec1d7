/** The properties of a systemd unit, as `systemctl show` prints them: systemctl(1), systemd.unit(5). */

/** The value of a property; empty if it was not printed. */
export type UnitProperties = (name: string) => string;

/** @param shown what `systemctl show` printed: `Name=value`, one a line */
export function readUnitProperties(shown: string): UnitProperties {
  const values = new Map(shown.split('\n').map((line) => [line.split('=', 1)[0] ?? '', line.replace(/^[^=]*=/, '')]));
  return (name) => values.get(name) ?? '';
}

/**
 * Whether a condition of the unit's file, such as ConditionPathExists, kept systemd from its last start. Before the first
 * start, ConditionResult is “no” as well.
 * @param value of ConditionResult and ConditionTimestampMonotonic
 */
export function wasKeptByCondition(value: UnitProperties): boolean {
  return value('ConditionResult') === 'no' && Number(value('ConditionTimestampMonotonic')) > 0;
}
