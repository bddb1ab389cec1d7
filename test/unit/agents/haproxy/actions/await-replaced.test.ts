import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { awaitReplaced } from '../../../../../src/agents/haproxy/actions/await-replaced.ts';
import { beginHold } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { actionContext } from '../../../../support/agents/agent-setup.ts';
import { fails } from '../../../../support/agents/haproxy-agent.ts';

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

test('a replaced process can send requests to a host unless it was out before the second in which the new one began', async () => {
  await using old = await started();
  await using now = await started('-sf', String(old.pid));
  const host = { name: 'web1', lines: [], chosen: [], followers: [], elsewhere: [] };
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
