import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatOut, type OutServer } from '../../../../src/client/runs/rotation.ts';

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

  test('has that no run took it out, and the check that keeps it out', () => {
    const before = { since: undefined, caller: undefined, run: undefined };
    assert.match(shown(before), / {3}out before a run took it out, and held out since$/);
    assert.match(shown({ ...before, out_since: undefined }), / {3}not by a run: HAProxy says no more$/);
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
