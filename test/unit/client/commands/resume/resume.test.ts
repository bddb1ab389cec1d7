import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readlinkSync } from 'node:fs';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { journalFile } from '../../../../../src/library/runs/journal.ts';
import { markProcess } from '../../../../../src/core/files/process-mark.ts';
import { type Fleet, makeFleet } from '../../../../support/fleet/fleet.ts';
import { runInProcess } from '../../../../support/program/cli.ts';
import { makeHome } from '../../../../support/program/home.ts';

let fleet: Fleet;
let home: string;
let state: string;
let playbook: string;
const cli = (...words: string[]) => runInProcess(words, home);

/** Runs the playbook and gives the id of the run. */
const begin = async (...inputs: string[]) => {
  const { out } = await cli('run', playbook, '--json', ...inputs);
  const events = out.map((line) => JSON.parse(line) as { run_id: string; sequence: number });
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    events.map((_, index) => index + 1),
  );
  return events[0]?.run_id ?? assert.fail();
};

const linesOf = async (id: string) => (await readFile(journalFile(state, id), 'utf8')).trimEnd().split('\n');

/** The journal as it was before its run came to an end. */
const cut = async (id: string, lines: number) => {
  const kept = (await linesOf(id)).slice(0, lines);
  // This process ran it: the journal is changed to name one that is gone.
  const text = kept.map((line) => line.replace(/"start":"\d+"/, '"start":"1"')).join('\n');
  await writeFile(journalFile(state, id), `${text}\n`);
};

const refused = async (words: readonly string[], code: number, expected: RegExp) => {
  const result = await cli('resume', ...words);
  assert.deepEqual([result.code, result.out], [code, []]);
  assert.match(result.err.join('\n'), expected);
};

before(async () => {
  fleet = await makeFleet();
  home = join(fleet.dir, 'home');
  state = join(home, '.local/state/mco-deploy');
  playbook = join(home, 'say.yaml');
  await makeHome(home, await fleet.operator('rip@devco.net'), []);
  await writeFile(
    playbook,
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
    'name: talk\ninputs: {who: {default: you}, pin: {sensitive: true, required: false}}\nsteps:\n  - {id: one, say: "hello ${{ inputs.who }}"}\n  - {id: two, say: "bye ${{ inputs.who }}"}\n',
  );
});

after(() => fleet.remove());

