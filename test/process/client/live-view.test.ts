import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { type DaemonProcess, startDaemonProcess } from '../../support/node/daemon-process.ts';
import { prepareNode } from '../../support/node/node.ts';
import { makeHome } from '../../support/program/home.ts';
import { onTerminal } from '../../support/program/on-terminal.ts';
import { program } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';
import { screenOf } from '../../support/program/screen.ts';

const playbook = `
name: slow
nodes: { all: { agents: [probe] } }
steps:
  - { id: hang, call: probe.hang, on: all }
`;

describe('a terminal', () => {
  let fleet: Fleet;
  let daemon: DaemonProcess;
  let name: string;
  let home: string;

  before(async () => {
    fleet = await makeFleet();
    const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
    const node = await prepareNode(fleet, { agents: [...rpcutil, probeAgent] });
    ({ name } = node);
    daemon = await startDaemonProcess(node.configFile);
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), [{ name, daemon }]);
    await writeFile(join(home, 'slow.yaml'), playbook);
  });
  after(async () => {
    await daemon[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const env = () => ({ HOME: home, PATH: process.env.PATH ?? '', TERM: 'xterm' });

  for (const words of [
    ['rpc', 'probe', 'hang'],
    ['run', 'slow.yaml', '--yes', '--no-lock'],
  ]) {
    test(`shows during ${words[0]} which nodes are busy and with what, and clears it afterwards`, async () => {
      const { shown, code } = await onTerminal([...program, ...words], { cwd: home, env: env() });
      assert.equal(code, 2, shown);
      assert.ok(shown.includes('0 / 1 probe#hang'), shown);
      assert.match(shown, new RegExp(`${name} +\\d s  hanging about`));
      const screen = screenOf(shown, 200).join('\n');
      assert.ok(screen.includes('the probe gave up'), screen);
      assert.ok(
        !screen.includes('hanging about') && !screen.includes('probe#hang,') && !screen.includes('===>'),
        screen,
      );
    });

    test(`never appears in a file: ${words[0]}`, async () => {
      const [file = '', ...argv] = [...program, ...words];
      const { out, err } = await runProgram(file, argv, { cwd: home, env: env() });
      assert.ok(!`${out}${err}`.includes('hanging about'));
      assert.ok(!`${out}${err}`.includes('\x1b'));
    });
  }

  test('shows replies as they arrive, and the nodes that are awaited while a daemon hangs', async () => {
    const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
    const other = await prepareNode(fleet, { name: 'dev9.devco.net', agents: rpcutil });
    await using hanging = await startDaemonProcess(other.configFile);
    const places = [
      { name, daemon },
      { name: other.name, daemon: hanging },
    ];
    const both = await makeHome(join(fleet.dir, 'both'), await fleet.operator('rip@devco.net'), places);
    hanging.hang();
    for (const [words, reply] of [
      [['ping', '-t', '2'], `${name} +time=`],
      [['rpc', 'rpcutil', 'ping', '-t', '2'], `${name}\r\n`],
    ] as const) {
      const { shown, code } = await onTerminal([...program, ...words], { cwd: both, env: { ...env(), HOME: both } });
      assert.equal(code, 5, shown);
      const waiting = shown.indexOf('answered, waiting for dev9.devco.net');
      assert.ok(waiting > 0, shown);
      assert.ok(shown.search(new RegExp(reply)) < shown.lastIndexOf('waiting for dev9.devco.net'), shown);
      assert.ok(!screenOf(shown, 200).join('\n').includes('waiting for'));
    }
  });
});
