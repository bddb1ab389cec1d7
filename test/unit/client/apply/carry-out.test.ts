import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import type { HostPlan } from '../../../../src/client/apply/host-plan.ts';
import { type PlanEnding, proceed } from '../../../../src/client/commands/apply/carry-out.ts';
import { runApply } from '../../../../src/client/commands/apply/apply.ts';
import type { ApplyOptions, ProgramParts } from '../../../../src/client/commands/apply/options.ts';
import { exitCode } from '../../../../src/client/cli/context.ts';
import type { Host } from '../../../../src/client/fleet-file/model.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

const names = ['web1', 'web2', 'web3', 'web4'];
const broken = new Problem('ssh-failed', 'nothing answers', 'see whether it is up');

interface Order {
  readonly options?: Partial<ApplyOptions>;
  /** The hosts whose plan changes nothing. */
  readonly same?: readonly string[];
  /** The hosts with files that others changed. */
  readonly kept?: readonly string[];
  /** The hosts that could not be checked. */
  readonly unread?: readonly string[];
  /** Fails or interrupts as a host is changed. */
  readonly onChange?: (node: string, interrupt: () => void) => void;
  readonly isInterrupted?: boolean;
  /** What each host warns of: its plan, and its change. */
  readonly warnings?: readonly [planned: string, changed: string];
  /** What a person types on the terminal; omitted: there is none. */
  readonly typed?: string;
}

/** Proceeds with plans for four hosts; `changed` has those whose change was begun, in order. */
async function go({ options = {}, same = [], kept = [], unread = [], onChange, isInterrupted, ...order }: Order) {
  const [planned, done] = order.warnings?.map((one) => [one]) ?? [[], []];
  const changed: string[] = [];
  const control = new AbortController();
  if (isInterrupted === true) control.abort();
  const file = { path: '/etc/mco-deploy/node.yaml', before: undefined, after: 'a' };
  const plans = names.map((node): HostPlan => {
    const host = { name: node, role: { name: 'web' } } as Host;
    return {
      ...{ host, node, way: 'fabric', others: [], warnings: planned ?? [], effect: 'reload' },
      files: same.includes(node) ? [] : [file],
      kept: kept.includes(node) ? [file] : [],
      carryOut: async () => {
        changed.push(node);
        onChange?.(node, () => control.abort());
        return { warnings: done ?? [] };
      },
      close: async () => {},
    };
  });
  const read = plans.filter(({ node }) => !unread.includes(node));
  const endings = plans.map((plan): PlanEnding => {
    const target = { node: plan.node, host: plan.host };
    return unread.includes(plan.node) ? { target, problem: broken } : { target, result: plan };
  });
  const { context, out, err } = quietContext();
  const all = { wait: 1, parallel: 4, batch: '2', yes: true, ...options } as unknown as ApplyOptions;
  const stdin = Object.assign(new PassThrough(), { isTTY: order.typed !== undefined });
  stdin.write(`${order.typed}\n`);
  const here = { ...context, stdin: stdin as unknown as NodeJS.ReadStream, signal: control.signal };
  const code = await proceed(endings, read, all, here);
  return { code, changed, out: out.join('\n'), err };
}

