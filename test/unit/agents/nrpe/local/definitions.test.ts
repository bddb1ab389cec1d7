import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { cacheDefinitions } from '../../../../../src/agents/nrpe/local/definitions.ts';
import type { Problem } from '../../../../../src/core/errors.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

function files(texts: Readonly<Record<string, string>>) {
  const root = temporaryDirectory();
  for (const name of ['d', 'd/deep']) mkdirSync(join(root, name));
  const write = (name: string, text: string) => writeFileSync(join(root, name), text);
  for (const [name, text] of Object.entries(texts)) write(name, text);
  return { root, write, read: cacheDefinitions(join(root, 'nrpe.cfg')) };
}

describe('the definitions of nrpe.cfg and its includes', () => {
  test('are read in order, so that the last of a name counts', async () => {
    const { read } = files({
      'nrpe.cfg': 'command[a]=main\ncommand[b]=main\ninclude=l.cfg\ninclude_dir=d\ncommand[b]=end\n',
      'l.cfg': 'command[a]=local\ncommand_timeout=9\ncommand_prefix=/sudo\ndont_blame_nrpe=1\n',
      'd/2.cfg': 'command[c]=two\n',
      'd/1.cfg': 'command[c]=one\n',
      'd/11.cfg': 'command[c]=eleven\n',
      'd/10.cfg': 'command[c]=ten\n',
      'd/deep/3.cfg': 'command[d]=three\n',
      'd/3.txt': 'command[c]=text\n',
    });
    const { commands, faults, prefix, takesArguments, timeout } = await read();
    assert.deepEqual(Object.fromEntries(commands), { a: 'local', b: 'end', c: 'two', d: 'three' });
    assert.deepEqual([faults, prefix, takesArguments, timeout], [[], '/sudo', true, 9]);
  });

  test('have a timeout of a minute and take no arguments unless the file says otherwise', async () => {
    const { prefix, takesArguments, timeout } = await files({ 'nrpe.cfg': '' }).read();
    assert.deepEqual([prefix, takesArguments, timeout], ['', false, 60]);
  });

  test('are read again when a file or a directory changes, and only then', async () => {
    const { read, root, write } = files({ 'nrpe.cfg': 'include=l.cfg\ninclude_dir=d\n' });
    const first = await read();
    assert.equal(await read(), first);
    assert.match(first.faults.join(), /l\.cfg \(included by .*nrpe\.cfg:1\) cannot be read: no such file/);
    write('l.cfg', 'command[a]=x\n');
    const second = await read();
    assert.deepEqual([second.commands.get('a'), second.faults.length], ['x', 0]);
    write('d/new.cfg', 'command[b]=y\n');
    assert.equal((await read()).commands.get('b'), 'y');
    rmSync(join(root, 'l.cfg'));
    assert.equal((await read()).commands.get('a'), undefined);
  });

  test('lose a check whose last line cannot be used, until a line that can', async () => {
    const { read, write } = files({ 'nrpe.cfg': 'command[a]=x\ncommand[a]=\n' });
    const { commands, undefinable } = await read();
    assert.equal(commands.has('a'), false);
    assert.match(undefinable.get('a') ?? '', /nrpe\.cfg:2: /);
    write('nrpe.cfg', 'command[a]=\ncommand[a]=later\n');
    const later = await read();
    assert.deepEqual([later.commands.get('a'), later.undefinable.size, later.faults.length], ['later', 0, 1]);
  });
});

describe('an include of nrpe.cfg that cannot be used', () => {
  const others = 'command[before]=x\n';
  const faultOf = async ({ read }: ReturnType<typeof files>) => {
    const { commands, faults } = await read();
    assert.deepEqual([...commands.keys()].sort(), ['after', 'before'], 'the others are kept');
    assert.equal(faults.length, 1, faults.join('\n'));
    return faults[0] ?? '';
  };

  for (const [title, line, prepare, fault] of [
    [
      'is a circle',
      'include=l.cfg',
      (root: string) => writeFileSync(join(root, 'l.cfg'), 'include=nrpe.cfg\n'),
      /nrpe\.cfg \(included by .*l\.cfg:1\) includes itself/,
    ],
    [
      'is a directory in itself',
      'include_dir=d',
      (root: string) => symlinkSync('..', join(root, 'd/deep/up')),
      /up \(included by .*nrpe\.cfg:2\) includes itself/,
    ],
    [
      'is a link to nowhere',
      'include_dir=d',
      (root: string) => symlinkSync('none', join(root, 'd/x.cfg')),
      /x\.cfg .* cannot be read: no such file/,
    ],
    [
      'is larger than 1 MiB',
      'include=l.cfg',
      (root: string) => {
        writeFileSync(join(root, 'l.cfg'), '');
        truncateSync(join(root, 'l.cfg'), 1024 * 1024 + 1);
      },
      /l\.cfg: it is larger than 1048576 bytes/,
    ],
    [
      'is neither a file nor a directory',
      'include=/dev/null',
      () => {},
      /\/dev\/null: it is neither a file nor a directory/,
    ],
  ] as const) {
    test(`is named, and costs nothing else: one that ${title}`, async () => {
      const made = files({ 'nrpe.cfg': `${others}${line}\ncommand[after]=x\n` });
      prepare(made.root);
      assert.match(await faultOf(made), fault);
    });
  }

  test('may have exactly 1 MiB', async () => {
    const { read, write } = files({ 'nrpe.cfg': 'include=l.cfg\n' });
    write('l.cfg', `command[a]=x\n${'\n'.repeat(1024 * 1024 - 13)}`);
    assert.deepEqual([(await read()).commands.get('a'), (await read()).faults], ['x', []]);
  });

  test('counts for the main file, too, where it costs everything', async () => {
    const read = cacheDefinitions('/nowhere/nrpe.cfg');
    await assert.rejects(
      read(),
      (problem: Problem) =>
        problem.code === 'unreadable-file' && /^\/nowhere\/nrpe\.cfg cannot be read/.test(problem.message),
    );
  });
});
