import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatOut, type OutServer, readRotation } from '../../../../src/client/runs/rotation.ts';
import { haproxyDdl } from '../../../../src/agents/haproxy/ddl.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { makeFleet } from '../../../support/fleet/fleet.ts';
import { signingNode, unwell } from '../../../support/fleet/signing-node.ts';

const time = Date.UTC(2026, 0, 2);
const out: OutServer = {
  ...{ balancer: 'lb1', backend: 'app', server: 'dev2', status: 'MAINT', check: '', breaks: [] },
  ...{ since: time, caller: 'cert=rip', run: 'run1', out_since: time, lines: ['app/dev2'], still_serving: [] },
};
const shown = (more: Partial<OutServer> = {}) => formatOut({ ...out, ...more });

describe('a host that is out of traffic, as a line', () => {
  test('has where it is out, since when, the caller and in which run', () => {
    assert.equal(shown(), 'dev2   lb1   MAINT in app   since 2026-01-02T00:00:00.000Z by cert=rip in run run1');
    assert.equal(shown({ run: '' }), 'dev2   lb1   MAINT in app   since 2026-01-02T00:00:00.000Z by cert=rip');
  });

  test('has the names of lines that are not those of the host, and what still sends it requests', () => {
    const lines = ['app/dev2', 'ws/web2'];
    assert.match(
      shown({ lines, still_serving: ['static/dev2', 'admin/x'] }),
      /^dev2 {3}lb1 {3}MAINT in app, ws\/web2 {3}since .* in run run1; still serving in static, admin\/x$/,
    );
  });

  test('has that no line leads to it any more, if it is held out all the same', () => {
    const gone = { status: 'GONE', check: 'no line', lines: [] };
    assert.match(shown(gone), /^dev2 {3}lb1 {3}GONE: no line {3}since .* by cert=rip in run run1$/);
  });

  test('has that no run took it out, and the check that keeps it out', () => {
    const before = { since: undefined, caller: undefined, run: undefined };
    assert.match(shown(before), / {3}out before a run took it out, and held out since$/);
    assert.match(shown({ ...before, out_since: undefined }), / {3}not by a run: HAProxy reports no more$/);
    assert.match(shown({ ...before, out_since: undefined, check: 'L4CON' }), / {3}not by a run: L4CON$/);
  });

  test('has how often it was put in meanwhile, with the last time', () => {
    const one = (at: number, cause: string) => ({ at, socket: '', line: 'app/dev2', cause, where: '' });
    assert.match(
      shown({ breaks: [one(time, 'a reload')] }),
      /run1; put in once meanwhile, last noticed 2026-01-02T00:00:00\.000Z: a reload$/,
    );
    assert.match(
      shown({ breaks: [one(time, 'a reload'), one(time + 1000, 'a person')] }),
      /; put in 2 times meanwhile, last noticed 2026-01-02T00:00:01\.000Z: a person$/,
    );
  });
});

test('the hosts that are out of traffic are those that some line keeps out, on load balancers that reply', async () => {
  await using fleet = await makeFleet();
  const { credentials } = await fleet.operator('rip');
  const line = (name: string, in_rotation: boolean) => ({ line: name, in_rotation });
  const server = (name: string, in_rotation: boolean, ...lines: object[]) => ({ name, in_rotation, status: '', lines });
  const servers = [
    server('dev2', false, line('app/dev2', false), line('static/dev2', true), line('app/dev2', false)),
    server('dev4', true, line('app/dev4', true)),
  ];
  const lb1 = signingNode(await fleet.node('lb1'), ['haproxy'], { answer: () => okReply({ servers }) });
  const denied = unwell('refused', new Problem('policy-denied', 'not for you'));
  const lb2 = signingNode(await fleet.node('lb2'), ['haproxy'], { answer: () => denied });
  const session = { config: { timeout: 5, concurrency: 4 }, caller: { credentials, trust: fleet.trust } } as never;
  const found = [lb1.found, lb2.found];
  const rotation = await readRotation(found, session, [haproxyDdl], new AbortController().signal);
  assert.deepEqual(
    rotation.out.map(({ balancer, server: name, backend, lines, still_serving }) => [
      ...[balancer, name, backend],
      ...[lines, still_serving],
    ]),
    [['lb1', 'dev2', 'app', ['app/dev2'], ['static/dev2']]],
  );
  assert.deepEqual(
    rotation.servers.map(({ name, inRotation }) => [name, inRotation]),
    [
      ['dev2', false],
      ['dev4', true],
    ],
  );
  assert.deepEqual(
    rotation.outcomes.map(({ node, code }) => [node, code]),
    [
      ['lb1', ''],
      ['lb2', 'policy-denied'],
    ],
  );
});
