import { readFile } from 'node:fs/promises';
import { readUnitProperties } from '../../../core/host/unit-properties.ts';
import type { RunCommand } from '../../../core/ports.ts';
import type { Application } from '../application.ts';
import type { Argv } from '../config.ts';
import { path } from './command.ts';
import { firstLine } from '../first-line.ts';

/** The number of journal lines that are shown. */
const mostLines = 5;
/** Milliseconds for each query. */
const patience = 3000;

/**
 * The report of an application's service when a release does not start: its state, and the last lines of its unit's
 * journal. Empty if no service is configured; never throws.
 */
export async function reportService({ config: { service }, run }: Application): Promise<readonly string[]> {
  if (service?.unit !== undefined) return reportUnit(service.unit, run);
  return service?.pid_file === undefined ? [] : [await reportProcess(service.pid_file)];
}

async function reportUnit(unit: string, run: RunCommand): Promise<readonly string[]> {
  const [state, journal] = await Promise.all([
    ask(run, ['systemctl', 'show', '--property=ActiveState,SubState,Result', '--', unit]),
    ask(run, ['journalctl', '--no-pager', '--quiet', '--output=cat', `--lines=${mostLines}`, `--unit=${unit}`]),
  ]);
  const value = readUnitProperties(state);
  const [active, result] = [value('ActiveState'), value('Result')];
  const words =
    active === ''
      ? `the state of ${unit} cannot be read`
      : `${unit} is ${active} (${value('SubState')}${result === 'success' ? '' : `, result ${result}`})`;
  const lines = journal
    .split('\n')
    .map(firstLine)
    .filter((line) => line !== '');
  const none = `no line of its journal can be read: is the daemon's user in the group systemd-journal?`;
  return [words, ...(lines.length === 0 ? [none] : lines.slice(-mostLines).map((line) => `| ${line}`))];
}

/** An empty text where there is no answer. */
async function ask(run: RunCommand, argv: Argv): Promise<string> {
  const { code, stdout } = await run(argv, { timeout: patience, limit: 16 * 1024, env: { PATH: path, LC_ALL: 'C' } });
  return code === 0 ? stdout : '';
}

async function reportProcess(file: string): Promise<string> {
  const pid = (await readFile(file, 'latin1').catch(() => '')).slice(0, 64).trim();
  if (!/^[1-9][0-9]{0,9}$/.test(pid)) return `${file} names no process`;
  const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined);
  return command === undefined ? `process ${pid} of ${file} is gone` : `process ${pid} (${firstLine(command)}) runs`;
}
