import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { startingFiles } from '../../../src/ca/starting-files.ts';
import { packArchive } from '../../../src/ca/tar.ts';
import { clientConfigSchema } from '../../../src/library/config/config.ts';
import { parseDocumentText } from '../../../src/core/files/yaml/document.ts';
import { decide } from '../../../src/core/policy/decide.ts';
import { parseGroups, parsePolicy } from '../../../src/core/policy/parse.ts';
import { nodeConfigSchema } from '../../../src/daemon/config/schema.ts';

function contentOf(kind: 'node' | 'operator', path: string): string {
  const file = startingFiles({ kind, name: 'dev1' }).find((entry) => entry.path === path);
  assert.ok(file, path);
  return file.content;
}

describe('the initial configuration', () => {
  test('fits the daemon’s schema for a node, as it is and with its agents included', () => {
    const text = contentOf('node', 'node.yaml');
    const whole = text.replace(/^ {2}# ( *[a-z])/gm, '  $1');
    for (const yaml of [text, whole]) {
      const { value } = parseDocumentText<{ agents: object }>(
        yaml,
        'node.yaml',
        'configuration',
        'config/node',
        nodeConfigSchema,
      );
      assert.ok('rpcutil' in value.agents);
    }
    assert.match(whole, /^ {2}haproxy: /m);
  });

  test('fits the client’s schema for an operator, as it is and with its examples included', () => {
    const text = contentOf('operator', 'client.yaml');
    const withFile = text.replace(/^discovery:.*\n/m, '').replace(/^# (discovery|inputs):/gm, '$1:');
    for (const yaml of [text, withFile]) {
      parseDocumentText(yaml, 'client.yaml', 'configuration', 'config/client', clientConfigSchema);
    }
    assert.match(withFile, /^inputs: /m);
  });

  test('allows nobody anything, and with its example rule only that one operator', () => {
    const text = contentOf('node', 'policies/default.policy');
    const node = { name: 'dev1', agents: [], classes: [], facts: {} };
    const allows = (policy: string, caller: string) => {
      const groups = parseGroups('', 'groups');
      return decide(parsePolicy(policy, 'default.policy', groups), { caller, action: 'ping', node }).allowed;
    };
    assert.equal(allows(text, 'cert=rip@devco.net'), false);
    const opened = text.replace('# allow\tcert', 'allow\tcert');
    assert.equal(allows(opened, 'cert=rip@devco.net'), true);
    assert.equal(allows(opened, 'cert=eve@devco.net'), false);
  });
});

describe('an archive', () => {
  test('can be read by GNU tar: names longer than a ustar header allows, modes, owner and content', async () => {
    const path = `${'d/'.repeat(140)}ü.txt`;
    const packed = await packArchive(
      [
        { path: 'policies/', mode: 0o755, content: '' },
        { path, mode: 0o640, content: 'grün\n' },
      ],
      1_700_000_000_000,
    );
    const list = execFileSync('tar', ['-tvzf', '-', '--quoting-style=literal'], { input: packed, encoding: 'utf8' });
    assert.match(list, /^drwxr-xr-x root\/root +0 .* policies\/$/m);
    assert.match(list, new RegExp(`^-rw-r----- root/root +6 .* ${path}$`, 'm'));
    assert.equal(execFileSync('tar', ['-xzOf', '-', path], { input: packed, encoding: 'utf8' }), 'grün\n');
  });
});
