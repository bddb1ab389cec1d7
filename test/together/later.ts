/**
 * Test files of the folders of npm test that test:full runs instead, by path below test/: the gate runs both. They are about
 * what seldom breaks by itself (rare faults, terminals, other programs) and take long.
 */
export const later: ReadonlySet<string> = new Set([
  'lab/orchestrate.test.ts',
  'lab/resume-faults.test.ts',
  'lab/rollback.test.ts',
  'process/angelia/angelia-crash.test.ts',
  'process/appmgr/appmgr-archives.test.ts',
  'process/audit/ship-https.test.ts',
  'process/ca/ca-prompt.test.ts',
  'process/ca/root-changes.test.ts',
  'process/client/bad-input.test.ts',
  'process/client/live-view.test.ts',
  'process/client/lost-output.test.ts',
  'process/client/run-report.test.ts',
  'process/daemon/daemon-killed.test.ts',
  'process/daemon/stuck-output.test.ts',
  'process/haproxy/agent-check.test.ts',
  'protocol/agents/external-agents.test.ts',
  'protocol/certificates/rollover.test.ts',
  'protocol/daemon/reload-faults.test.ts',
  'protocol/discovery/multicast.test.ts',
  'protocol/publish/transfers.test.ts',
  'protocol/runs/take-over.test.ts',
]);

/** @returns whether a file (below test/) runs for these parts; of a folder that is named by itself, all files do */
export function chosenBy(asked: readonly string[]): (file: string) => boolean {
  if (asked.includes('all')) return (file) => !later.has(file);
  if (asked.includes('full')) return (file) => later.has(file) || file.startsWith('full/');
  return () => true;
}
