import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readViews } from '../../../../../src/agents/haproxy/servers/backend.ts';
import { countAvailable, findDoubt, guardCapacity } from '../../../../../src/agents/haproxy/servers/capacity.ts';
import { resolveHosts } from '../../../../../src/agents/haproxy/servers/host.ts';
import { followersOf, lineName, linesOf } from '../../../../../src/agents/haproxy/servers/line.ts';
import { adminStateOf, inMaintenance, inRotation } from '../../../../../src/agents/haproxy/servers/state.ts';
import { recordedCases } from '../../../../support/agents/haproxy/recorded-haproxy.ts';

const signal = new AbortController().signal;

/** Each line of cases.cfg: what was set by command, whether it is in maintenance, serves, has an agent-check, and is asked. */
const expected: Readonly<Record<string, readonly [string, boolean, boolean, boolean, boolean]>> = {
  'app/plain': ['ready', false, true, false, false],
  'app/agent-up': ['ready', false, true, true, true],
  'app/agent-off': ['ready', false, true, true, false],
  'app/agent-down': ['ready', false, false, true, true],
  'app/agent-drain': ['drain', false, false, true, true],
  'app/maint': ['maint', true, false, false, false],
  'app/drained': ['drain', false, false, false, false],
  'app/six': ['ready', false, true, false, false],
  'app/spare': ['ready', false, true, false, false],
  'app/configured-out': ['maint', true, false, false, false],
  'app/weightless': ['ready', false, false, false, false],
  'app/a-record': ['ready', false, true, false, false],
  'ws/follows': ['ready', false, true, false, false],
  'ws/follows-maint': ['ready', true, false, false, false],
  'ws/follows-drained': ['ready', false, false, false, false],
  'srv/web1': ['ready', false, true, false, false],
  'srv/web2': ['ready', false, false, false, false],
  'srv/web3': ['ready', false, false, false, false],
};

for (const version of ['2.2', '2.6', '3.0', '3.2']) {
  describe(`the output of HAProxy ${version}`, () => {
    test('is understood for servers in every state, and its own count agrees', async () => {
      const views = await readViews([recordedCases(version)], signal);
      const found = linesOf(views).map((line) => {
        const { server } = line;
        const { configured, enabled } = server.agent;
        return [lineName(line), [adminStateOf(server), inMaintenance(server), inRotation(server), configured, enabled]];
      });
      assert.deepEqual(Object.fromEntries(found), expected);
      assert.equal(findDoubt(views), undefined);
    });

    test('gives hosts by IPv4, IPv6 and the names that it resolves, and the tracking lines', async () => {
      const views = await readViews([recordedCases(version)], signal);
      const all = linesOf(views);
      const known = { map: {}, addresses: new Map(), held: [] };
      const linesFor = (name: string) => resolveHosts([name], views, known)[0]?.lines.map(lineName);
      assert.deepEqual(linesFor('127.0.0.2'), ['app/plain', 'ws/follows']);
      assert.deepEqual(linesFor('::1'), []);
      assert.deepEqual(linesFor('[::1]:18080'), ['app/six']);
      assert.deepEqual(linesFor('dev2.node.test'), ['app/agent-up', 'srv/web1']);
      assert.deepEqual(linesFor('dev3.node.test'), ['app/agent-off', 'app/a-record']);
      const [plain] = all.filter((line) => lineName(line) === 'app/plain');
      assert.deepEqual(plain && followersOf([plain], all).map(lineName), ['ws/follows']);
    });

    test('protects the only server from SRV records, and counts neither the backup nor servers that are out', async () => {
      const views = await readViews([recordedCases(version)], signal);
      const [web1] = linesOf(views).filter((line) => lineName(line) === 'srv/web1');
      assert.ok(web1);
      assert.throws(() => guardCapacity(views, [web1], 1), { code: 'too-few-servers' });
      assert.equal(countAvailable(views.filter(({ backend }) => backend === 'app')), 5);
    });
  });
}
