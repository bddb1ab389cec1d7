/** Makes a playbook from the declarations of a script: the same graph of steps, run by the same engine. */
import { actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { suggest } from '../../core/text.ts';
import { runCall } from '../../playbook/call/run-call.ts';
import { previewCall } from '../../playbook/call/preview.ts';
import type { RunContext } from '../../playbook/context.ts';
import type { CallPlan } from '../../playbook/call/step-call.ts';
import type { Playbook, Step, StepBody } from '../../playbook/model.ts';
import type { InputSource } from '../../playbook/source/schema.ts';
import type { Evaluated } from '../evaluator/evaluate.ts';
import type { Answers } from '../evaluator/query.ts';
import { formatScriptRun } from '../output/format.ts';
import { failAt, type ScriptSource } from '../source.ts';
import { readExec, readNotify } from '../types/exec.ts';
import { type McollectiveCall, readMcollective } from '../types/mcollective.ts';
import { convertArguments } from './call-arguments.ts';
import { expectOf, refreshedBy } from './expectation.ts';
import { collectNodeSets, type NodeSets } from './node-sets.ts';
import { orderCatalogue } from './order.ts';
import { stepIdOf } from './path.ts';
import { findDisabledAhead } from './disabled-ahead.ts';
import { nameOf, type Resource, settingOf } from './resource.ts';
import { showBody } from './show.ts';

export interface ScriptParts {
  readonly name: string;
  readonly source: ScriptSource;
  readonly inputs: Readonly<Record<string, InputSource>>;
  /** The prefix of the run's lines, if there is one. */
  readonly label: string;
  readonly answers: Answers;
  readonly agents: readonly Ddl[];
}

type Done = Extract<Evaluated, { state: 'done' }>;

/** @throws Problem `bad-script` for a fault in a resource, before anything is called */
export function compileCatalogue({ catalogue, queries }: Done, parts: ScriptParts): Playbook {
  const { name, source, inputs, label, answers, agents } = parts;
  const ordered = orderCatalogue(catalogue, source);
  const sets = collectNodeSets(queries, answers);
  const calls = new Map(ordered.flatMap(({ resource }) => callsOf(resource)));
  const disabledAhead = findDisabledAhead(ordered, calls);
  const steps = ordered.map((one, index): Step => {
    const { body, batch, refreshOnly } = bodyOf(one.resource, calls, disabledAhead, sets, agents);
    const before = ordered[index - 1];
    return {
      id: stepIdOf(one.resource),
      name: stepIdOf(one.resource),
      kind: body.asks === undefined ? 'say' : 'call',
      source: batch === undefined ? {} : { batch },
      condition: refreshOnly ? refreshedBy(one.refreshedBy.map(stepIdOf)) : undefined,
      needs: one.needs.map(stepIdOf),
      // One at a time, in the order of the script, even where one does not need the other.
      after: before === undefined ? [] : [stepIdOf(before.resource)],
      body,
    };
  });
  return {
    name,
    description: '',
    file: source.file,
    source: { name, script: source.text },
    inputs,
    label: () => label,
    lock: undefined,
    nodes: sets.all(),
    steps,
    onFailure: [],
    always: [],
    notices: { start: [], failure: [] },
    format: formatScriptRun(ordered),
  };
}

function callsOf(resource: Resource): [Resource, McollectiveCall][] {
  return resource.type === 'mcollective' ? [[resource, readMcollective(resource)]] : [];
}

interface MadeBody {
  readonly body: StepBody;
  readonly batch?: number | undefined;
  readonly refreshOnly: boolean;
}

function bodyOf(
  resource: Resource,
  calls: ReadonlyMap<Resource, McollectiveCall>,
  disabledAhead: ReadonlyMap<Resource, readonly Resource[]>,
  sets: NodeSets,
  agents: readonly Ddl[],
): MadeBody {
  const call = calls.get(resource);
  if (call === undefined) {
    const text = resource.type === 'exec' ? readExec(resource) : readNotify(resource);
    return { body: showBody(text), refreshOnly: text.refreshOnly };
  }
  const reassert = (disabledAhead.get(resource) ?? []).map(stepIdOf);
  return { body: callBody(resource, call, reassert, sets, agents), batch: call.batch, refreshOnly: call.refreshOnly };
}

function callBody(
  resource: Resource,
  call: McollectiveCall,
  reassert: readonly string[],
  sets: NodeSets,
  agents: readonly Ddl[],
): StepBody {
  const { ddl, action } = findAction(resource, call, agents);
  const placeOf = (name: string) => settingOf(resource, name)?.position ?? resource.position;
  const input = convertArguments(call.arguments, ddl, call.action, action, placeOf('arguments'));
  if (call.tries > 1 && action.kind === 'change' && !action.repeatable) {
    failAt(placeOf('tries'), `${call.agent}#${call.action} must not be repeated`, 'leave “tries” out');
  }
  if (call.noop && action.kind === 'change' && !action.dryRun) {
    failAt(placeOf('noop'), `${call.agent}#${call.action} cannot show what it would do`, 'leave “noop” out');
  }
  const on = sets.setFor(resource, call, ddl);
  const title = `${call.agent}#${call.action}`;
  const plan: CallPlan = {
    agent: ddl.name,
    agentDdl: ddl,
    action: call.action,
    ddl: action,
    title,
    input: () => input,
    sizes: call.batch === undefined ? [] : [call.batch],
    batchSleep: call.batchSleep,
    tries: call.tries,
    trySleep: call.trySleep,
    timeout: call.timeout,
    ...expectOf(call.expect, typeof input.command === 'string' ? input.command : title),
    passes: 1,
    maxFailures: 1,
    limit: call.limit,
    failover: call.failover,
    askOnly: call.noop,
    // Actions that only read may find them in traffic or not.
    reassert: action.kind === 'change' ? reassert : [],
  };
  const targetOf = (run: RunContext) => ({ nodes: [...(run.nodes(on) ?? [])], mayBeEmpty: false });
  return {
    title,
    changes: action.kind === 'change' && !call.noop,
    asks: { agent: ddl.name, action: call.action, on },
    preview: (run, id) => previewCall(plan, targetOf(run), run, id),
    run: (run, step) => runCall(plan, targetOf(run), run, step),
  };
}

/** @throws Problem `bad-script` for an unknown agent or action */
function findAction(resource: Resource, { agent, action: name }: McollectiveCall, agents: readonly Ddl[]) {
  const position = (attribute: string) => settingOf(resource, attribute)?.position ?? resource.position;
  const ddl = agents.find((one) => one.name === agent || one.aliases?.includes(agent));
  if (ddl === undefined) {
    const known = agents.flatMap((one) => [one.name, ...(one.aliases ?? [])]);
    return failAt(position('agent'), `${nameOf(resource)}: there is no agent “${agent}”`, suggest(agent, known));
  }
  const action = actionOf(ddl, name);
  if (action !== undefined) return { ddl, action };
  return failAt(
    position('action'),
    `${nameOf(resource)}: ${agent} has no action “${name}”`,
    suggest(name, Object.keys(ddl.actions)),
  );
}
