import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { uptime as osUptime } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, describe, mock, test } from 'node:test';
import type { CommandResult, Log, RunCommand } from '../../../../src/core/ports.ts';
import { keepFresh, type NodeTruth, startNodeTruth } from '../../../../src/daemon/facts/node-truth.ts';
import { factSources, readSource, stampOf } from '../../../../src/daemon/facts/sources.ts';
import { silentLog, temporaryDirectory } from '../../../support/agents/agent-setup.ts';

const neverRun: RunCommand = async () => assert.fail('nothing is run');

function host(texts: Readonly<Record<string, string>> = {}) {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'facts.d'));
  const path = (name: string) => join(root, name);
  const write = (name: string, text: string) => writeFileSync(path(name), text);
  const program = (name: string) => {
    write(name, '#!/bin/sh\n');
    chmodSync(path(name), 0o755);
    return path(name);
  };
  for (const [name, text] of Object.entries(texts)) write(name, text);
  const sources = { directory: path('facts.d'), files: [path('puppet.yaml')], classes: path('classes.txt') };
  return { path, write, program, sources };
}

describe('the sources of facts', () => {
  test('are the data files and the programs of a directory, in the order of their names', async () => {
    const { path, write, program, sources } = host({
      'facts.d/b.yaml': '',
      'facts.d/a.yml': '',
      'facts.d/c.json': '',
      'facts.d/.hidden.json': '',
      'facts.d/readme.txt': '',
      'facts.d/cluster.txt': '',
    });
    program('facts.d/aa');
    mkdirSync(path('facts.d/folder'));
    symlinkSync('nowhere', path('facts.d/link'));
    write('facts.d/d.json.bak', '');
    const { files, warnings } = await factSources(sources.directory);
    assert.deepEqual(
      files.map((file) => basename(file)),
      ['a.yml', 'aa', 'b.yaml', 'c.json'],
    );
    const why = 'is not read: files of facts end with .json or .yaml, and programs are executable';
    assert.deepEqual(
      warnings,
      ['cluster.txt', 'folder', 'link'].map((name) => `${path('facts.d')}/${name} ${why}`),
    );
    assert.deepEqual(await factSources(path('missing')), { files: [], warnings: [] });
    await assert.rejects(factSources(path('facts.d/b.yaml')), { code: 'ENOTDIR' });
  });

  test('are the first 256 of a directory', async () => {
    const { write, sources } = host();
    for (let n = 0; n < 257; n++) write(`facts.d/${String(n).padStart(3, '0')}.json`, '{}');
    const { files, warnings } = await factSources(sources.directory);
    assert.deepEqual([files.length, basename(files.at(-1) ?? '')], [256, '255.json']);
    assert.match(warnings.join('\n'), /^\S+\/256\.json is not read: only the first 256 files of a directory are$/);
  });

  test('have a stamp that changes with a data file, and none if they are programs or missing', async () => {
    const { path, write, program } = host({ 'a.json': '1' });
    const first = await stampOf(path('a.json'));
    assert.equal(await stampOf(path('a.json')), first);
    write('a.json', '12');
    assert.notEqual(await stampOf(path('a.json')), first);
    assert.deepEqual([await stampOf(program('p')), await stampOf(path('b.json'))], [undefined, undefined]);
  });

  test('may have 4 MiB, and no more', async () => {
    const { path, write } = host();
    write('a.yaml', `a: 1\n#${' '.repeat(4 * 1024 * 1024 - 6)}`);
    assert.deepEqual((await readSource(path('a.yaml'), neverRun)).facts, { a: 1 });
    truncateSync(path('a.yaml'), 4 * 1024 * 1024 + 1);
    await assert.rejects(readSource(path('a.yaml'), neverRun), /it is larger than 4194304 bytes/);
  });
});

