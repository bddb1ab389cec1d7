import { Problem } from '../../core/errors.ts';
import { isNodeName } from '../../core/identity.ts';
import { suggest } from '../../core/text.ts';
import { parseShare, planBatches } from '../batch.ts';
import { parseDuration } from '../duration.ts';
import type { BatchSize } from '../format.ts';
import { runGroup } from '../group.ts';
import { names } from '../shape.ts';
import { isLiteral } from '../template.ts';
import type { World } from '../world.ts';
import type { StepCompiler, StepKind } from './kind.ts';

const wrongSize = 'must be a number from 1, or a percentage above 0 % and up to 100 %';

/** Runs steps batch by batch, so that the nodes of the other batches keep serving meanwhile. */
export const rollingStep: StepKind = {
  key: 'rolling',
  keys: [],
  inner: ({ rolling }) => [...(rolling?.steps ?? []), ...(rolling?.on_failure ?? [])],
  compile(compiler) {
    const { rolling = { over: '', steps: [] } } = compiler.source;
    const over = compileOver(compiler, rolling.over);
    const sizes = compileSizes(compiler, rolling.batch);
    const sleep = rolling.batch_sleep === undefined ? 0 : parseDuration(rolling.batch_sleep);
    if (sleep === undefined) {
      return compiler.at('rolling', 'batch_sleep').fail('must be seconds, or like 500ms, 10s, 2m, 1h, up to 24h');
    }
    const group = compiler.group('rolling', rolling, { batch: names(['names', 'size', 'number', 'count']) });
    return {
      title: 'rolling',
      async run(world, step) {
        const batches = planBatches(over(world), sizes(world));
        const count = batches.length;
        const rounds = batches.map((nodes, index) => ({
          nodes,
          variables: { batch: { names: nodes, size: nodes.length, number: index + 1, count } },
        }));
        return await runGroup(group, rounds, sleep, world, step);
      },
    };
  },
};

/** The members of a set, or the names that an expression gives. */
function compileOver({ nodeSets, at, template }: StepCompiler, over: string): (world: World) => readonly string[] {
  if (isLiteral(over)) {
    if (!nodeSets.includes(over))
      at('rolling', 'over').fail(`there is no node set “${over}”: ${suggest(over, nodeSets)}`);
    return (world) => world.nodes(over) ?? [];
  }
  const given = template('rolling', over, undefined, 'over');
  return (world) => checkNames(given(world.context()), world);
}

/** @throws Problem `bad-nodes` */
function checkNames(value: unknown, world: World): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [undefined];
  const wrong = list.findIndex((name) => typeof name !== 'string' || !isNodeName(name) || !world.isKnownNode(name));
  if (wrong < 0) return [...new Set(list as readonly string[])];
  throw new Problem('bad-nodes', `“over” gives ${JSON.stringify(list[wrong])}, which is in none of the node sets`);
}

/** A size or a ramp; an expression may give either, a list as `1,2,50%` too. */
function compileSizes(
  { at, template }: StepCompiler,
  batch: BatchSize | readonly BatchSize[] = 1,
): (world: World) => readonly BatchSize[] {
  if (!isLiteral(batch)) {
    const given = template('rolling', batch, undefined, 'batch');
    return (world) => {
      const sizes = toSizes(given(world.context()));
      if (sizes.length > 0 && sizes.every((size) => parseShare(size) !== undefined)) return sizes;
      throw new Problem('bad-batch', `“batch” gives ${JSON.stringify(sizes)}: each ${wrongSize}`);
    };
  }
  const sizes = toSizes(batch);
  if (!sizes.every((size) => parseShare(size) !== undefined)) at('rolling', 'batch').fail(wrongSize);
  return () => sizes;
}

function toSizes(value: unknown): readonly BatchSize[] {
  if (typeof value === 'string') return value.split(',').map((size) => size.trim());
  return (Array.isArray(value) ? value : [value]) as readonly BatchSize[];
}
