import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { awaitReplaced } from '../../../../../src/agents/haproxy/actions/await-replaced.ts';
import { disable } from '../../../../../src/agents/haproxy/actions/disable.ts';
import { beginHold } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fakeBalancer } from '../../../../support/agents/haproxy/fake-balancer.ts';
import { type FakeHaproxy, fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';
import { fails } from '../../../../support/agents/haproxy/haproxy-agent.ts';

/** A process that ends with its input. */
async function started(...argv: string[]) {
  const child = spawn('sh', ['-c', 'read line', 'haproxy', ...argv], { stdio: ['pipe', 'ignore', 'ignore'] });
  await once(child, 'spawn');
  const end = async () => {
    child.stdin.end();
    await once(child, 'exit');
  };
  return { pid: child.pid ?? 0, [Symbol.asyncDispose]: end };
}

const host = { name: 'web1', lines: [], chosen: [], followers: [], elsewhere: [] };

/** Waits, as for a host that was in before. @returns whether there was a replaced process, and what was said meanwhile */
async function waiting(pid: number, limits: { deadline: number; left: 'refuse' | 'report' }, onProgress = () => {}) {
  const context = actionContext();
  const progress = (message: string) => {
    context.progress(message);
    onProgress();
  };
  const found = await awaitReplaced(
    {
      config: { replaced_timeout: 0, replaced_left: limits.left },
      hosts: [host],
      before: [],
      processes: { '/run/a.sock': { version: '2.6', pid, uptime: 1, started: 7 } },
      deadline: limits.deadline,
    },
    { ...context, progress },
  );
  return { found, said: context.said };
}

test('a call waits for the end of a replaced process, and says so once', async () => {
  const old = await started();
  await using now = await started('-sf', String(old.pid));
  let ended: Promise<void> | undefined;
  const { found, said } = await waiting(now.pid, { deadline: Number.POSITIVE_INFINITY, left: 'refuse' }, () => {
    // Later than the second look.
    ended ??= delay(120).then(old[Symbol.asyncDispose]);
  });
  await ended;
  assert.equal(found, true);
  assert.deepEqual(said, [`waiting for HAProxy’s process ${old.pid}, which a reload replaced, to end`]);
});

test('a process that does not end in time is only reported, if the configuration says so', async () => {
  await using old = await started();
  await using now = await started('-sf', String(old.pid));
  const { found, said } = await waiting(now.pid, { deadline: 0, left: 'report' });
  assert.equal(found, true);
  assert.match(said.join(), new RegExp(`^HAProxy at /run/a.sock was reloaded, .* process ${old.pid} .*web1$`));
});

test('without a replaced process nothing is waited for', async () => {
  await using now = await started();
  assert.deepEqual(await waiting(now.pid, { deadline: 0, left: 'refuse' }), { found: false, said: [] });
});

test('a replaced process can send requests to a host unless it was out before the second in which the new one began', async () => {
  await using old = await started();
  await using now = await started('-sf', String(old.pid));
  const narrowing = { backends: undefined, ports: [] };
  const wait = (outSince?: number, began?: number) =>
    awaitReplaced(
      {
        config: { replaced_timeout: 0, replaced_left: 'refuse' },
        hosts: [host],
        before: outSince === undefined ? [] : [{ ...beginHold(host, narrowing, undefined, undefined), outSince }],
        processes: { '/run/a.sock': { version: '2.6', pid: now.pid, uptime: 1, started: began } },
        deadline: 0,
      },
      actionContext(),
    );
  assert.equal(await wait(6_999, 7), false);
  for (const [outSince, began] of [
    [7_000, 7],
    [undefined, 7],
    [6_999, undefined],
  ])
    await assert.rejects(
      wait(outSince, began),
      fails('haproxy-replaced', new RegExp(`/run/a.sock .* process ${old.pid} .*web1`)),
    );
});

/** A host is taken out whose HAProxy was reloaded. @param meanwhile runs while the earlier process still serves */
async function takenOut(
  meanwhile: (fake: FakeHaproxy) => void,
  limits: { replaced: number; drain: number; settle?: number },
) {
  const old = await started();
  await using now = await started('-sf', String(old.pid));
  const fake = fakeHaproxy({
    app: ['web1', 'web2'].map((name, index) => ({ name, ip: `10.0.0.${index}`, passes: true, agent: 'up' })),
  });
  fake.info.pid = now.pid;
  const balancer = await fakeBalancer([fake], { replaced_timeout: limits.replaced, settle: limits.settle ?? 0.001 });
  const context = actionContext();
  let ended: Promise<void> | undefined;
  const progress = (message: string) => {
    if (!message.startsWith('waiting for HAProxy’s process')) return;
    meanwhile(fake);
    // Later than the second look.
    ended ??= delay(120).then(old[Symbol.asyncDispose]);
  };
  try {
    return await disable(balancer, { server: 'web1', drain_timeout: limits.drain }, { ...context, progress });
  } finally {
    await (ended ?? old[Symbol.asyncDispose]());
  }
}

test('disable waits for a replaced process for the longer one of its two times', async () => {
  for (const limits of [
    { replaced: 60, drain: 0 },
    { replaced: 0, drain: 60 },
  ]) {
    const { changed } = await takenOut(() => {}, limits);
    assert.deepEqual(changed, ['web1'], JSON.stringify(limits));
  }
});

test('disable looks once more whether the host is out after it has waited, and takes it out again', async () => {
  let seen: FakeHaproxy | undefined;
  await takenOut(
    (fake) => {
      seen = fake;
      fake.server('app/web1').admin = 0;
    },
    { replaced: 60, drain: 0 },
  );
  assert.equal(seen?.server('app/web1').admin, 1);
});

test('disable looks again a moment later then, too: the answer of an agent-check may come late', async () => {
  let late: Promise<void> | undefined;
  let seen: FakeHaproxy | undefined;
  await takenOut(
    (fake) => {
      seen = fake;
      fake.onCommand = (command) => {
        if (!command.startsWith('show stat')) return;
        // After the first look, and before the second.
        late ??= delay(20).then(() => {
          fake.server('app/web1').admin = 0;
        });
      };
    },
    { replaced: 60, drain: 0, settle: 0.2 },
  );
  await late;
  assert.equal(seen?.server('app/web1').admin, 1);
});
