import { type Agent, type AgentSetup, defineHandlers } from '../../core/agent.ts';
import { defineMutex } from '../../core/waiting/concurrency.ts';
import { Problem } from '../../core/errors.ts';
import type { JournalLine } from '../../core/journal/line.ts';
import type { JournalConfig } from './config.ts';
import { journalDdl } from './ddl.ts';
import { openStore } from './store.ts';

/** Bytes of lines in one reply. */
const mostInReply = 2 * 1024 * 1024;

/** Stores journals of runs: only the run appends lines, and they are never changed. */
export async function startJournal({ config, stateDirectory }: AgentSetup<JournalConfig>): Promise<Agent> {
  const store = await openStore(stateDirectory, config);
  const inTurn = defineMutex();
  return {
    handlers: defineHandlers(journalDdl, {
      append: ({ after, lines, head }, { runId, caller, lease, dryRun }) => {
        if (!/^[0-9a-f]{32}$/.test(runId)) throw new Problem('no-run', 'the request names no run');
        return inTurn(async () => ({
          sequence: await store.append({ run: runId, caller, lease, after, lines, head }, dryRun),
        }));
      },
      list: async ({ limit = 20, prefix = '' }) => {
        const runs = await store.list(prefix, limit);
        return { runs: runs.map(({ run, sequence, bytes, at }) => ({ run, sequence, bytes, at: Math.round(at) })) };
      },
      read: async ({ run, after = 0 }) => {
        const { lines, end } = await store.read(run);
        return { sequence: end.sequence, lines: takeSome(lines.slice(after)) };
      },
    }),
  };
}

/** At least one. */
function takeSome(lines: readonly JournalLine[]): JournalLine[] {
  let bytes = 0;
  const some = lines.findIndex(({ text, signature }) => {
    bytes += Buffer.byteLength(text) + signature.length;
    return bytes > mostInReply;
  });
  return lines.slice(0, some < 0 ? undefined : Math.max(1, some));
}
