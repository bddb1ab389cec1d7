import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { quote } from '../../../../src/client/install/ssh.ts';
import { parseTarget, readTargets, requireDistinct, targetsOf } from '../../../../src/client/install/target.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

describe('a host on the command line', () => {
  test('has user, host and port, and the node has the host’s name', () => {
    assert.deepEqual(parseTarget('root@Web1.devco.net:2222'), {
      node: 'web1.devco.net',
      host: 'Web1.devco.net',
      user: 'root',
      port: 2222,
    });
    assert.deepEqual(parseTarget('web1'), { node: 'web1', host: 'web1' });
    assert.deepEqual(parseTarget('web1.devco.net=10.0.0.7'), { node: 'web1.devco.net', host: '10.0.0.7' });
    assert.deepEqual(parseTarget('web1=rip@[fe80::1]:22'), { node: 'web1', host: 'fe80::1', user: 'rip', port: 22 });
  });

  test('cannot be an address alone, which names no node', () => {
    for (const text of ['root@10.0.0.7', '[::1]']) {
      assert.throws(() => parseTarget(text), { code: 'usage', hint: `write NODE=${text}` });
    }
  });

  test('is refused when ssh or a shell could read it as something else', () => {
    const bad = [
      '-oProxyCommand=x',
      'root@-oProxyCommand=x',
      'a b',
      'a;b',
      '$(id)',
      'a@b@c',
      'web1:0',
      'web1:70000',
      '',
      "a'b",
      'x\ny',
    ];
    for (const text of bad) assert.throws(() => parseTarget(text), { code: 'usage' }, text);
  });

  test('may be named only once', () => {
    assert.throws(() => requireDistinct([parseTarget('web1'), parseTarget('WEB1')]), { code: 'usage' });
    assert.throws(() => requireDistinct([]), { code: 'usage' });
  });
});

test('passes its address from a list of nodes to ssh, and not its port', async () => {
  const file = join(temporaryDirectory(), 'nodes.yaml');
  await writeFile(file, '- web1.devco.net\n- { name: web2.devco.net, address: "10.0.0.8:5811" }\n');
  assert.deepEqual(await readTargets(file, 'root'), [
    { node: 'web1.devco.net', host: 'web1.devco.net', user: 'root' },
    { node: 'web2.devco.net', host: '10.0.0.8', user: 'root' },
  ]);
  await assert.rejects(readTargets(`${file}.not`, undefined), { code: 'unreadable-file' });
});

test('hosts come from the command line and from a list, with one user for all', async () => {
  const hosts = join(temporaryDirectory(), 'nodes.yaml');
  await writeFile(hosts, '- web2\n');
  assert.deepEqual(await targetsOf(['web1', 'own@web3'], { hosts, user: 'root' } as Parameters<typeof targetsOf>[1]), [
    { node: 'web1', host: 'web1', user: 'root' },
    { node: 'web3', host: 'web3', user: 'own' },
    { node: 'web2', host: 'web2', user: 'root' },
  ]);
  assert.deepEqual(await targetsOf(['web1'], {} as unknown as Parameters<typeof targetsOf>[1]), [
    { node: 'web1', host: 'web1' },
  ]);
  for (const [words, options] of [
    [['web1'], { user: '-x' }],
    [['web2'], { hosts }],
    [[], {}],
  ] as const) {
    await assert.rejects(targetsOf(words, options as unknown as Parameters<typeof targetsOf>[1]), { code: 'usage' });
  }
});

test('a quoted argument reaches a shell’s program unchanged', () => {
  for (const word of ['', "it's", '$(id) `id` "x" \\ * ; & | > <', 'two\nlines', '-n']) {
    assert.equal(execFileSync('sh', ['-c', `printf %s ${quote(word)}`], { encoding: 'utf8' }), word);
  }
});
