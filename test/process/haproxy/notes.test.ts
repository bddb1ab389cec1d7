import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { actionContext } from '../../support/agents/agent-setup.ts';
import { agent, endAll, haproxy, line, webServers } from '../../support/agents/haproxy/haproxy-agent.ts';
import { until } from '../../support/until.ts';

afterEach(endAll);

test('the status notes what another call, a person or a failing check keeps out, line by line', async () => {
  const web = await webServers(3, 'own');
  const statics = web.map(
    ({ name, host, port }) => `  server ${name} ${host}:${port} check inter 100ms fall 1 downinter 1h`,
  );
  const lb = await haproxy(
    web.map((one) => line(one, '')),
    ['backend static', ...statics].join('\n'),
  );
  const { disable, status } = await agent([lb.socket], { min_available: 0 });
  const [run, other] = ['run-1', 'run-2'].map((runId) => actionContext({ runId }));
  assert.equal((await status({}, run)).notes, undefined);
  await lb.ask('set server app/web2 state drain');
  await disable({ server: 'web1' }, run);
  await web[2]?.kill();
  const row = async () => /^static,web3,.*$/m.exec(await lb.ask('show stat static 4 -1'))?.[0] ?? '';
  await until('the check of web3 fails', async () => (await row()).includes('L4CON'));
  const { notes = [] } = await status({}, run);
  assert.deepEqual(
    notes.map((note) => note.replace(/since \S+, /, 'since TIME, ')),
    [
      'web2 was taken out of traffic in app/web2 by a command to HAProxy (drain)',
      'web3 takes no traffic in static/web3 (since TIME, L4CON: Connection refused): it comes back only once all its lines take traffic: repair them, or choose other backends',
    ],
  );
  const since = Date.parse(/since (\S+),/.exec(notes[1] ?? '')?.[1] ?? '');
  assert.ok(since <= Date.now() && since > Date.now() - 600_000, notes[1]);
  const [first = '', ...rest] = (await status({ server: 'web1,web2' }, other)).notes ?? [];
  assert.match(first, /^web1 was taken out of traffic by cert=rip@devco.net in run run-1 at \S+$/);
  assert.deepEqual(rest, notes.slice(0, 1));
});
