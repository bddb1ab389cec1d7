import assert from 'node:assert/strict';
import { chmod, chown, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test as nodeTest } from 'node:test';
import { findExternal } from '../../../src/agents/index.ts';
import type { AuditRecord } from '../../../src/core/audit/record.ts';
import { parseOutsideDdl } from '../../../src/core/ddl/outside-ddl.ts';
import { installExamples } from '../../support/agents/example-agents.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { until } from '../../support/until.ts';

interface Given {
  readonly name: string;
  readonly script: string;
  readonly timeout?: number;
  readonly input?: object;
  readonly output?: object;
}

/** Puts an agent with one action, `go`, into a directory. */
async function put(directory: string, { name, script, timeout = 5, input = {}, output = {} }: Given): Promise<void> {
  const metadata = { name, description: 'for tests', author: 'us', license: 'Apache-2.0', version: '1', timeout };
  const actions = [{ action: 'go', description: 'goes', display: 'always', input, output }];
  await writeFile(join(directory, `${name}.json`), JSON.stringify({ metadata, actions }));
  await writeFile(join(directory, name), `#!/bin/bash\n${script}\n`);
  await chmod(join(directory, name), 0o755);
}

const active = `if [[ $CHORIA_EXTERNAL_PROTOCOL == *activation* ]]; then echo '{"activate":true}' >"$2"; exit; fi`;
const ok = `echo '{"statuscode":0,"statusmsg":"","data":{}}' >"$2"`;

/** Each has its own time: one that hangs takes no other with it. */
const test = (title: string, work: () => Promise<void>) => nodeTest(title, { timeout: 600_000 }, work);

let fleet: Fleet;
let node: TestNode;
let rip: Member;
let directory: string;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  node = await startTestNode(fleet, { findExternal, prepare });
  directory = join(node.directory, 'agents.d');
});

after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

/** Seconds after which an agent that hangs is killed: on a slow machine, the start of another one takes some. */
const hangs = [1, 5, 25, 125];

const prepare = async (home: string) => {
  const at = await installExamples(home);
  for (const timeout of hangs) {
    const script = `${active}\nsleep 600 & echo $! >"${home}/hung${timeout}.pid"; wait`;
    await put(at, { name: `hung${timeout}`, timeout, script });
  }
  // Two of its processes left its group, each by its own session; one cleared its environment as well.
  const leave = `setsid sh -c 'echo $$ >"$0/escaped.pid"; exec sleep 600' "${home}" </dev/null >/dev/null 2>&1 &
env -i setsid sh -c 'echo $$ >"$0/bare.pid"; exec sleep 600' "${home}" </dev/null >/dev/null 2>&1 &`;
  await put(at, { name: 'escaping', timeout: 1, script: `${active}\n${leave}\nsleep 600` });
  const bomb = 'for i in {1..400}; do setsid sleep 60 & done';
  await put(at, { name: 'scattering', timeout: 20, script: `${active}\n${bomb}; sleep 600` });
  const begun = `echo $$ >"${home}/left.pid"`;
  const daemon = `setsid bash -c 'sleep 0.3; ${begun}; ${bomb.replace('sleep 60', 'sleep 600')}' </dev/null >/dev/null 2>&1 &`;
  await put(at, { name: 'leaving', script: `${active}\n${daemon}\n${ok}` });
  await put(at, { name: 'crashing', script: `${active}\necho "no disk" >&2; kill -SEGV $$` });
  await put(at, { name: 'failing', script: `${active}\necho "it went wrong" >&2; exit 3` });
  await put(at, {
    name: 'babbling',
    timeout: 20,
    script: `${active}\nhead -c 50000000 /dev/zero | tr '\\0' x\n${ok}`,
  });
  await put(at, { name: 'mute', script: `${active}` });
  await put(at, { name: 'huge', script: `${active}\nhead -c 2000000 /dev/zero >"$2"` });
  await put(at, { name: 'piped', script: `${active}\nrm "$2"; mkfifo "$2"` });
  await put(at, { name: 'linked', script: `${active}\nrm "$2"; ln -s /etc/passwd "$2"` });
  await put(at, {
    name: 'polluting',
    script: `${active}\necho '{"statuscode":0,"data":{"__proto__":{"a":1}}}' >"$2"`,
  });
  await put(at, { name: 'odd', script: `${active}\necho '{"statuscode":9,"data":{}}' >"$2"` });
  await put(at, {
    name: 'forking',
    timeout: 20,
    script: `${active}\nfor i in {1..400}; do sleep 60 & done; wait`,
  });
  await put(at, {
    name: 'told',
    script: `${active}\ncp "$1" "${home}/request.json"; cp "$CHORIA_EXTERNAL_FACTS" "${home}/facts.json"
stat -c %a . "$1" "$2" "$CHORIA_EXTERNAL_FACTS" | xargs >"${home}/modes"; env | sort >"${home}/env"; echo "$@" >"${home}/argv"\n${ok}`,
  });
  for (const status of [1, 2, 3, 4, 5]) {
    const reply = `{"statuscode":${status},"statusmsg":"says ${status}","data":{"seen":${status}}}`;
    await put(at, { name: `status${status}`, script: `${active}\necho '${reply}' >"$2"` });
  }
  await put(at, { name: 'unwilling', script: `echo '{"activate":false}' >"$2"` });
  await put(at, { name: 'late', script: 'sleep 30' });
  await put(at, { name: 'writable', script: active });
  await chmod(join(at, 'writable'), 0o777);
  await put(at, { name: 'foreign', script: active });
  await chown(join(at, 'foreign'), 12_345, 0);
  await put(at, { name: 'probe', script: active });
  await put(at, { name: 'sonde', script: active });
  await put(at, { name: '__proto__', script: active });
  await put(at, { name: 'unsafe', script: active, input: { x: { type: 'string', validation: 'shelsafe' } } });
  await put(at, { name: 'slow', script: active, input: { x: { type: 'string', validation: '(a{1,99}){1,99}' } } });
  await put(at, { name: 'target', script: active });
  await symlink(join(at, 'target'), join(at, 'link'));
  const described = await readFile(join(at, 'target.json'), 'utf8');
  await writeFile(join(at, 'link.json'), described.replace('"target"', '"link"'));
  await writeFile(join(at, 'broken.json'), '{');
};

