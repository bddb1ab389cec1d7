import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { type DaemonProcess, startDaemonProcess } from '../../support/node/daemon-process.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { makeHome } from '../../support/program/home.ts';
import { type PreparedNode, prepareNode } from '../../support/node/node.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';

const secret = 'correct-horse-battery';
/** As text, and encoded as in binary data. */
const traces = [secret, Buffer.from(secret).toString('base64').slice(0, -4), Buffer.from(secret).toString('hex')];
const playbook = `
name: hush
inputs:
  password: { type: string, sensitive: true }
nodes: { all: { agents: [probe] } }
steps:
  - { id: tell, call: probe.echo, on: all, with: { text: hello, secret: "\${{ inputs.password }}" } }
`;

describe('an input that a DDL marks as sensitive', () => {
  let fleet: Fleet;
  let node: PreparedNode;
  let daemon: DaemonProcess;
  let home: string;

  before(async () => {
    fleet = await makeFleet();
    const audit = agents.filter(({ ddl }) => ['audit', 'rpcutil'].includes(ddl.name));
    node = await prepareNode(fleet, { agents: [...audit, probeAgent], log: 'debug' });
    daemon = await startDaemonProcess(node.configFile);
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), [
      { name: node.name, daemon },
    ]);
    await writeFile(join(home, 'hush.yaml'), playbook);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await fleet.remove();
  });

  /** Everything that the program showed, on either stream and in the lines that are written over. */
  const mco = async (...words: string[]) => {
    const status: string[] = [];
    const { code, out, err } = await runInProcess(words, home, {
      status: (lines: readonly string[]) => void status.push(...lines),
    });
    return { code, out: out.join('\n'), all: [...out, ...err, ...status].join('\n') };
  };
  const hidden = (text: string, where: string) => {
    for (const trace of traces) assert.ok(!text.includes(trace), `${where} holds ${trace}`);
  };
  const filesIn = async (directory: string): Promise<string[]> => {
    const entries = await readdir(directory, { withFileTypes: true, recursive: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  };

  test('reaches the agent, and is never shown, stored or logged', async () => {
    const words = ['rpc', 'probe', 'echo', 'text=hello', `secret=${secret}`];
    const plain = await mco(...words);
    assert.equal(plain.code, 0, plain.all);
    assert.match(plain.out, /hello and 21 hidden letters/);
    const shown = [plain, await mco(...words, '--json'), await mco(...words, '-v'), await mco(...words, '--dry-run')];
    // The DDL's refusal is reported without repeating the value.
    shown.push(await mco('rpc', 'probe', 'echo', `text=${'x'.repeat(2000)}`, `secret=${secret}`));
    assert.notEqual(shown.at(-1)?.code, 0);
    shown.push(await mco('rpc', 'probe', 'fail', `secret=${secret}`));

    const run = ['run', join(home, 'hush.yaml'), `password=${secret}`];
    const ran = await mco(...run);
    assert.equal(ran.code, 0, ran.all);
    shown.push(ran, await mco(...run, '--json'), await mco(...run, '--dry-run', '--yes'));
    const runs = (await filesIn(join(home, '.local/state/mco-deploy/runs'))).filter((file) => file.endsWith('.jsonl'));
    const id = /([0-9a-f]{32})\.jsonl$/.exec(runs[0] ?? '')?.[1] ?? '';
    for (const command of [
      ['audit', 'trace', id],
      ['runs', 'show', id],
    ]) {
      const told = await mco(...command);
      assert.equal(told.code, 0, told.all);
      shown.push(told, await mco(...command, '--json'));
    }
    const log = ['audit', 'show', '--config', node.configFile];
    shown.push(await mco(...log), await mco(...log, '--json'));
    assert.match(shown.at(-1)?.out ?? '', /"\$commitment": "sha256:/);
    for (const { all } of shown) hidden(all, all);

    const files = [...(await filesIn(home)), ...(await filesIn(node.directory))];
    assert.ok(files.includes(node.auditFile) && files.some((file) => file.endsWith('.jsonl') && file.startsWith(home)));
    for (const file of files) hidden(await readFile(file, 'latin1'), file);
    assert.match(daemon.log(), /"action":"echo"/);
    hidden(daemon.log(), 'the log of the daemon');
  });
});
