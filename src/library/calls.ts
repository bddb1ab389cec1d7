import type { Ddl } from '../core/ddl/ddl.ts';
import type { JsonObject } from '../core/json.ts';
import type { Outcome } from '../core/request/reply.ts';
import type { CallOptions, Feed, Replies, Reply } from './api.ts';
import { cancelledBy, orCancelled } from './cancelled.ts';
import { startFeed } from './feed.ts';
import { cutBatches } from './fleet/batches.ts';
import { type Plan, callAgent } from './fleet/call-agent.ts';
import { checkInput, requireAction, findDdl } from './fleet/agents.ts';
import type { Session } from './fleet/session.ts';
import { missingOf } from './found.ts';
import { targetsOf } from './targets.ts';

type Data = Readonly<Record<string, unknown>>;

/** A call of an action, as a program gives it. */
export interface LibraryCall {
  readonly agent: string;
  readonly action: string;
  readonly input: Data;
  readonly options: CallOptions;
}

/** Begins a call. @param signal ends it, in addition to the session's own */
export function startCall(
  { agent, action, input, options }: LibraryCall,
  session: Session,
  catalogue: readonly Ddl[],
  signal: AbortSignal,
): Feed<Reply, Replies<Data>> {
  return startFeed(async (emit) => {
    const { dryRun = false, batch, pause = 0, on = {} } = options;
    const plan = (ddl: Ddl): Plan => {
      const description = requireAction(ddl, action, dryRun);
      const checked = structuredClone(input) as JsonObject;
      checkInput(ddl, action, description, checked);
      return { agent: ddl.name, action, description, input: checked, dryRun };
    };
    const known = findDdl(catalogue, agent);
    const batching = { batch: batch === undefined ? undefined : String(batch), pause };
    cutBatches([], batching.batch);
    const { findings, outcomes } = await orCancelled(signal, () =>
      callAgent(
        {
          agent,
          planned: known === undefined ? undefined : plan(known),
          plan,
          targets: targetsOf(on, options, known?.name ?? agent),
          batching,
          onOutcome: () => (outcome) => emit(replyOf(outcome)),
          signal,
        },
        session,
        catalogue,
      ),
    );
    session.release(findings.nodes);
    if (signal.aborted && outcomes.length === 0) throw cancelledBy(signal, signal.reason);
    return { replies: outcomes.map(replyOf), missing: missingOf(findings) };
  });
}

function replyOf({ node, outcome, code, message, hint, data, elapsed }: Outcome): Reply {
  return { node, outcome, code, message, hint, data, elapsed };
}
