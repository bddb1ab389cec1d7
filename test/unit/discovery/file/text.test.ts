import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { parseNodesText } from '../../../../src/discovery/file/text.ts';

const parse = (text: string) => parseNodesText(text, 'nodes', 'file');
const at = (host: string, port = 5810) => [{ host, port }];

function refused(text: string): Problem {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof Problem);
    assert.equal(error.code, 'bad-nodes');
    return error;
  }
  return assert.fail('was taken');
}
const fault = (text: string) => refused(text).message;

describe('a list of nodes', () => {
  test('may be one name per line, with comments', () => {
    assert.deepEqual(
      parse('# web\ndev1.devco.net\n\n  DEV2.devco.net  # second\r\n').map(({ name }) => name),
      ['dev1.devco.net', 'dev2.devco.net'],
    );
  });

  test('may be YAML or JSON, of names and of objects, bare or under nodes', () => {
    const expected = [
      { name: 'dev1', addresses: [], source: 'file' },
      { name: 'dev2', addresses: at('10.0.0.2'), source: 'file' },
      { name: 'dev3', addresses: at('fd00::3', 6000), source: 'file' },
    ];
    for (const text of [
      '- dev1\n- {name: dev2, address: 10.0.0.2}\n- identity: dev3\n  address: fd00::3\n  port: 6000\n',
      'nodes:\n  - dev1\n  - {name: dev2, address: "10.0.0.2:5810"}\n  - {name: dev3, address: "[fd00::3]:6000"}\n',
      '# ours\n---\n- dev1\n- {name: dev2, address: 10.0.0.2}\n- {name: dev3, address: "fd00::3", port: 6000}\n',
      '["dev1",{"name":"dev2","address":"10.0.0.2"},{"name":"dev3","address":"fd00::3","port":6000}]',
      '{"nodes": ["dev1",{"name":"dev2","address":"10.0.0.2"},{"name":"dev3","address":"fd00::3","port":6000}]}',
    ]) {
      assert.deepEqual(parse(text), expected);
    }
  });

  test('may be empty', () => {
    assert.deepEqual(parse(''), []);
    assert.deepEqual(parse('[]'), []);
  });

  test('is refused beyond 16 MiB, as a plain list and in any other form', () => {
    const spaces = ' '.repeat(16 * 1024 * 1024);
    assert.deepEqual(parse(spaces), []);
    for (const text of [`${spaces} `, `["dev1"${spaces}]`])
      assert.equal(fault(text), 'nodes: the list is larger than 16777216 bytes');
  });

  test('is refused with file and line of the fault', () => {
    assert.match(fault('dev1\ndev 2\n'), /^nodes:2: “dev 2” is not a valid node name/);
    assert.match(fault('- dev1\n- {address: 10.0.0.1}\n'), /^nodes:2: a node needs a “name”/);
    assert.match(fault('- dev1\n- {name: dev2, address: "a b"}\n'), /^nodes:2: "a b" is not a valid address/);
    assert.match(fault('- {name: dev2, address: h, port: 99999}\n'), /^nodes:1: “port” must be/);
    assert.match(fault('- {name: dev2, address: h, port: 65536}\n'), /^nodes:1: “port” must be/);
    assert.deepEqual(parse('- {name: dev2, address: h, port: 65535}\n')[0]?.addresses, at('h', 65_535));
    assert.match(fault('- {name: dev2, port: 80}\n'), /^nodes:1: a “port” needs an “address”/);
    assert.match(fault('- {name: dev2, address: "h:81", port: 80}\n'), /^nodes:1: .*different ports/);
    assert.match(fault('dev1\ndev2\n\ndev1\n'), /^nodes:4: dev1 occurs twice \(first at nodes:1\)/);
    assert.match(fault('nodes: dev1\n'), /^nodes:1: expected a list/);
    assert.match(fault('- dev1\n- [dev2\n'), /^nodes:\d: /);
    assert.match(fault('- 5\n'), /^nodes:1: a node is a name, or an object/);
    assert.match(fault('../etc/passwd\n'), /^nodes:1: .*not a valid node name/);
  });

  test('in a form of another program is refused with the form to write', () => {
    const lines = ['name,address\n', 'dev1:5810\n', 'rip@dev1\n', '10.0.0.1 dev1\n', 'Host dev1\n', '"dev1"\n'];
    for (const text of lines) assert.match(refused(text).hint, /^write one name a line; with an address: /, text);
    const ini = refused('[web]\ndev1 ansible_host=10.0.0.1\n\n[db]\ndev2\n');
    assert.equal(ini.message, 'nodes: this is an inventory in INI');
    for (const { hint } of [ini, refused('all:\n  hosts:\n    dev1:\n')])
      assert.equal(hint, 'of an Ansible inventory, take what “ansible-inventory -i FILE --list” prints');
    assert.deepEqual(parse('[dev1]\n')[0]?.name, 'dev1', 'one name in brackets is a list');
  });

  test('is refused with file and line of the fault in JSON, too', () => {
    assert.match(fault('["dev1",\n"dev 2"]'), /^nodes:2: “dev 2” is not a valid node name/);
    assert.match(fault('["dev1",\n "dev1"]'), /^nodes:2: dev1 occurs twice \(first at nodes:1\)/);
    assert.match(fault('[{"name":"dev1",\n"name":"dev2"}]'), /^nodes:2: the key “name” occurs twice/);
    assert.match(fault('{"nodes": "dev1"}'), /^nodes:1: expected a list/);
    assert.match(fault('["dev1"'), /^nodes:\d: /);
  });

  test('may be JSON with escapes, numbers in another form and comments of YAML', () => {
    const expected = [{ name: 'dev1', addresses: at('10.0.0.1', 6000), source: 'file' }];
    for (const port of ['6000', '6e3', '6000.0'])
      assert.deepEqual(parse(`[ {"name":"d\\u0065v1","address":"10.0.0.1","port":${port}} ] # ours`), expected, port);
  });

  test('names a wrong key', () => {
    assert.match(fault('- {name: dev2, adress: 10.0.0.1}\n'), /^nodes:1: unknown key “adress”: did you mean “address”/);
  });

  test('runs no code and expands no bomb', () => {
    fault('- !!js/function "x"\n');
    const bomb = `nodes:\n - &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghij'
      .split('')
      .map((letter, index) => ` - &${letter} [${Array(9).fill(`*${'abcdefghij'[index]}`).join(',')}]\n`)
      .join('')}`;
    fault(bomb);
    fault('x'.repeat(5 * 1024 * 1024));
  });
});
