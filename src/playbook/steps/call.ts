import { type ActionDdl, actionOf, type Ddl } from '../../core/ddl.ts';
import { suggest } from '../../core/text.ts';
import { parseShare } from '../batch.ts';
import { type CallTarget, runCall } from '../call.ts';
import { checkWith, hideInputs } from '../call-input.ts';
import { parseDuration } from '../duration.ts';
import type { BatchSize } from '../format.ts';
import { shapeOfReply } from '../shape.ts';
import { isLiteral } from '../template.ts';
import type { World } from '../world.ts';
import type { StepCompiler, StepKind } from './kind.ts';

/** Calls an action on nodes: in batches, with retries, until an assertion holds, within a threshold of failures. */
export const callStep: StepKind = {
  key: 'call',
  keys: [
    'on',
    'with',
    'batch',
    'batch_sleep',
    'tries',
    'try_sleep',
    'timeout',
    'until',
    'passes',
    'message',
    'max_failures',
    'limit',
    'failover',
    'dry_run',
  ],
  reply: ({ call = '' }, catalogue) => shapeOfReply(findAction(call, catalogue)?.action.output),
  compile(compiler) {
    const { source, template } = compiler;
    const { ddl, action, actionName, title } = requireAction(compiler);
    checkManner(compiler, action, title);
    checkWith(compiler, ddl, action, actionName);
    const reply = shapeOfReply(action.output);
    const plan = {
      agent: ddl.name,
      action: actionName,
      ddl: action,
      title,
      input: template('with', source.with ?? {}),
      sizes: compileSizes(compiler),
      batchSleep: durationAt(compiler, 'batch_sleep') ?? 0,
      tries: source.tries ?? 1,
      trySleep: durationAt(compiler, 'try_sleep') ?? 0,
      timeout: durationAt(compiler, 'timeout'),
      until: source.until === undefined ? undefined : compiler.condition('until', source.until, reply),
      passes: source.passes ?? 1,
      message: source.message === undefined ? undefined : template('message', source.message, reply),
      maxFailures: source.max_failures ?? 1,
      limit: source.limit,
      failover: source.failover ?? false,
      askOnly: source.dry_run ?? false,
      hide: (input: Readonly<Record<string, unknown>>) => hideInputs(action, input),
    };
    const target = compileTarget(compiler);
    return { title, run: (world, step) => runCall(plan, target(world), world, step) };
  },
};

function findAction(call: string, catalogue: ReadonlyMap<string, Ddl>) {
  const [agent = '', actionName = ''] = call.split('.');
  const ddl = catalogue.get(agent);
  const action = ddl === undefined ? undefined : actionOf(ddl, actionName);
  return ddl === undefined || action === undefined ? undefined : { ddl, action, actionName, agent };
}

function requireAction({ source, catalogue, at }: StepCompiler) {
  const call = source.call ?? '';
  const found = findAction(call, catalogue);
  if (found !== undefined) return { ...found, title: `${found.agent}#${found.actionName}` };
  const [agent = '', action = ''] = call.split('.');
  const ddl = catalogue.get(agent);
  if (ddl === undefined) return at('call').fail(`there is no agent “${agent}”: ${suggest(agent, catalogue.keys())}`);
  const known = Object.keys(ddl.actions);
  return at('call').fail(`${agent} has no action “${action}”: ${suggest(action, known)}`, agent.length + 1);
}

/** What can’t be meant, although each part of it is well formed. */
function checkManner({ source, at }: StepCompiler, action: ActionDdl, title: string): void {
  if (source.on === undefined) at().fail('“on” is missing: say on which nodes');
  if ((source.tries ?? 1) > 1 && action.kind === 'change' && !action.repeatable) {
    at('tries').fail(`${title} must not be repeated: leave “tries” out`);
  }
  if (source.dry_run === true && action.kind === 'change' && !action.dryRun) {
    at('dry_run').fail(`${title} can’t say what it would do`);
  }
  if (source.failover === true && source.limit === undefined) at('failover').fail('“failover” goes with “limit”');
  if (source.failover === true && source.batch !== undefined) at('batch').fail('“batch” does not go with “failover”');
  if (source.message !== undefined && source.until === undefined) at('message').fail('“message” goes with “until”');
  if (source.passes !== undefined && source.until === undefined) at('passes').fail('“passes” goes with “until”');
  if ((source.passes ?? 1) > (source.tries ?? 1)) at('passes').fail('there must be at least as many tries as passes');
  if (source.max_failures !== undefined && parseShare(source.max_failures) === undefined) {
    at('max_failures').fail('must be a number from 1, or a percentage above 0 % and up to 100 %');
  }
}

function durationAt({ source, at }: StepCompiler, key: 'batch_sleep' | 'try_sleep' | 'timeout'): number | undefined {
  const value = source[key];
  if (value === undefined) return undefined;
  const milliseconds = parseDuration(value);
  return milliseconds ?? at(key).fail('must be seconds, or like 500ms, 10s, 2m, 1h, up to 24h');
}

function compileSizes({ source, at }: StepCompiler): readonly BatchSize[] {
  const { batch } = source;
  const sizes = batch === undefined ? [] : Array.isArray(batch) ? (batch as BatchSize[]) : [batch as BatchSize];
  for (const [index, size] of sizes.entries()) {
    if (parseShare(size) !== undefined) continue;
    const path = Array.isArray(batch) ? ['batch', String(index)] : ['batch'];
    at(...path).fail('must be a number from 1, or a percentage above 0 % and up to 100 %');
  }
  return sizes;
}

/** Whom to call: the members of a set, or the names that an expression gives. */
function compileTarget({ source, nodeSets, at, expression }: StepCompiler): (world: World) => CallTarget {
  const on = source.on ?? '';
  if (isLiteral(on)) {
    if (!nodeSets.includes(on)) at('on').fail(`there is no node set “${on}”: ${suggest(on, nodeSets)}`);
    return (world) => ({ nodes: [...(world.nodes(on) ?? [])], mayBeEmpty: true });
  }
  const names = expression('on', on);
  return (world) => ({ nodes: names.evaluate(world.context()), mayBeEmpty: false });
}
