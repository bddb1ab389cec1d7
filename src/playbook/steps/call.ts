import { type ActionDdl, actionOf, type Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { suggest } from '../../core/text.ts';
import { type CallTarget, runCall } from '../call/run-call.ts';
import { previewCall } from '../call/preview.ts';
import type { CallPlan } from '../call/step-call.ts';
import { checkWith } from '../inputs/call-input.ts';
import type { CelContext } from '../expressions/expression.ts';
import type { StepSource } from '../source/schema.ts';
import type { Step } from '../model.ts';
import {
  compileSetting,
  durationForm,
  type Form,
  numberForm,
  type Setting,
  shareForm,
  sizesForm,
} from '../expressions/settings.ts';
import { shapeOfReply } from '../expressions/shapes.ts';
import { isLiteral } from '../expressions/template.ts';
import type { RunContext } from '../context.ts';
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
    'reassert',
  ],
  reply: ({ call = '' }, catalogue) => shapeOfReply(findAction(call, catalogue)?.action.output),
  compile(compiler) {
    const { source, template } = compiler;
    const { ddl, action, actionName, title } = requireAction(compiler);
    checkCallSettings(compiler, action, title);
    checkWith(compiler, ddl, action, actionName);
    const reply = shapeOfReply(action.output);
    const fixed = {
      agent: ddl.name,
      agentDdl: ddl,
      action: actionName,
      ddl: action,
      title,
      input: template('with', source.with ?? {}),
      until: source.until === undefined ? undefined : compiler.condition('until', source.until, reply),
      message: source.message === undefined ? undefined : template('message', source.message, reply),
      failover: source.failover ?? false,
      askOnly: source.dry_run ?? false,
      reassert: compileReassert(compiler),
    };
    const settings = compileCallSettings(compiler, action, title);
    const target = compileCallTarget(compiler);
    const run = (run: RunContext, step: Step) =>
      runCall({ ...fixed, ...settings(run.context()) }, target(run), run, step);
    const preview = (run: RunContext, id: string) =>
      whereKnown(() => previewCall({ ...fixed, ...settings(run.context()) }, target(run), run, id));
    const changes = action.kind === 'change' && source.dry_run !== true;
    return { title, changes, asks: { agent: ddl.name, action: actionName, on: setNamed(source.on) }, run, preview };
  },
};

/** Undefined if an expression names the result of a later step. */
function whereKnown<T>(evaluate: () => T): T | undefined {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

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

/** Combinations that make no sense, although each part is valid. */
function checkCallSettings({ source, at }: StepCompiler, action: ActionDdl, title: string): void {
  if (source.on === undefined) at().fail('“on” is missing: name the nodes');
  const { tries = 1, passes = 1 } = source;
  const fault =
    isLiteral(tries) && isLiteral(passes) ? findSettingsFault(Number(tries), Number(passes), action, title) : undefined;
  if (fault !== undefined) at(fault.key).fail(fault.message);
  if (source.dry_run === true && action.kind === 'change' && !action.dryRun) {
    at('dry_run').fail(`${title} cannot show what it would do`);
  }
  if (source.failover === true && source.limit === undefined) at('failover').fail('“failover” requires “limit”');
  if (source.failover === true && source.batch !== undefined)
    at('batch').fail('“batch” cannot be combined with “failover”');
  if (source.message !== undefined && source.until === undefined) at('message').fail('“message” requires “until”');
  if (source.passes !== undefined && source.until === undefined) at('passes').fail('“passes” requires “until”');
}

/** @throws Problem `bad-playbook` when a named step is not before this one, or cannot be repeated */
function compileReassert({ source, seen, at, catalogue }: StepCompiler): readonly string[] {
  const names = [source.reassert ?? []].flat();
  for (const name of names) {
    const other = seen.get(name);
    if (other === undefined) {
      at('reassert').fail(`no step “${name}” is among those that this one needs: ${suggest(name, seen.keys())}`);
    }
    const action = findAction(other?.call ?? '', catalogue)?.action;
    if (action?.kind === 'change' && action.repeatable && other?.dry_run !== true) continue;
    at('reassert').fail(`the step “${name}” is not a call that changes something and may be repeated`);
  }
  return names;
}

type CallSettings = Pick<
  CallPlan,
  'sizes' | 'batchSleep' | 'tries' | 'trySleep' | 'timeout' | 'passes' | 'maxFailures' | 'limit'
>;

/** The settings of the call that expressions may decide: known when the step begins. */
function compileCallSettings(
  { source, at, template }: StepCompiler,
  action: ActionDdl,
  title: string,
): (context: CelContext) => CallSettings {
  const setting = <T, F>(key: keyof StepSource, form: Form<T>, fallback: F): Setting<T | F> =>
    compileSetting<T | F>(key, source[key], form, fallback, at(key), () => template(key, source[key]));
  if (Array.isArray(source.batch)) {
    for (const [index, size] of source.batch.entries()) {
      if (isLiteral(size) && sizesForm.parse(size) === undefined) at('batch', String(index)).fail(sizesForm.expected);
    }
  }
  const sizes = setting('batch', sizesForm, []);
  const batchSleep = setting('batch_sleep', durationForm, 0);
  const tries = setting('tries', numberForm(1000), 1);
  const trySleep = setting('try_sleep', durationForm, 0);
  const timeout = setting('timeout', durationForm, undefined);
  const passes = setting('passes', numberForm(100), 1);
  const maxFailures = setting('max_failures', shareForm, 1);
  const limit = setting('limit', numberForm(100_000), undefined);
  return (context) => {
    const settings = {
      sizes: sizes(context),
      batchSleep: batchSleep(context),
      tries: tries(context),
      trySleep: trySleep(context),
      timeout: timeout(context),
      passes: passes(context),
      maxFailures: maxFailures(context),
      limit: limit(context),
    };
    const fault = findSettingsFault(settings.tries, settings.passes, action, title);
    if (fault !== undefined) throw new Problem('bad-setting', fault.message);
    return settings;
  };
}

function findSettingsFault(tries: number, passes: number, { kind, repeatable }: ActionDdl, title: string) {
  if (tries > 1 && kind === 'change' && !repeatable) {
    return { key: 'tries', message: `${title} must not be repeated: remove “tries”` };
  }
  if (passes > tries) return { key: 'passes', message: 'there must be at least as many tries as passes' };
  return undefined;
}

/** The node set, if `on` is the name of one. */
function setNamed(on = ''): string | undefined {
  return isLiteral(on) ? on : undefined;
}

/** The nodes to call: the members of a set, or the names that an expression returns. */
function compileCallTarget({ source, nodeSets, at, expression }: StepCompiler): (run: RunContext) => CallTarget {
  const on = source.on ?? '';
  if (isLiteral(on)) {
    if (!nodeSets.includes(on)) at('on').fail(`there is no node set “${on}”: ${suggest(on, nodeSets)}`);
    return (run) => ({ nodes: [...(run.nodes(on) ?? [])], mayBeEmpty: true });
  }
  const names = expression('on', on);
  return (run) => ({ nodes: names.evaluate(run.context()), mayBeEmpty: false });
}
