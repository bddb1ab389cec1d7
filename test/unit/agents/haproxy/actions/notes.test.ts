import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { notesOf } from '../../../../../src/agents/haproxy/actions/notes.ts';
import type { HeldHost } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import { resolveHosts } from '../../../../../src/agents/haproxy/servers/host.ts';
import { scopeHosts } from '../../../../../src/agents/haproxy/servers/scope.ts';
import type { Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { adminBits } from '../../../../../src/agents/haproxy/servers/state.ts';
import { backendView, server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const ip = '10.0.0.1';
const maint = { admin: adminBits.forcedMaintenance, status: 'MAINT' };
const down = { operational: 0, status: 'DOWN', check: 'L4CON: Connection refused' };
const held: HeldHost = {
  ...{ host: 'web1', addresses: [ip], fqdns: [], ports: [], lines: [], stage: 'out', breaks: [], processes: {} },
  ...{ since: Date.parse('2026-11-30T20:00:00.123Z'), caller: 'cert=rip', run: 'run1' },
};

/** The notes about web1, with a line in `app` and one in `static`. */
function notes(app: Partial<Server>, other: Partial<Server> = {}, hold?: HeldHost, runId = 'run2') {
  const views = [
    backendView('app', [server('web1', { ip, ...app })]),
    backendView('static', [server('s1', { ip, port: 81, ...other })]),
  ];
  const hosts = resolveHosts(['web1'], views, { map: {}, addresses: new Map(), held: [] });
  const [host] = scopeHosts(hosts, views, { backends: undefined, ports: [] }).hosts;
  assert.ok(host);
  return notesOf(host, hold, runId);
}

describe('the notes about a host', () => {
  test('are none where it takes traffic', () => {
    assert.deepEqual(notes({}), []);
    assert.deepEqual(notes({ weight: 0, initialWeight: 0 }), []);
  });

  test('name who took it out, and when, to all but the run that did', () => {
    const by = 'web1 was taken out of traffic by cert=rip in run run1 at 2026-11-30T20:00:00Z';
    assert.deepEqual(notes(maint, maint, held), [by]);
    assert.deepEqual(notes(maint, maint, { ...held, run: '' }, ''), [by.replace(' in run run1', '')]);
    assert.deepEqual(notes(maint, maint, held, 'run1'), []);
  });

  test('name the lines that somebody else took out, with the way', () => {
    const said = (how: string) => [`web1 was taken out of traffic in static/s1 ${how}`];
    const app = { ...held, backends: ['app'] };
    const drain = { admin: adminBits.forcedDrain, status: 'DRAIN' };
    assert.deepEqual(notes(maint, drain, app, 'run1'), said('by a command to HAProxy (drain)'));
    const configured = { ...maint, admin: maint.admin | adminBits.configuredMaintenance };
    assert.deepEqual(notes({}, configured), said('by HAProxy’s configuration (“disabled”) or a command'));
    const agent = { configured: true, enabled: true, asking: false, status: 'L7OK', words: 'drain', health: 1 };
    assert.deepEqual(notes({}, { ...drain, agent }), said('by a command to HAProxy or its agent-check'));
    assert.deepEqual(notes(maint, maint, { ...held, runs: { static: 'run7' } }, 'run1'), said('in run run7'));
    assert.deepEqual(
      notes(maint, maint, { ...held, runs: { static: '' } }, 'run1'),
      said('by a command to HAProxy (maint)'),
    );
  });

  test('name lines that fail, since when, why, and what to do', (context) => {
    context.mock.timers.enable({ apis: ['Date'], now: Date.parse('2026-11-30T20:01:00Z') });
    const said = (lines: string) => [
      `web1 takes no traffic in ${lines}: it comes back only once all its lines take traffic: repair them, or choose other backends`,
    ];
    const refused = 'since 2026-11-30T20:00:00Z, L4CON: Connection refused';
    assert.deepEqual(notes({}, { ...down, changedAgo: 60 }), said(`static/s1 (${refused})`));
    assert.deepEqual(notes({}, { ...down, changedAgo: undefined }), said('static/s1 (L4CON: Connection refused)'));
    assert.deepEqual(notes({ weight: 0 }, {}), said('app/web1 (its weight is 0)'));
    assert.deepEqual(notes(maint, maint, held, 'run1'), [], 'in maintenance nothing is known of a check');
    assert.deepEqual(notes({}, { admin: adminBits.inheritedDrain, status: 'DRAIN', tracked: 'app/web1' }), []);
    const drained = { ...down, admin: adminBits.forcedDrain, changedAgo: 60 };
    assert.deepEqual(notes({}, drained).slice(1), said(`static/s1 (${refused})`));
  });
});
