import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import { suggest } from '../../core/text.ts';
import { planBatches } from '../call/batches.ts';
import { runGroup } from '../run/rounds.ts';
import { compileSetting, durationForm, type Form, sizesForm } from '../expressions/settings.ts';
import { names } from '../expressions/shapes.ts';
import { isLiteral } from '../expressions/template.ts';
import { rollingBatch } from '../source/defaults.ts';
import type { RunContext } from '../context.ts';
import type { StepCompiler, StepKind } from './kind.ts';

/** Runs steps batch by batch, so that the nodes of the other batches keep serving meanwhile. */
export const rollingStep: StepKind = {
  key: 'rolling',
  keys: [],
  inner: ({ rolling }) => [...(rolling?.steps ?? []), ...(rolling?.on_failure ?? [])],
  compile(compiler) {
    const { rolling = { over: '', steps: [] } } = compiler.source;
    const over = compileOver(compiler, rolling.over);
    const setting = <T>(key: 'batch' | 'batch_sleep', form: Form<T>, fallback: T) =>
      compileSetting(key, rolling[key], form, fallback, compiler.at('rolling', key), () =>
        compiler.template('rolling', rolling[key], undefined, key),
      );
    const sizes = setting('batch', sizesForm, [rollingBatch]);
    const sleep = setting('batch_sleep', durationForm, 0);
    const group = compiler.group('rolling', rolling, { batch: names(['names', 'size', 'number', 'count']) });
    return {
      title: 'rolling',
      within: [...group.steps, ...group.onFailure],
      async run(run, step) {
        const batches = planBatches(over(run), sizes(run.context()));
        const count = batches.length;
        const rounds = batches.map((nodes, index) => ({
          nodes,
          variables: { batch: { names: nodes, size: nodes.length, number: index + 1, count } },
        }));
        return await runGroup(group, rounds, sleep(run.context()), run, step);
      },
    };
  },
};

/** The members of a set, or the names that an expression returns. */
function compileOver({ nodeSets, at, template }: StepCompiler, over: string): (run: RunContext) => readonly string[] {
  if (isLiteral(over)) {
    if (!nodeSets.includes(over))
      at('rolling', 'over').fail(`there is no node set “${over}”: ${suggest(over, nodeSets)}`);
    return (run) => run.nodes(over) ?? [];
  }
  const names = template('rolling', over, undefined, 'over');
  return (run) => checkNames(names(run.context()), run);
}

/** @throws Problem `bad-nodes` */
function checkNames(value: unknown, run: RunContext): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  const wrong = list.findIndex((name) => typeof name !== 'string' || !isNodeName(name) || !run.isKnownNode(name));
  if (wrong < 0) return [...new Set(list as readonly string[])];
  throw new Problem('bad-nodes', `“over” gives ${JSON.stringify(list[wrong])}, which is not in a node set`);
}