const call = async (agent: string, action = 'go', input: Record<string, unknown> = {}) => {
  const reply = await node.call(rip, { agent, action, input });
  return { ...reply, output: JSON.parse(reply.data.toString()) as Record<string, unknown> };
};

/** The process that an agent's script has named in a file, once it has. */
const pidIn = async (file: string): Promise<number> => {
  const read = async () => Number(await readFile(join(node.directory, file), 'utf8').catch(() => ''));
  await until(`${file} names a process`, async () => (await read()) > 1);
  return read();
};

/** A zombie, whose parent has not asked for its exit code yet, is dead. */
const isAlive = async (pid: number): Promise<boolean> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State: Z');
  return !/^State:\s*[ZX]/m.test(status);
};

const lastOutcome = async () => {
  const records: AuditRecord[] = await node.records();
  return records.findLast((record) => record.kind === 'outcome');
};

const warnings = async () => {
  const connection = await node.dial(rip);
  const description = await connection.describe(
    { filter: null, facts: [], full: true, peers: false },
    new AbortController().signal,
  );
  connection.close();
  return description;
};

describe('an agent in another language', () => {
  test('a Python agent runs its action, with default inputs and outputs filled in', async () => {
    const reply = await call('greeter', 'greet', { name: 'Ada' });
    assert.deepEqual(
      [reply.outcome, reply.output],
      ['ok', { greeting: 'Hello Ada!', mood: 'friendly' }],
      reply.message,
    );
    assert.equal((await lastOutcome())?.outcome, 'ok');
  });

  test('a Bash agent runs its action', async () => {
    const { outcome, output } = await call('uptime', 'show');
    assert.equal(outcome, 'ok');
    assert.ok(Number(output.seconds) > 0);
  });

  test('never receives an input that its DDL refuses', async () => {
    for (const [input, status] of [
      [{}, 3],
      [{ name: 'a; reboot' }, 4],
      [{ name: 'a\nb' }, 4],
      [{ name: 'x'.repeat(41) }, 4],
      [{ name: 7 }, 4],
      [{ name: 'Ada', times: 1.5 }, 4],
      [{ name: 'Ada', more: 'x' }, 4],
    ] as const) {
      const reply = await call('greeter', 'greet', input);
      assert.deepEqual([reply.outcome, reply.code, reply.status], ['refused', 'invalid-input', status], reply.message);
      assert.equal((await lastOutcome())?.code, 'invalid-input');
    }
    assert.equal((await call('greeter', '__proto__')).code, 'unknown-action');
  });

  test('receives the request in private files, and only PATH and the contract in its environment', async () => {
    assert.equal((await call('told')).outcome, 'ok');
    const read = (file: string) => readFile(join(node.directory, file), 'utf8');
    const { requestid, msgtime, ...request } = JSON.parse(await read('request.json')) as Record<string, unknown>;
    assert.match(String(requestid), /^[0-9a-f]{32}$/);
    assert.ok(Math.abs(Number(msgtime) - Date.now() / 1000) < 60);
    assert.deepEqual(request, {
      $schema: 'https://choria.io/schemas/mcorpc/external/v1/rpc_request.json',
      protocol: 'io.choria.mcorpc.external.v1.rpc_request',
      agent: 'told',
      action: 'go',
      senderid: 'rip@devco.net',
      callerid: 'cert=rip@devco.net',
      collective: 'mcollective',
      ttl: 60,
      data: {},
    });
    assert.equal((JSON.parse(await read('facts.json')) as { cluster: string }).cluster, 'bravo');
    assert.equal((await read('modes')).trim(), '700 600 600 600');
    const names = (await read('env'))
      .trim()
      .split('\n')
      .map((line) => line.split('=')[0]);
    const shells = ['PWD', 'OLDPWD', 'SHLVL', '_'];
    assert.deepEqual(
      names.filter((name) => !shells.includes(name ?? '')),
      ['CONFIG', 'FACTS', 'PROTOCOL', 'REPLY', 'REQUEST'].map((name) => `CHORIA_EXTERNAL_${name}`).concat('PATH'),
    );
    assert.match(await read('env'), /CHORIA_EXTERNAL_CONFIG=.*\/plugin\.d\/told\n/);
    const [request_, reply, protocol] = (await read('argv')).trim().split(' ');
    assert.match(await read('env'), new RegExp(`CHORIA_EXTERNAL_REQUEST=${request_}\n`));
    assert.match(await read('env'), new RegExp(`CHORIA_EXTERNAL_REPLY=${reply}\n`));
    assert.equal(protocol, 'io.choria.mcorpc.external.v1.rpc_request');
  });

  test('fails with the status, message and data that it returns', async () => {
    for (const [status, code] of [
      [1, 'action-failed'],
      [2, 'unknown-action'],
      [3, 'invalid-input'],
      [4, 'invalid-input'],
      [5, 'agent-error'],
    ] as const) {
      const reply = await call(`status${status}`);
      assert.deepEqual(
        [reply.outcome, reply.status, reply.code, reply.message, reply.output],
        ['failed', status, code, `says ${status}`, { seen: status }],
      );
    }
  });
});

