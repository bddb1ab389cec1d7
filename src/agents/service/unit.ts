import { Problem } from '../../core/errors.ts';
import { readUnitProperties, wasKeptByCondition } from '../../core/host/unit-properties.ts';
import type { CommandResult, RunCommand } from '../../core/ports.ts';
import { printableLine } from '../../core/text.ts';
import type { ServiceConfig, UnitAction } from './config.ts';

/** A unit as `systemctl show` returns it. */
export interface UnitState {
  readonly unit: string;
  /** ActiveState: active, reloading, inactive, failed, activating, deactivating, maintenance. */
  readonly state: string;
  /** SubState: running, exited, dead, … */
  readonly detail: string;
  /** UnitFileState: enabled, disabled, static, masked, …; empty for a unit without a file. */
  readonly enabled: string;
  readonly pid: number;
  /** ISO 8601, UTC; empty where it never was in a state. */
  readonly since: string;
  /** Of the present start; another after each. */
  readonly invocation: string;
  /** Result: success, exit-code, timeout, … */
  readonly result: string;
  /** Type: simple, notify, oneshot, …; empty for what is not a service. */
  readonly type: string;
  /** False when a condition of the unit, such as ConditionPathExists, kept systemd from its last start. */
  readonly conditionsHold: boolean;
}

/** What a unit is worked on with. */
export interface Systemd {
  /** @throws Problem `unknown-unit`, `systemd-unreachable` */
  readonly show: (unit: string, signal: AbortSignal) => Promise<UnitState>;
  /** @throws Problem `service-failed` when systemd refuses or the job fails */
  readonly change: (action: UnitAction, unit: string, signal: AbortSignal) => Promise<void>;
  /** The last lines of the unit's journal; empty where the journal can't be read. */
  readonly journal: (unit: string, signal: AbortSignal) => Promise<string>;
}

const properties = [
  'LoadState',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'MainPID',
  'StateChangeTimestamp',
] as const;
const moreProperties = ['InvocationID', 'Result', 'Type', 'ConditionResult', 'ConditionTimestampMonotonic'] as const;

/** Milliseconds for a question; a change may take as long as it is waited for. */
const patience = 15_000;

export function openSystemd({ sudo, wait, journal_lines }: ServiceConfig, run: RunCommand): Systemd {
  // Times in UTC, and words that do not depend on the host's language.
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', TZ: 'UTC', SYSTEMD_COLORS: '0' };
  const ask = (argv: [string, ...string[]], timeout: number, signal: AbortSignal) =>
    run(argv, { timeout, signal, env });
  return {
    async show(unit, signal) {
      const names = [...properties, ...moreProperties].join(',');
      const result = await ask(['systemctl', 'show', '--property', names, '--', unit], patience, signal);
      if (result.code !== 0) throw noSystemd(result);
      return parseShow(unit, result.stdout);
    },
    async change(action, unit, signal) {
      const systemctl = ['systemctl', '--no-ask-password', action, '--', unit] as const;
      const argv: [string, ...string[]] = sudo ? ['sudo', '-n', ...systemctl] : [...systemctl];
      const result = await ask(argv, wait * 1000 + patience, signal);
      if (result.code !== 0) throw refused(action, unit, result);
    },
    async journal(unit, signal) {
      if (journal_lines === 0) return '';
      const words = [
        '--unit',
        unit,
        '--lines',
        String(journal_lines),
        '--no-pager',
        '--output',
        'cat',
        '--quiet',
      ] as const;
      const { code, stdout } = await ask(['journalctl', ...words], patience, signal);
      return code === 0 ? stdout.trimEnd() : '';
    },
  };
}

function parseShow(unit: string, text: string): UnitState {
  const value = readUnitProperties(text);
  if (value('LoadState') === 'not-found') {
    throw new Problem('unknown-unit', `systemd has no unit ${unit} here`, 'check its name with “systemctl list-units”');
  }
  return {
    unit,
    state: value('ActiveState'),
    detail: value('SubState'),
    enabled: value('UnitFileState'),
    pid: Number(value('MainPID')) || 0,
    since: toIso(value('StateChangeTimestamp')),
    invocation: value('InvocationID'),
    result: value('Result'),
    type: value('Type'),
    conditionsHold: !wasKeptByCondition(value),
  };
}

/** systemd prints `Sat 2026-11-28 20:11:05 UTC`. */
function toIso(text: string): string {
  const [, day, time] = /^\w+ (\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2}) UTC$/.exec(text) ?? [];
  return day === undefined ? '' : `${day}T${time}Z`;
}

function noSystemd({ stderr, ended }: CommandResult): Problem {
  const why = ended ?? printableLine(stderr.trim().split('\n')[0] ?? '');
  return new Problem(
    'systemd-unreachable',
    `systemd can't be queried: ${why}`,
    'the service agent needs systemd on the host',
  );
}

function refused(action: string, unit: string, { stderr, ended, code }: CommandResult): Problem {
  const [first = ''] = stderr.trim().split('\n');
  const why = first === '' ? (ended ?? `exit code ${code}`) : printableLine(first);
  const denied = /access denied|authentication (is )?required|a password is required/i.test(stderr);
  const hint = denied ? 'allow it in polkit or sudoers: docs/services.md' : '';
  return new Problem('service-failed', `systemctl ${action} ${unit} failed: ${why}`, hint);
}
