import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSettings } from '../../../../../src/agents/nrpe/local/settings.ts';

describe('the text of nrpe.cfg', () => {
  test('is read in order; comments and NRPE’s own settings are skipped', () => {
    const text = `# a comment
server_port=5666
  command_timeout = 30
command[check_load]=/p/check_load -w 1 # no comment here
include=local.cfg
include_dir=/etc/nagios/nrpe.d/

command_prefix=/usr/bin/sudo
dont_blame_nrpe=0\r
`;
    assert.deepEqual(parseSettings(text, '/n.cfg'), [
      { kind: 'timeout', seconds: 30 },
      { kind: 'command', name: 'check_load', line: '/p/check_load -w 1 # no comment here' },
      { kind: 'include', path: 'local.cfg', at: '/n.cfg:5' },
      { kind: 'include-directory', path: '/etc/nagios/nrpe.d/', at: '/n.cfg:6' },
      { kind: 'prefix', line: '/usr/bin/sudo' },
      { kind: 'arguments', allowed: false },
    ]);
  });

  for (const line of [
    'nonsense',
    '=x',
    'command[]=x',
    'command[x=y',
    'command[x]=',
    'command_timeout=soon',
    'a=b \\',
  ]) {
    test(`loses only one line, which is named: ${line}`, () => {
      const [fault, next] = parseSettings(`\n${line}\n\ncommand[b]=c`, '/n.cfg');
      assert.equal(fault?.kind === 'fault' && fault.why.startsWith('/n.cfg:2: '), true);
      assert.deepEqual(next, { kind: 'command', name: 'b', line: 'c' });
    });
  }
});