describe('a program that prints facts', () => {
  const usual: CommandResult = { code: 0, signal: null, stdout: 'a=1', stderr: '', truncated: false };

  test('runs alone, with bounds and a mark of its own, and nothing of the daemon’s environment', async () => {
    const { program } = host();
    const file = program('facts.d/p');
    const calls: [readonly string[], Parameters<RunCommand>[1]][] = [];
    const run: RunCommand = async (argv, options) => {
      calls.push([argv, options]);
      return usual;
    };
    for (let n = 0; n < 2; n++) assert.deepEqual((await readSource(file, run)).facts, { a: '1' });
    const [[argv, options] = [], [, other] = []] = calls;
    assert.deepEqual(argv, [file]);
    assert.deepEqual(
      [options?.cwd, options?.timeout, options?.limit, options?.mostProcesses],
      ['/', 5000, 4 * 1024 * 1024, 64],
    );
    const env = options?.env ?? {};
    assert.deepEqual(Object.keys(env), ['PATH', 'MCO_DEPLOY_FACTS']);
    assert.equal(options?.mark, `MCO_DEPLOY_FACTS=${env['MCO_DEPLOY_FACTS']}`);
    assert.notEqual(options?.mark, other?.mark);
  });

  const failures: [Partial<CommandResult>, RegExp][] = [
    [{ code: null, ended: 'timeout' }, /^it did not end within 5 s and was killed$/],
    [{ code: null, ended: 'not-found' }, /^it cannot be run \(not-found\)$/],
    [{ code: 3 }, /^it ended with exit code 3$/],
    [{ code: null, signal: 'SIGSEGV' }, /^it was ended by SIGSEGV$/],
    [{ truncated: true }, /^it printed more than 4194304 bytes$/],
  ];
  for (const [result, why] of failures) {
    test(`is refused if ${why.source}`, async () => {
      const file = host().program('facts.d/p');
      const read = readSource(file, async () => ({ ...usual, ...result }));
      await assert.rejects(read, (error: Error) => why.test(error.message));
    });
  }

  test('does not run if others may have written it or its directory', async () => {
    const { path, program } = host();
    const file = program('facts.d/p');
    chmodSync(file, 0o757);
    await assert.rejects(readSource(file, neverRun), /can be written by other users/);
    chmodSync(file, 0o755);
    chmodSync(path('facts.d'), 0o777);
    await assert.rejects(readSource(file, neverRun), /facts\.d can be written by other users/);
  });
});

describe('the facts of a node', () => {
  const start = async (texts: Readonly<Record<string, string>> = {}, run: RunCommand = neverRun) => {
    const warned: string[] = [];
    const log: Log = { ...silentLog, warn: (_fields, message) => warned.push(message) };
    const made = host(texts);
    return { ...made, warned, truth: await startNodeTruth(made.sources, run, log) };
  };
  const own = (truth: NodeTruth) => truth.written();

  test('are those of its system, overlaid by files and then by the directory, later ones first', async () => {
    const { truth } = await start({
      'puppet.yaml': 'a: puppet\nb: puppet\n',
      'facts.d/1.json': '{"b": "one", "c": "one"}',
      'facts.d/2.yaml': 'c: two\nhostname: mine\n',
    });
    assert.deepEqual(own(truth), { a: 'puppet', b: 'one', c: 'two', hostname: 'mine' });
    const { a, hostname, uptime, kernel } = truth.facts();
    assert.deepEqual([a, hostname, Number.isInteger(uptime), typeof kernel], ['puppet', 'mine', true, 'object']);
    assert.deepEqual([truth.warnings(), truth.notes(), truth.incomplete()], [[], [], []]);
  });

  test('count the uptime on between two readings, without a look at the system, unless a keeper names one', async (context) => {
    const { truth, write } = await start({});
    const [since, real] = [Number(truth.facts()['uptime']), performance.now()];
    assert.ok(Math.abs(since - osUptime()) < 60, `${since} s`);
    context.mock.method(performance, 'now', () => real + 3_600_000);
    const later = Number(truth.facts()['uptime']) - since;
    assert.ok(later === 3600 || later === 3601, `${later} s`);
    assert.equal(JSON.parse(JSON.stringify(truth.facts())).uptime, since + later);
    write('puppet.yaml', 'uptime: 7\n');
    await truth.reload();
    assert.equal(truth.facts()['uptime'], 7);
  });

  test('show a reload at once, and not before', async () => {
    const { truth, write } = await start({ 'puppet.yaml': 'a: 1\n' });
    const before = truth.facts();
    write('puppet.yaml', 'a: 22\n');
    assert.equal(truth.facts()['a'], before['a']);
    await truth.reload();
    assert.deepEqual([own(truth), truth.facts()['a']], [{ a: 22 }, 22]);
  });

  test('keep the last good ones of a source that breaks, with one warning in the log', async () => {
    const { truth, path, warned, write } = await start({ 'puppet.yaml': 'a: 1\n', 'facts.d/b.json': '{"b": 2}' });
    write('puppet.yaml', 'a: "x\n');
    for (let n = 0; n < 2; n++) await truth.reload();
    assert.deepEqual(own(truth), { a: 1, b: 2 });
    assert.equal(warned.length, 1, warned.join('\n'));
    assert.match(warned[0] ?? '', /^facts in .*puppet\.yaml refused, the last good ones stay: /);
    assert.deepEqual([truth.warnings(), truth.incomplete()], [warned, []]);
    rmSync(path('facts.d/b.json'));
    await truth.reload();
    assert.deepEqual(own(truth), { a: 1 }, 'a file of the directory that is gone has no facts');
    write('puppet.yaml', 'a: 3\n');
    await truth.reload();
    assert.deepEqual([own(truth), truth.warnings()], [{ a: 3 }, []]);
  });

  test('are known to be incomplete if a source never was readable, or a value is lost', async () => {
    const { truth, write } = await start({
      'puppet.yaml': '[]\n',
      'facts.d/b.json': '{"b": {"__proto__": 1}, "c": 1}',
    });
    assert.deepEqual(truth.incomplete(), ['*', 'b']);
    assert.match(truth.warnings()[0] ?? '', /puppet\.yaml refused: it is not a mapping/);
    assert.match(truth.warnings()[1] ?? '', /^the fact “b\.__proto__” in .*b\.json is left out: its name is reserved$/);
    write('puppet.yaml', 'a: 1\n');
    await truth.reload();
    assert.deepEqual([truth.incomplete(), truth.warnings().length], [['b'], 1]);
  });

  test('read a data file again only when it changes, and run a program each time', async () => {
    const made = host({ 'puppet.yaml': 'a: 9007199254740993\n' });
    made.program('facts.d/p');
    let runs = 0;
    const run: RunCommand = async () => ({
      code: 0,
      signal: null,
      stdout: `n=${++runs}`,
      stderr: '',
      truncated: false,
    });
    const truth = await startNodeTruth(made.sources, run, silentLog);
    const first = truth.written()['a'];
    await truth.reload();
    assert.deepEqual([truth.written()['a'], truth.written()['n'], runs], [first, '2', 2]);
    assert.match(truth.notes().join(), /^facts in .*puppet\.yaml: a is a number/);
  });

  test('come with the classes, one a line, as Puppet writes them', async () => {
    const { truth, path, write } = await start({ 'classes.txt': '# a comment\n  settings\n\nrole::web\n' });
    assert.deepEqual(truth.classes(), ['settings', 'role::web']);
    assert.equal(truth.incomplete().length, 1, 'there is no file of Puppet’s');
    write('puppet.yaml', '{}');
    write('classes.txt', Array.from({ length: 10_001 }, (_, n) => `c${n}\n`).join(''));
    await truth.reload();
    assert.deepEqual([truth.classes().length, truth.incomplete()], [10_000, []]);
    rmSync(path('classes.txt'));
    mkdirSync(path('classes.txt'));
    await truth.reload();
    assert.deepEqual([truth.classes().length, truth.incomplete()], [10_000, ['*']], 'the last good ones stay');
    assert.match(truth.warnings().join(), /^the classes in .*classes\.txt cannot be read: /);
    rmSync(path('classes.txt'), { recursive: true });
    await truth.reload();
    assert.deepEqual([truth.classes(), truth.incomplete()], [[], []]);
  });
});

