import type { RunSeen } from '../../../library/runs/ports.ts';
import type { RunReport } from '../../../playbook/events/events.ts';
import { exitCode } from '../context.ts';
import { exitForProblem } from './problem-exit-codes.ts';

/** What keeps a run from its first call, and is neither a fault of the run nor of a node. */
const beforehand: ReadonlySet<number> = new Set([
  exitCode.nothingDiscovered,
  exitCode.unavailable,
  exitCode.tryLater,
  exitCode.hostFailed,
  exitCode.interrupted,
]);

/** The exit code of a run: a run that failed is never 0, whatever its replies. */
export function exitForRun({ state, failure }: RunReport, { outcomes, leaseLost }: RunSeen): number {
  if (state === 'done' || state === 'nothing-to-do') return exitCode.ok;
  // Nobody interrupted a run that lost its lease.
  if (state === 'interrupted') return leaseLost === true ? exitCode.someFailed : exitCode.interrupted;
  const codes = new Set(failure?.reasons.map(({ code }) => code));
  if (codes.has('empty-set') || codes.has('no-nodes-given')) return exitCode.nothingDiscovered;
  const all = (kind: string) => outcomes.length > 0 && outcomes.every(({ outcome }) => outcome === kind);
  if (all('refused')) return exitCode.allRefused;
  if (all('no-response')) return exitCode.nobodyReplied;
  const silent = codes.size > 0 && [...codes].every((code) => code === 'no-response' || code === 'silent');
  if (silent) return exitCode.someSilent;
  const [code = '', ...others] = codes;
  const isBefore = failure?.step === '' && outcomes.length === 0 && others.length === 0;
  return isBefore && beforehand.has(exitForProblem(code)) ? exitForProblem(code) : exitCode.someFailed;
}