describe('an agent in another language that fails', () => {
  test('an agent that hangs is killed with its children at its timeout, and delays no other call', async () => {
    /** @returns whether another call was answered while the first one hung */
    const greetMeanwhile = async (name: string) => {
      let ended = false;
      const hung = call(name).finally(() => {
        ended = true;
      });
      const pid = await pidIn(`${name}.pid`);
      assert.equal((await call('greeter', 'greet', { name: 'Bob' })).outcome, 'ok');
      const hindersNobody = !ended;
      const reply = await hung;
      assert.deepEqual([reply.outcome, reply.code], ['failed', 'timeout']);
      assert.equal(await isAlive(pid), false);
      return hindersNobody;
    };
    let hindersNobody = false;
    for (const timeout of hangs) hindersNobody ||= await greetMeanwhile(`hung${timeout}`);
    assert.ok(hindersNobody, 'each of the other calls waited for it');
  });

  test('an agent that hangs is killed with processes that left its session, found by parent or by environment', async () => {
    const reply = await call('escaping');
    assert.deepEqual([reply.outcome, reply.code], ['failed', 'timeout']);
    for (const file of ['escaped.pid', 'bare.pid']) assert.equal(await isAlive(await pidIn(file)), false, file);
  });

  test('processes that an agent leaves behind after a good reply are killed', async () => {
    assert.equal((await call('leaving')).outcome, 'ok');
    const sleeping = async () => {
      const marks = await Promise.all(
        (await readdir('/proc'))
          .filter((name) => /^\d+$/.test(name))
          .map((pid) => readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')),
      );
      return marks.filter((text) => text.includes(`${node.directory}/state/external/leaving-`)).length;
    };
    // On a busy machine all of them may come and go between two looks: the first one writes down that it was there.
    const wasThere = () => readFile(join(node.directory, 'left.pid'), 'utf8').catch(() => '');
    const gone = async () => (await wasThere()) !== '' && (await sleeping()) === 0;
    await until('the processes that were left behind are there, and then gone', gone, 20);
  });

  for (const [name, code, words] of [
    ['crashing', 'agent-failed', /ended by SIGSEGV: no disk/],
    ['failing', 'agent-failed', /exit code 3: it went wrong/],
    ['mute', 'bad-reply', /wrote no reply/],
    ['huge', 'bad-reply', /larger than/],
    ['piped', 'bad-reply', /not a regular file/],
    ['linked', 'bad-reply', /cannot be read/],
    ['polluting', 'malformed-json', /__proto__/],
    ['odd', 'bad-reply', /no status code from 0 to 5/],
    ['forking', 'agent-failed', /more than 256 processes and was killed/],
    ['scattering', 'agent-failed', /more than 256 processes and was killed/],
  ] as const) {
    test(`an agent that is ${name} affects only its own call`, async () => {
      const reply = await call(name);
      assert.deepEqual([reply.outcome, reply.code], ['failed', code], reply.message);
      assert.match(reply.message, words);
      assert.equal((await lastOutcome())?.code, code);
      assert.equal((await call('uptime', 'show')).outcome, 'ok');
    });
  }

  test('endless output of an agent is read to its end, without effect on the reply, the audit log or the disk', async () => {
    const reply = await call('babbling');
    assert.deepEqual([reply.outcome, reply.output, reply.data.length], ['ok', {}, 2]);
    assert.ok(JSON.stringify(await lastOutcome()).length < 2000);
    assert.deepEqual(await readdir(join(node.directory, 'state', 'external')), []);
  });

  test('leaves no file of its calls behind', async () => {
    assert.deepEqual(await readdir(join(node.directory, 'state', 'external')), []);
  });
});

describe('an installed agent in another language', () => {
  test('is listed in the description of the node, and its DDL is read back unchanged', async () => {
    const { agents } = await warnings();
    const told = agents.find(({ name }) => name === 'greeter');
    const ddl = parseOutsideDdl(told?.ddl ?? Buffer.alloc(0), 'dev2.devco.net');
    assert.equal(ddl.origin, 'outside');
    assert.deepEqual(ddl.actions.greet?.aggregate, [{ function: 'summary', output: 'greeting' }]);
    assert.ok(!agents.some(({ name }) => name === 'unwilling'), 'it did not want to be active');
  });

  test('an agent file that cannot be trusted or read is refused, and the node reports why', async () => {
    const { agents, warnings: said } = await warnings();
    const reasons: Readonly<Record<string, RegExp>> = {
      late: /did not end in time/,
      writable: /can be written by other users/,
      foreign: /belongs to user 12345/,
      probe: /a built-in agent has that name/,
      sonde: /a built-in agent has that name/,
      ['__proto__']: /not a valid agent name/,
      unsafe: /unknown validator “shelsafe”: did you mean “shellsafe”/,
      slow: /too costly/,
      link: /not a regular file: links are not followed/,
      broken: /is not JSON/,
    };
    for (const [name, reason] of Object.entries({ ...reasons })) {
      const warning = said.find((text) => text.includes(`external agent “${name}” is refused`)) ?? '';
      assert.match(warning, reason, name);
      if (name !== 'probe') assert.ok(!agents.some((agent) => agent.name === name), name);
    }
    assert.equal((await node.call(rip, {})).outcome, 'ok', 'the built-in agent still answers');
  });

  test('a reload adds a new agent and drops a removed one', async () => {
    await put(directory, { name: 'added', script: `${active}\n${ok}` });
    assert.equal((await call('added')).code, 'unknown-agent', 'not before the reload');
    for (const name of ['mute', 'odd']) assert.equal((await call(name)).code, 'bad-reply');
    await rm(join(directory, 'mute.json'));
    await chmod(join(directory, 'odd'), 0o644);
    // It would take its two seconds again.
    await chmod(join(directory, 'late'), 0o644);
    const policy = join(node.directory, 'policies/added.policy');
    await writeFile(policy, 'policy default deny\nallow\t*\t*\t*\t*\n');
    const ofPolicy = async () => (await warnings()).warnings.filter((text) => text.includes(policy));
    await node.daemon.reload();
    assert.equal((await call('added')).outcome, 'ok');
    assert.deepEqual(await ofPolicy(), [], 'its policy has an effect');
    for (const name of ['mute', 'odd']) assert.equal((await call(name)).code, 'unknown-agent');
  });

  test('all agents are refused when other users can write their directory', async () => {
    await chmod(directory, 0o777);
    await node.daemon.reload();
    assert.equal((await call('uptime', 'show')).code, 'unknown-agent');
    const { warnings: said } = await warnings();
    assert.ok(said.some((text) => /external agents in .* can be written by other users/.test(text)));
    await chmod(directory, 0o755);
  });
});