describe('the changes of the hosts of a fleet', () => {
  test('begin with one host, go on in batches, and end with 0', async () => {
    const { code, changed, err } = await go({});
    assert.deepEqual([code, changed, err], [exitCode.ok, names, []]);
  });

  test('are not begun if a host could not be checked, if nothing is to be done, in a dry run or once interrupted', async () => {
    for (const [what, order, code, said] of [
      ['a host of many', { unread: ['web3'] }, exitCode.someFailed, /nothing was changed: 1 host could not be checked/],
      ['all hosts', { unread: names }, exitCode.someFailed, /nothing was changed: 4 hosts/],
      ['nothing to do', { same: names }, exitCode.ok, /nothing to do: 4 hosts are as fleet.yaml says/],
      ['only kept files', { same: names, kept: ['web1'] }, exitCode.someFailed, /--replace overwrites/],
      ['a dry run', { options: { dryRun: true } }, exitCode.ok, /web1/],
      ['a dry run with kept files', { options: { dryRun: true }, kept: ['web1'] }, exitCode.someFailed, /web1/],
      ['an interruption', { isInterrupted: true }, exitCode.interrupted, /web1/],
    ] as readonly (readonly [string, Order, number, RegExp])[]) {
      const { code: found, changed, out, err } = await go(order);
      assert.deepEqual([found, changed], [code, []], what);
      assert.match(`${out}\n${err.join('\n')}`, said, what);
    }
  });

  test('are begun on a terminal only after a person agreed', async () => {
    let begun = 0;
    const onChange = () => void begun++;
    const refused = go({ options: { yes: false }, typed: 'n', onChange });
    await assert.rejects(refused, { code: 'not-agreed', message: 'nothing was changed' });
    assert.equal(begun, 0);
    assert.deepEqual((await go({ options: { yes: false }, typed: 'y' })).changed, names);
    assert.deepEqual((await go({ options: { yes: false } })).changed, names, 'a job has agreed by its command');
  });

  test('end with 130 and say no more once interrupted, also if nothing is to be done', async () => {
    for (const same of [[], names]) {
      const { code, err } = await go({ isInterrupted: true, same });
      assert.deepEqual([code, err], [exitCode.interrupted, []]);
    }
  });

  test('have a warning for each that the plan or the change of a host has', async () => {
    const { err } = await go({ warnings: ['the clock is late', 'it waits to be started'] });
    assert.deepEqual(err, [
      ...names.map((name) => `warning: ${name}: the clock is late`),
      ...names.map((name) => `warning: ${name}: it waits to be started`),
    ]);
  });

  test('stop with 2 after the host or the batch that fails, name the rest, and end with what to do', async () => {
    for (const [failing, begun, rest] of [
      ['web1', ['web1'], 'web2, web3, web4'],
      ['web2', ['web1', 'web2', 'web3'], 'web4'],
      ['web4', names, ''],
    ] as const) {
      const { code, changed, err } = await go({
        onChange: (node) => {
          if (node === failing) throw broken;
        },
      });
      assert.deepEqual([code, changed], [exitCode.someFailed, begun], failing);
      assert.match(err[0] ?? '', new RegExp(`^${failing}: nothing answers`));
      const left = rest === '' ? [] : [`not touched: ${rest}`];
      assert.deepEqual(err.slice(1), [...left, 'to continue: correct the cause, then apply again'], failing);
    }
  });

  test('stop with 130 when they are interrupted, name the rest, and end with what to do', async () => {
    const { code, changed, err } = await go({ onChange: (node, interrupt) => node === 'web1' && interrupt() });
    assert.deepEqual([code, changed], [exitCode.interrupted, ['web1']]);
    assert.deepEqual(err, ['not touched: web2, web3, web4', 'to continue: apply again']);
  });

  test('end with 2 if files of others were kept, although all hosts were changed', async () => {
    const { code, changed, out } = await go({ kept: ['web2'] });
    assert.deepEqual([code, changed], [exitCode.someFailed, names]);
    assert.match(out, /^web1 is as fleet\.yaml says$/m);
    assert.match(out, /^web2 is as fleet\.yaml says, except for files that others changed$/m);
  });

  test('are refused with a batch size that is not valid, before anything is read', async () => {
    const self = { load: () => assert.fail('nothing is read') } as unknown as ProgramParts;
    const options = { batch: '0' } as unknown as ApplyOptions;
    await assert.rejects(runApply('/no/fleet.yaml', options, self, quietContext().context), {
      code: 'usage',
      message: '“0” is not a valid batch size',
    });
  });

  test('are one JSON document in any case', async () => {
    for (const [order, states] of [
      [{}, ['changed', 'changed', 'changed', 'changed']],
      [
        {
          onChange: (node: string) => {
            if (node === 'web2') throw broken;
          },
        },
        ['changed', 'failed', 'changed', 'untouched'],
      ],
    ] as readonly (readonly [Order, readonly string[]])[]) {
      const { out } = await go({ ...order, options: { json: true } });
      const { hosts } = JSON.parse(out) as { hosts: { state: string }[] };
      assert.deepEqual(
        hosts.map(({ state }) => state),
        states,
      );
    }
    for (const order of [{ unread: ['web1'] }, { same: names }, { options: { dryRun: true } }] as readonly Order[]) {
      const { out } = await go({ ...order, options: { ...order.options, json: true } });
      assert.equal((JSON.parse(out) as { hosts: unknown[] }).hosts.length, 4, JSON.stringify(order));
    }
  });
});