describe('facts that are kept fresh', () => {
  afterEach(() => mock.timers.reset());

  /** A truth whose reload is answered by the test. */
  const controlled = () => {
    const reloads: PromiseWithResolvers<void>[] = [];
    let [written, classes] = [{}, [] as string[]];
    const truth = {
      written: () => written,
      classes: () => classes,
      reload: () => {
        const one = Promise.withResolvers<void>();
        reloads.push(one);
        return one.promise;
      },
    } as unknown as NodeTruth;
    const settle = async (end: (one: PromiseWithResolvers<void>) => void) => {
      const last = reloads.at(-1);
      assert.ok(last);
      end(last);
      for (let n = 0; n < 10; n++) await Promise.resolve();
    };
    return {
      truth,
      reloads,
      settle,
      change: (facts: object, names: string[]) => {
        [written, classes] = [facts, names];
      },
    };
  };

  test('are gathered at each interval, one at a time, and a change is reported', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const { truth, reloads, settle, change } = controlled();
    let changes = 0;
    const end = keepFresh(
      truth,
      2,
      async () => void changes++,
      (error) => assert.fail(String(error)),
    );
    mock.timers.tick(1999);
    assert.equal(reloads.length, 0);
    mock.timers.tick(1);
    mock.timers.tick(2000);
    assert.equal(reloads.length, 1, 'the first one still runs');
    await settle(({ resolve }) => resolve());
    assert.equal(changes, 0, 'nothing changed');
    mock.timers.tick(2000);
    change({ a: 1 }, []);
    await settle(({ resolve }) => resolve());
    assert.deepEqual([reloads.length, changes], [2, 1]);
    mock.timers.tick(2000);
    change({ a: 1 }, ['web']);
    await settle(({ resolve }) => resolve());
    assert.equal(changes, 2, 'a class counts, too');
    end();
    mock.timers.tick(10_000);
    assert.equal(reloads.length, 3);
  });

  test('are gathered again after a fault, which is reported', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const { truth, reloads, settle } = controlled();
    const faults: unknown[] = [];
    const end = keepFresh(
      truth,
      1,
      async () => {},
      (error) => void faults.push(error),
    );
    mock.timers.tick(1000);
    const fault = new Error('no');
    await settle(({ reject }) => reject(fault));
    assert.deepEqual(faults, [fault]);
    mock.timers.tick(1000);
    assert.equal(reloads.length, 2);
    end();
  });
});
