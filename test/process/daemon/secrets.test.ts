import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { explain, Problem } from '../../../src/core/errors.ts';
import { parseNodeConfig } from '../../../src/daemon/config/config.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { program } from '../../support/program/program.ts';

const repository = join(import.meta.dirname, '../../..');
const secrets = ['hunter2-webhook', 'hunter3-header', 'hunter4-token', 'hunter5-password'];

const agentsOf = (directory: string) => `
agents:
  rpcutil: {}
  angelia:
    webhooks: { ops: "http://127.0.0.1:9/hooks/hunter2-webhook" }
    push:
      boxcar: { url: "http://127.0.0.1:9/push", headers: { X-Key: hunter3-header }, token_file: ${directory}/token }
    smtp: { host: 127.0.0.1, port: 9, tls: required, from: "node@devco.net", user: node, password_file: ${directory}/password }
`;

test('secrets of a daemon’s configuration are in no log, process list, reply, audit record or error', async () => {
  await using fleet = await makeFleet();
  const { directory } = (await fleet.node('dev1.devco.net')).files;
  const rip = await fleet.operator('rip@devco.net');
  const home = join(fleet.dir, 'home');
  await mkdir(join(directory, 'policies'));
  await writeFile(join(directory, 'policies/default.policy'), 'policy default allow\n');
  await writeFile(join(directory, 'token'), 'hunter4-token\n', { mode: 0o600 });
  await writeFile(join(directory, 'password'), 'hunter5-password\n', { mode: 0o600 });
  const configFile = join(directory, 'node.yaml');
  const rest =
    'listen: { address: 127.0.0.1, port: 0 }\ndiscovery: { mdns: false }\naudit: { file: audit.jsonl }\nstate: state\nlog: { level: debug }';
  await writeFile(configFile, rest + agentsOf(directory));

  const [file, ...words] = program;
  const child = spawn(file, [...words, 'daemon', '--config', configFile], {
    cwd: repository,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit');
  const log: string[] = [];
  child.stderr.on('data', (text) => log.push(String(text)));
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => log.push(line));
  try {
    while (!log.some((line) => line.includes('"listening"'))) {
      assert.equal(child.exitCode, null, log.join('\n'));
      await Promise.race([once(lines, 'line'), ended]);
    }
    const { port } = JSON.parse(log.find((line) => line.includes('"listening"')) ?? '');
    await writeFile(
      join(fleet.dir, 'nodes.json'),
      JSON.stringify([{ name: 'dev1.devco.net', address: '127.0.0.1', port }]),
    );
    await mkdir(join(home, '.config/mco-deploy'), { recursive: true });
    const { certificate, key, ca } = rip.files;
    await writeFile(
      join(home, '.config/mco-deploy/client.yaml'),
      `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }\ndiscovery: { method: file, file: ${fleet.dir}/nodes.json }\n`,
    );
    const told: string[] = [];
    const rpc = async (...words: string[]) => {
      const { out, err, code } = await runInProcess(['rpc', ...words, '--json'], home);
      told.push(...out, ...err);
      return { code, text: out.join('\n') };
    };
    for (const action of ['ping', 'inventory', 'daemon_stats', 'agent_inventory']) {
      assert.equal((await rpc('rpcutil', action)).code, 0, action);
    }
    assert.match((await rpc('rpcutil', 'get_config_item', 'item=log.level')).text, /"value": "debug"/);
    assert.match((await rpc('rpcutil', 'get_config_item', 'item=limits')).text, /"calls_per_caller": 32/);
    const hidden = ['agents', 'agents.angelia', 'agents.angelia.webhooks', 'tls', 'tls.key', 'nothing', 'constructor'];
    for (const item of hidden) {
      const { code, text } = await rpc('rpcutil', 'get_config_item', `item=${item}`);
      assert.deepEqual([code, text.includes('"not-told"')], [2, true], item);
    }
    for (const recipient of ['webhook:ops', 'boxcar://rip@devco.net', 'mailto:ops@devco.net']) {
      assert.equal((await rpc('angelia', 'sendmsg', 'message=hello', `recipient=${recipient}`)).code, 0, recipient);
    }
    const ofProcess = (file: string) => readFile(`/proc/${child.pid}/${file}`, 'utf8');
    const seen = {
      replies: told.join('\n'),
      'process list': (await ofProcess('cmdline')) + (await ofProcess('environ')),
      audit: await readFile(join(directory, 'audit.jsonl'), 'utf8'),
    };
    child.kill('SIGTERM');
    await ended;
    const keyLine = (await readFile(join(directory, 'node.key'), 'utf8')).split('\n')[1] ?? '';
    for (const [where, text] of Object.entries({ ...seen, log: log.join('\n') })) {
      for (const secret of [...secrets, keyLine]) assert.ok(!text.includes(secret), `${secret} is in: ${where}`);
    }
    assert.match(seen.replies, /"queued": true/, 'the channels were tried');
  } finally {
    child.kill('SIGKILL');
    await ended;
  }

  const broken = [
    agentsOf(directory).replace('hunter2-webhook"', 'hunter2-webhook'),
    agentsOf(directory).replace('http://127.0.0.1:9/hooks', 'no url'),
    agentsOf(directory).replace('X-Key: hunter3-header', 'X-Key: [hunter3-header]'),
    agentsOf(directory).replace('headers:', 'haeders:'),
    agentsOf(directory).replace('password_file: ', 'password: hunter5-password, password_file: '),
  ];
  for (const section of broken) {
    const text = rest + section;
    assert.throws(
      () => parseNodeConfig(text, configFile, agents),
      (error: unknown) => {
        for (const secret of secrets) assert.ok(!explain(error).includes(secret), explain(error));
        return error instanceof Problem && error.code === 'bad-configuration';
      },
    );
  }
});
