import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { reasonOf } from '../../../../../src/agents/haproxy/servers/out-reason.ts';
import type { AgentCheck, Server } from '../../../../../src/agents/haproxy/servers/server.ts';
import { server } from '../../../../support/agents/haproxy/haproxy-server.ts';

const agentOff: AgentCheck = { configured: true, enabled: false, asking: false, status: '', words: '', health: 1 };

describe('the reason that a server is not in', () => {
  const words = (fields: Partial<Server>, before = 'before') => reasonOf(server('web1', fields), before);
  const on = { ...agentOff, enabled: true, status: 'L7OK' };

  for (const [what, fields, expected] of [
    ['it is in', { check: 'L7OK' }, 'before'],
    [
      'it is in, and its agent-check said “down” last',
      { agent: { ...on, status: 'L7STS', health: 0, words: 'down' } },
      'before',
    ],
    ['in drain by its agent-check', { admin: 8, agent: on }, 'its agent-check answers “drain”'],
    ['in drain by command', { admin: 8, agent: agentOff, check: 'x' }, 'before'],
    ['in maintenance by its agent-check', { admin: 1, agent: on }, 'its agent-check answers “maint”'],
    ['in maintenance by command', { admin: 1 }, 'before'],
    [
      'down by its agent-check',
      { operational: 0, agent: { ...on, status: 'L7STS', health: 0, words: 'via agent : down (busy)' } },
      'its agent-check answers “down (busy)”',
    ],
    [
      'down by one that HAProxy keeps no words of',
      { operational: 0, agent: { ...on, status: 'L7STS', health: 0 } },
      'its agent-check answers “down”',
    ],
    [
      'down by its check, while an agent-check that is off said “down” before',
      { operational: 0, check: 'L4CON', agent: { ...agentOff, status: 'L7STS', health: 0 } },
      'L4CON',
    ],
    [
      'down while its agent-check says that it is up',
      { operational: 0, check: 'L4CON', agent: { ...on, status: 'L7STS' } },
      'L4CON',
    ],
    [
      'down while its agent-check cannot be reached',
      { operational: 0, check: 'L4CON', agent: { ...on, health: 0 } },
      'L4CON',
    ],
    ['not resolved', { admin: 0x20 }, 'its host name does not resolve'],
    ['behind one in maintenance', { admin: 0x02, tracked: 'app/web9' }, 'it follows app/web9, which is not in'],
    ['behind one in drain', { admin: 0x10, tracked: 'app/web9' }, 'it follows app/web9, which is not in'],
    ['down', { operational: 0, check: 'L7STS 503', status: 'DOWN' }, 'L7STS 503'],
    ['down without words', { operational: 0, status: 'DOWN' }, 'before'],
    ['down by an agent-check that says nothing', { operational: 0, check: 'L7OK', status: 'DOWN (agent)' }, 'before'],
    [
      'down by an agent-check that says nothing, with a weight of 0',
      { operational: 0, status: 'DOWN (agent)', weight: 0 },
      'before',
    ],
    [
      'down until its agent-check has answered',
      { operational: 0, check: 'L7OK', status: 'DOWN (agent)', agent: { ...on, health: 0 } },
      'its agent-check has not answered yet',
    ],
    ['up with a weight of 0', { weight: 0 }, 'its weight is 0'],
    [
      'up with a weight of 0 of an agent-check',
      { weight: 0, agent: on },
      'its weight is 0 (an agent-check may set it)',
    ],
  ] as const) {
    test(`is “${expected}”: ${what}`, () => assert.equal(words(fields), expected));
  }

  test('is the status of a server that is down without any text', () => {
    assert.equal(words({ operational: 0, status: 'DOWN 1/2' }, ''), 'DOWN 1/2');
  });
});
