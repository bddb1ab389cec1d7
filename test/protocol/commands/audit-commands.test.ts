import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type AuditEvent, formatLine, hashLine } from '../../../src/core/audit/record.ts';
import type { AuditEntry } from '../../../src/core/audit/show.ts';
import type { CallOptions } from '../../../src/core/request/request.ts';
import { type Daemon, startDaemon } from '../../../src/daemon/daemon.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { within } from '../../support/until.ts';

let fleet: Fleet;
let node: TestNode;
let other: TestNode;
let rip: Member;
let eve: Member;
let lines: string[];
let midway: string;

before(async () => {
  fleet = await makeFleet();
  [rip, eve] = [await fleet.operator('rip@devco.net'), await fleet.operator('eve@devco.net')];
  node = await startTestNode(fleet, { name: 'dev2.devco.net' });
  other = await startTestNode(fleet, { name: 'dev4.devco.net' });
  await node.call(rip, { runId: 'a'.repeat(32), step: 'one' });
  await node.call(rip, { action: 'fail', input: {} });
  await node.call(eve, { agent: 'sonde' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  midway = new Date().toISOString();
  await node.call(rip, { action: 'count', input: {}, dryRun: false });
  await other.call(rip, {});
  await node.daemon.stop();
  lines = (await readFile(node.auditFile, 'utf8')).trimEnd().split('\n');
});
after(async () => {
  await other[Symbol.asyncDispose]();
  await fleet.remove();
});

/** Puts a log somewhere of its own and runs a command of `audit` on it. */
async function on(text: readonly string[] | string, command: string, ...options: string[]) {
  const file = join(await mkdtemp(join(fleet.dir, 'log-')), 'audit.jsonl');
  await writeFile(file, typeof text === 'string' ? text : text.map((line) => `${line}\n`).join(''));
  const ca = command === 'verify' ? ['--ca', join(fleet.dir, 'ca.crt')] : [];
  return await runInProcess(['audit', command, '--file', file, ...ca, ...options], fleet.dir);
}

describe('audit verify', () => {
  const faultOf = async (text: readonly string[] | string, ...options: string[]) => {
    const { code, out } = await on(text, 'verify', ...options);
    const [plain = ''] = out;
    assert.equal(out.length, 1, 'one line');
    const [, line = '', what = ''] = /audit\.jsonl:(\d+): ([a-z-]+): ./.exec(plain) ?? [];
    const json = JSON.parse((await on(text, 'verify', '--json', ...options)).out.join('\n'));
    if (code !== 0) assert.deepEqual([json.fault.line, json.fault.code], [Number(line), what], 'JSON says the same');
    return [code, what, Number(line)];
  };
  const edit = (index: number, from: string | RegExp, to: string) => {
    const changed = (lines[index] ?? '').replace(from, to);
    assert.notEqual(changed, lines[index]);
    return lines.with(index, changed);
  };

  test('accepts an untouched log', async () => {
    const { code, out } = await on(lines, 'verify');
    assert.equal(code, 0);
    assert.match(
      out[0] ?? '',
      new RegExp(`: ${lines.length} records are valid; the last is ${lines.length}:[0-9a-f]{64}$`),
    );
  });

  test('names the first record that was edited, whichever part of it', async () => {
    assert.deepEqual(await faultOf(edit(1, '"text":"hello"', '"text":"hullo"')), [2, 'edited', 2]);
    assert.deepEqual(await faultOf(edit(2, '"outcome":"ok"', '"outcome":"failed"')), [2, 'edited', 3]);
    assert.deepEqual(await faultOf(edit(5, 'cert=eve', 'cert=bob')), [2, 'edited', 6]);
    assert.deepEqual(await faultOf(edit(3, /"time":"20/, '"time":"19')), [2, 'edited', 4]);
    assert.deepEqual(await faultOf(edit(4, /"signature":"...../, '"signature":"AAAAA')), [2, 'edited', 5]);
  });

  test('names the position of a removed record', async () => {
    for (const index of [1, 4, 6])
      assert.deepEqual(await faultOf(lines.toSpliced(index, 1)), [2, 'removed', index + 1]);
    assert.deepEqual(await faultOf(lines.slice(1)), [2, 'removed', 1]);
  });

  test('names the first of records that were swapped or duplicated', async () => {
    const [a = '', b = ''] = [lines[3], lines[5]];
    assert.deepEqual(await faultOf(lines.with(3, b).with(5, a)), [2, 'removed', 4]);
    assert.deepEqual(await faultOf(lines.toSpliced(4, 0, lines[3] ?? '')), [2, 'removed', 5]);
  });

  test('detects a cut tail with a head that a caller kept, and reports nothing without one', async () => {
    const last = lines.length;
    const head = `${last}:${hashLine(lines.at(-1) ?? '')}`;
    const cut = lines.slice(0, -2);
    assert.deepEqual(await faultOf(cut), [0, '', 0]);
    assert.deepEqual(await faultOf(cut, '--head', head), [2, 'truncated', last - 2]);
    assert.deepEqual(await faultOf(lines, '--head', head), [0, '', 0]);
  });

  test('detects a tail that the node itself rewrote, with a head that a caller kept', async () => {
    const head = `${lines.length}:${hashLine(lines.at(-1) ?? '')}`;
    const state = { sequence: lines.length - 1, hash: hashLine(lines.at(-2) ?? '') };
    const { credentials } = await fleet.node('dev2.devco.net');
    const certificate = credentials.certificate.raw.toString('base64');
    const event: AuditEvent = { kind: 'certificate', version: '0.1.0', certificate };
    const forged = [...lines.slice(0, -1), formatLine(event, state, credentials, Date.now())];
    assert.deepEqual(await faultOf(forged), [0, '', 0], 'the owner of the key can do that');
    assert.deepEqual(await faultOf(forged, '--head', head), [2, 'edited', lines.length]);
  });

  test('detects two histories of one log that callers hold', async () => {
    const [a, b] = ['a', 'b'].map((digit) => `${lines.length + 5}:${digit.repeat(64)}`);
    const { code, out } = await on(lines, 'verify', '--head', a ?? '', '--head', b ?? '');
    assert.equal(code, 2);
    assert.match(out[0] ?? '', /edited: callers hold two heads of record \d+: the log was rewritten between them/);
  });

  test('names records of another node, and of another fleet', async () => {
    const theirs = (await readFile(other.auditFile, 'utf8')).trimEnd().split('\n');
    assert.deepEqual(await faultOf([...lines.slice(0, 3), ...theirs.slice(1)]), [2, 'removed', 4]);
    const dev4 = (await fleet.node('dev4.devco.net')).credentials;
    const certificate = dev4.certificate.raw.toString('base64');
    const state = { sequence: 3, hash: hashLine(lines[2] ?? '') };
    const joined = formatLine({ kind: 'started', version: '0.1.0', certificate }, state, dev4, Date.now());
    assert.deepEqual(
      await faultOf([...lines.slice(0, 3), joined]),
      [2, 'foreign', 4],
      'a chain that another node continues',
    );
    const foreign = await makeFleet();
    await using stranger = await startTestNode(foreign, { name: 'dev2.devco.net' });
    await stranger.call(await foreign.operator('rip@devco.net'), {});
    const strange = (await readFile(stranger.auditFile, 'utf8')).trimEnd().split('\n');
    assert.deepEqual(await faultOf(strange), [2, 'foreign', 1]);
    await foreign.remove();
  });

  test('names lines that are not records, and a partial line that a crash left', async () => {
    assert.deepEqual(await faultOf(lines.with(2, 'hello')), [2, 'malformed', 3]);
    assert.deepEqual(await faultOf(lines.with(2, '')), [2, 'malformed', 3]);
    assert.deepEqual(await faultOf(`${lines.join('\n')}\n{"v":1,"seq`), [2, 'torn', lines.length + 1]);
  });
});

describe('audit verify and show', () => {
  test('read rotated files as one log, and report a missing one', async () => {
    await using rotated = await startTestNode(fleet, {
      name: 'dev3.devco.net',
      audit: { max_bytes: 65536 },
    });
    for (let call = 0; call < 50; call++) await rotated.call(rip, { input: { text: `${call} ${'x'.repeat(900)}` } });
    const config = ['--config', join(rotated.directory, 'node.yaml')];
    const audit = (...words: string[]) => runInProcess(['audit', ...words, ...config], fleet.dir);
    const whole = await audit('verify');
    assert.equal(whole.code, 0, whole.out.join());
    const [, records, files] = /: (\d+) records in (\d+) files are valid; /.exec(whole.out[0] ?? '') ?? [];
    assert.ok(Number(files) >= 3);
    assert.equal(Number(records), 1 + 2 * 50 + Number(files) - 1, 'a start, the calls, and a word on the file before');
    assert.equal((await audit('show')).out.length, 50);

    const [, second] = (await readdir(join(rotated.directory, 'log')))
      .filter((name) => /^audit-\d+\.jsonl$/.test(name))
      .sort();
    await rm(join(rotated.directory, 'log', second ?? ''));
    const gap = await audit('verify');
    assert.equal(gap.code, 2);
    assert.match(gap.out[0] ?? '', /:1: removed: record \d+: \d+ record\(s\) before it are missing$/);
  });
});

describe('audit show', () => {
  const show = async (...options: string[]) => {
    const { code, out, err } = await on(lines, 'show', '--json', ...options);
    assert.deepEqual([code, err], [0, []]);
    const entries = JSON.parse(out.join('\n')) as AuditEntry[];
    return entries.map(
      ({ intent, outcome }) => `${intent.caller} ${intent.agent}.${intent.action} ${outcome?.outcome}`,
    );
  };
  const all = [
    'cert=rip@devco.net probe.echo ok',
    'cert=rip@devco.net probe.fail failed',
    'cert=eve@devco.net sonde.echo refused',
    'cert=rip@devco.net probe.count ok',
  ];

  test('shows every request, refused ones too, in the seed’s form', async () => {
    assert.deepEqual(await show(), all);
    const { out } = await on(lines, 'show');
    assert.match(
      out[0] ?? '',
      /^reqid=[0-9a-f]{32}: reqtime=\d{10} caller=cert=rip@devco\.net agent=probe action=echo data=\{"text":"hello"\} outcome=ok$/,
    );
    assert.match(
      out[2] ?? '',
      / caller=cert=eve@devco\.net agent=sonde action=echo .* outcome=refused code=policy-denied$/,
    );
  });

  test('filters by caller, agent, action, outcome, run and time, and by several at once', async () => {
    assert.deepEqual(await show('--caller', 'cert=eve@devco.net'), all.slice(2, 3));
    assert.deepEqual(await show('--agent', 'sonde'), all.slice(2, 3));
    assert.deepEqual(await show('--action', 'echo'), [all[0], all[2]]);
    assert.deepEqual(await show('--action', 'echo', '--caller', 'cert=rip@devco.net'), all.slice(0, 1));
    assert.deepEqual(await show('--run', 'a'.repeat(32)), all.slice(0, 1));
    assert.deepEqual(await show('--outcome', 'failed'), all.slice(1, 2));
    assert.deepEqual(await show('--since', midway), all.slice(3));
    assert.deepEqual(await show('--until', midway), all.slice(0, 3));
    assert.deepEqual(await show('--since', midway, '--until', midway), []);
    assert.equal((await on(lines, 'show', '--since', 'yesterday')).code, 64);
    assert.equal((await on(lines, 'show', '--outcome', 'good')).code, 64);
  });

  test('escapes a made-up name so that it cannot end its line, imitate another field, or control the terminal', async () => {
    await using loud = await startTestNode(fleet, { name: 'dev6.devco.net' });
    const names: Partial<CallOptions>[] = [
      { agent: `probe\nreqid=${'0'.repeat(32)}: reqtime=1 caller=cert=root` },
      { agent: 'probe caller=cert=root' },
      { action: 'echo\u001b[2J' },
      { action: 'echo\u009b2J\u202e' },
      { input: { text: '\u001b]0;x\u0007\u009b\u2028' } },
    ];
    for (const name of names) await loud.call(rip, name);
    const { out } = await on(await readFile(loud.auditFile, 'utf8'), 'show');
    assert.equal(out.length, names.length);
    for (const line of out) {
      assert.match(line, /^reqid=[0-9a-f]{32}: reqtime=\d{10} caller=cert=rip@devco\.net agent=/);
      assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f\u2028-\u202e]|action=.* agent=| caller=.* caller=cert=root /);
    }
    assert.match(out[1] ?? '', / agent="probe caller=cert=root" action=echo /);
  });
});

describe('audit show --follow', () => {
  test('continues with new records, over a restart, until it is interrupted', async () => {
    const followed = await startTestNode(fleet, { name: 'dev8.devco.net' });
    await followed.call(rip, {});
    const interrupt = new AbortController();
    const seen: string[] = [];
    let resolveEntry = () => {};
    const out = (line: string) => {
      seen.push((JSON.parse(line) as AuditEntry).intent.action);
      resolveEntry();
    };
    const until = async (count: number) => {
      while (seen.length < count)
        await within(`entry ${count} of the log`, new Promise<void>((resolve) => (resolveEntry = resolve)));
    };
    const config = join(followed.directory, 'node.yaml');
    const options = ['audit', 'show', '--config', config, '--follow', '--json', '--caller', 'cert=rip@devco.net'];
    const following = runInProcess(options, fleet.dir, { out, signal: interrupt.signal });
    await until(1);
    await followed.call(eve, {});
    await followed.call(rip, { action: 'count', input: {} });
    await until(2);
    await followed.daemon.stop();
    const again: Daemon = await startDaemon({ configFile: config, agents: [probeAgent], version: '0.1.0' });
    await again.stop();
    assert.deepEqual(seen, ['echo', 'count']);
    interrupt.abort();
    assert.equal((await following).code, 0);
  });
});