/** Runs that need no node: what matters is their journals. */
describe('runs and resume, with journals', () => {
  test('continue a run that was interrupted after its last entry, and complete it', async () => {
    const id = await begin('who=us');
    const whole = (await linesOf(id)).length;
    await cut(id, 5);
    const list = await cli('runs', '--json');
    const [run] = JSON.parse(list.out.join('\n')) as { run: string; state: string; inputs: object }[];
    assert.deepEqual([run?.run, run?.state, run?.inputs], [id, 'cut-off', { who: 'us' }]);
    const { code, out } = await cli('resume', id.slice(0, 6));
    assert.equal(code, 0);
    assert.ok(
      out.some((line) => line.includes('bye us')) && !out.some((line) => line.includes('hello us')),
      out.join(),
    );
    assert.ok((await linesOf(id)).length > whole);
    await refused([id], 64, /ended well: there is nothing left to do/);
    const shown = await cli('runs', 'show', id, '--json');
    const { state: ended, out_of_rotation: left, steps } = JSON.parse(shown.out.join('\n'));
    assert.deepEqual([ended, left, steps.map(({ step }: { step: string }) => step)], ['done', null, ['one', 'two']]);
  });

  test('continue with the inputs of the run, not those that the configuration has now, and as the run of who started it', async () => {
    const settings = join(home, '.config/mco-deploy/client.yaml');
    const asking = join(home, 'asking.yaml');
    const expression = ['run.operator', 'inputs.note'].map((one) => `\${{ ${one} }}`).join(' ');
    await writeFile(
      asking,
      `name: ask\ninputs: {note: {required: false}}\nsteps:\n  - {id: one, say: hello}\n  - {id: two, say: "of ${expression}."}\n`,
    );
    const { out: begun } = await cli('run', asking, '--json');
    const { run_id: id } = JSON.parse(begun[0] ?? '') as { run_id: string };
    const told = begun.map((line) => /of rip@devco\.net [^"]*\./.exec(line)?.[0]).find((line) => line !== undefined);
    assert.ok(told, begun.join('\n'));
    await cut(id, 5);
    const file = journalFile(state, id);
    await writeFile(
      file,
      (await readFile(file, 'utf8')).replace('"operator":"rip@devco.net"', '"operator":"eve@devco.net"'),
    );
    const resumed = { at: 1, runId: id, type: 'run-resumed', operator: 'rip@devco.net' };
    await appendFile(file, `${JSON.stringify(resumed)}\n`);
    const before = await readFile(settings, 'utf8');
    await writeFile(settings, `${before}inputs: {note: changed}\n`);
    const { code, out, err } = await cli('resume', id);
    await writeFile(settings, before);
    assert.equal(code, 0, err.join('\n'));
    assert.ok(
      out.some((line) => line.includes(told.replace('rip@', 'eve@'))),
      out.join('\n'),
    );
  });

  test('leave no journal open if another has resumed the run at the same moment', async () => {
    const id = await begin();
    await cut(id, 5);
    const file = journalFile(state, id);
    await appendFile(file, 'xyz\n');
    const other = { at: 1, runId: id, type: 'process', ...(await markProcess(process.ppid)) };
    // The warning about the damaged line comes after the journal was read, and before it is read again.
    const warn = (line: string) => {
      if (line.includes('damaged')) appendFileSync(file, `${JSON.stringify(other)}\n`);
    };
    const { code } = await runInProcess(['resume', id], home, { err: warn });
    assert.equal(code, 75);
    assert.match(await readFile(file, 'utf8'), new RegExp(`"pid":${process.pid},`), 'its own line is in the journal');
    const open = readdirSync('/proc/self/fd').filter((one) => {
      try {
        return readlinkSync(`/proc/self/fd/${one}`).includes(id);
      } catch {
        return false;
      }
    });
    assert.deepEqual(open, []);
  });

  test('continue a run that this process recorded before another did', async () => {
    const id = await begin();
    const file = journalFile(state, id);
    await writeFile(file, `${(await linesOf(id)).slice(0, 5).join('\n')}\nxyz\n`);
    const other = { at: 1, runId: id, type: 'process', ...(await markProcess(process.ppid)) };
    const warn = (line: string) => {
      if (line.includes('damaged')) appendFileSync(file, `${JSON.stringify(other)}\n`);
    };
    assert.equal((await runInProcess(['resume', id], home, { err: warn })).code, 0);
  });

  test('refuse a playbook that asks where nobody can answer, before anything is written', async () => {
    const asking = join(home, 'confirm.yaml');
    await writeFile(asking, 'name: ask\nsteps:\n  - {id: one, say: hello}\n  - {id: two, confirm: "Is it so?"}\n');
    const { out } = await cli('run', asking, '--json', '--yes');
    const { run_id: id } = JSON.parse(out[0] ?? '') as { run_id: string };
    await cut(id, 5);
    const before = await linesOf(id);
    await refused([id], 64, /ask asks a question while it runs, and there is no terminal/);
    assert.deepEqual(await linesOf(id), before);
    assert.equal((await cli('resume', id, '--yes')).code, 0);
  });

  test('take a sensitive input, which no journal has, from the configuration', async () => {
    const settings = join(home, '.config/mco-deploy/client.yaml');
    const secret = join(home, 'secret.yaml');
    await writeFile(secret, 'name: secret\ninputs: {pin: {sensitive: true}}\nsteps:\n  - {id: one, say: hello}\n');
    const { out } = await cli('run', secret, '--json', 'pin=1234');
    const { run_id: id } = JSON.parse(out[0] ?? '') as { run_id: string };
    await cut(id, 3);
    await refused([id], 64, /“?pin/);
    const before = await readFile(settings, 'utf8');
    await writeFile(settings, `${before}inputs: {pin: "1234"}\n`);
    const { code, err } = await cli('resume', id);
    await writeFile(settings, before);
    assert.equal(code, 0, err.join('\n'));
  });

  test('refuse inputs that have changed, and a playbook that has changed', async () => {
    const id = await begin();
    await cut(id, 5);
    await refused([id, 'who=them'], 64, /keeps the inputs that it started with: it started with who=you/);
    await refused([id, 'other=them'], 64, /keeps the inputs that it started with: start another run instead/);
    const before = await readFile(playbook, 'utf8');
    await writeFile(playbook, before.replace('bye', 'farewell'));
    await refused([id], 64, /say\.yaml has changed since the run started/);
    await writeFile(playbook, `# a comment counts for nothing\n${before}`);
    const { code } = await cli('resume', id, 'pin=1234');
    assert.equal(code, 0);
    await writeFile(playbook, before);
  });

  test('refuse a run whose process lives, or may live, and a run of another operator', async () => {
    const id = await begin();
    const whole = await linesOf(id);
    const keep = (change: (line: string) => string) =>
      writeFile(journalFile(state, id), `${whole.slice(0, 5).map(change).join('\n')}\n`);
    const { pid, start } = await markProcess(process.ppid);
    const cutOff = () => readFile(journalFile(state, id), 'utf8');
    await keep((line) => line.replace(/"pid":\d+,"start":"\d+"/, `"pid":${pid},"start":"${start}"`));
    const before = await cutOff();
    await refused([id], 75, new RegExp(`process ${pid} on \\S+ is still running this run`));
    await refused([id, '--force'], 75, new RegExp(`process ${pid} on \\S+ is still running this run`));
    assert.equal(await cutOff(), before, 'nothing was written to its journal');
    await keep((line) => line.replace(/"host":"[^"]*"/, '"host":"elsewhere"').replace(/"start":"\d+"/, '"start":"1"'));
    await refused([id], 75, /process \d+ on elsewhere may still be running this run.*add --force/);
    await keep((line) => line.replace('"operator":"rip@devco.net"', '"operator":"eve@devco.net"'));
    await refused([id], 64, /started by eve@devco\.net, and this is rip@devco\.net/);
    await keep((line) => line.replace(/"host":"[^"]*"/, '"host":"elsewhere"').replace(/"start":"\d+"/, '"start":"1"'));
    assert.equal((await cli('resume', id, '--force')).code, 0);
  });

  test('find the nodes of the run as its configuration says, and read no list on standard input', async () => {
    const calling = join(home, 'calling.yaml');
    await writeFile(calling, 'name: call\nnodes: {all: {}}\nsteps:\n  - {id: one, call: rpcutil.ping, on: all}\n');
    const { out } = await cli('run', calling, '--json');
    const { run_id: id } = JSON.parse(out[0] ?? '') as { run_id: string };
    await cut(id, 2);
    const stdin = new PassThrough().end('web1.devco.net\n');
    const more = { hasInput: true, stdin: stdin as unknown as NodeJS.ReadStream };
    const resumed = await runInProcess(['resume', id], home, more);
    assert.match(resumed.out.join('\n'), /no node for “all” was found/);
    assert.equal(stdin.readableLength, 'web1.devco.net\n'.length);
  });

  test('refuse dry runs, runs that never started, and unknown ones', async () => {
    const dry = await begin('--dry-run');
    await cut(dry, 5);
    await refused([dry], 64, /was a dry run/);
    const idle = await begin();
    const lines = await linesOf(idle);
    for (const end of ['done', 'nothing-to-do']) {
      const ended = lines.map((line) => line.replace(/("type":"run-finished".*"state":)"done"/, `$1"${end}"`));
      await writeFile(journalFile(state, idle), `${ended.join('\n')}\n`);
      await refused([idle], 64, /ended well: there is nothing left to do/);
    }
    const empty = await begin();
    await cut(empty, 1);
    await refused([empty], 64, /never started/);
    await refused(['0000'], 64, /no journal of a run 0000 here/);
    await refused(['../../etc'], 64, /is not a valid run id/);
  });
});

describe('runs and resume, with damaged journals', () => {
  test('skip a damaged line of a journal, and report it; runs reports it too, and all other runs', async () => {
    const damaged = await begin();
    await cut(damaged, 3);
    await appendFile(journalFile(state, damaged), 'xyz\n{"at":1,"type":"step-started","step":"x"}\n');
    const file = journalFile(state, damaged);
    const warning = `warning: line 4 of the journal ${file} is damaged and was skipped: its content counts as unknown`;
    const resumed = await cli('resume', damaged);
    assert.equal(resumed.code, 0);
    assert.ok(resumed.err.includes(warning), resumed.err.join('\n'));
    assert.ok(
      resumed.out.some((line) => line.includes('bye you')),
      resumed.out.join('\n'),
    );
    await refused([damaged], 64, /ended well: there is nothing left to do/);
    const list = await cli('runs', '--limit', '100');
    assert.equal(list.code, 0);
    assert.ok(list.err.includes(warning), list.err.join('\n'));
    assert.ok(list.out.length > 3, 'the others are listed, too');
  });

  test('rollback never skips a journal that cannot be read, and calls nodes if there is none', async () => {
    const back = ['rollback', '--cluster', 'bravo', '--no-notify'];
    const damaged = await cli(...back);
    assert.equal(damaged.code, 64);
    assert.match(
      damaged.err.join('\n'),
      /line 4 of the journal .*\.jsonl is damaged and was skipped: its content counts as unknown: it may be the run to undo: name the run with --run$/,
    );
    const wrong = await cli(...back, '--run', await begin());
    assert.equal(wrong.code, 64);
    assert.match(wrong.err.join('\n'), /the run [0-9a-f]{32} upgraded no server of cluster “bravo”/);
    await rm(join(state, 'runs'), { recursive: true });
    const none = await cli(...back);
    assert.equal(none.code, 1);
    assert.match(none.out.join('\n'), /no web server of cluster “bravo” was found/);
  });
});
