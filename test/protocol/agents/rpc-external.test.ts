import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findExternal } from '../../../src/agents/index.ts';
import { runCli } from '../../../src/client/cli/cli.ts';
import { rpcCommand } from '../../../src/client/commands/rpc/index.ts';
import type { ProcessContext } from '../../../src/client/cli/context.ts';
import { installExamples } from '../../support/agents/example-agents.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';

describe('rpc of an agent that the client does not know', { timeout: 600_000 }, () => {
  let fleet: Fleet;
  let node: TestNode;
  let rip: Member;

  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    node = await startTestNode(fleet, { findExternal, prepare });
    const address = { name: node.name, address: `127.0.0.1:${node.daemon.port}` };
    await writeFile(join(rip.files.directory, 'nodes.json'), JSON.stringify([address]));
    await writeFile(join(rip.files.directory, 'client.yaml'), clientYaml(rip));
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const prepare = async (home: string) => {
    const at = await installExamples(home);
    const metadata = { name: 'rude', description: 'r', author: 'a', license: 'l', version: '1', timeout: 5 };
    const actions = [{ action: 'go', description: 'goes', display: 'always' }];
    await writeFile(join(at, 'rude.json'), JSON.stringify({ metadata, actions }));
    const reply = '{"statuscode":0,"data":{"activate":true,"text":"\\u001b[2Jgone\\u202e\\u009b31m"},"activate":true}';
    await writeFile(join(at, 'rude'), `#!/bin/bash\necho '${reply}' >"$2"\n`);
    await chmod(join(at, 'rude'), 0o755);
  };
  const clientYaml = ({ files: { certificate, key } }: Member) =>
    `tls: { certificate: ${certificate}, key: ${key}, ca: ca.crt, crl: crl.pem }\ndiscovery: { method: file, file: nodes.json }\n`;
  const mco = async (...words: string[]) => {
    const said = { out: [] as string[], err: [] as string[], code: -1 };
    const home = rip.files.directory;
    const context: ProcessContext = {
      env: { HOME: home },
      stdin: process.stdin,
      out: (line) => void said.out.push(line),
      err: (line) => void said.err.push(line),
      status: () => {},
      isTerminal: false,
      signal: new AbortController().signal,
      kill: new AbortController().signal,
      exit: (code) => {
        said.code = code;
      },
    };
    const cli = { version: 'test', commands: [rpcCommand([])] };
    await runCli(['rpc', ...words, '--config', join(home, 'client.yaml')], cli, context);
    return { ...said, out: said.out.join('\n'), err: said.err.join('\n') };
  };

  test('learns it from the nodes, and parses the arguments by its inputs', async () => {
    const { code, out, err } = await mco('greeter', 'greet', 'name=Ada', 'times=2');
    assert.equal(code, 0, err);
    assert.match(out, /Greeting: Hello Ada! Hello Ada!/);
    assert.match(out, /Mood: friendly/);
    assert.match(out, /^Finished processing 1 \/ 1 hosts in [\d.]+ ms \(found in [\d.]+ ms\)$/m);
  });

  test('refuses what its DDL does not know before any node is called', async () => {
    const before = (await node.records()).length;
    assert.match((await mco('greeter', 'greet', 'name=Ada;')).err, /greeter.greet: name must match/);
    assert.match((await mco('greeter', 'greet', 'nam=Ada')).err, /did you mean “name”/);
    assert.match((await mco('greeter', 'great', 'name=Ada')).err, /did you mean “greet”/);
    assert.equal((await node.records()).length, before);
  });

  test('reports that no node has the agent', async () => {
    const { code, err } = await mco('greater', 'greet');
    assert.equal(code, 64);
    assert.match(err, /there is no agent “greater”/);
  });

  test('shows control characters of a reply instead of obeying them', async () => {
    const { code, out } = await mco('rude', 'go');
    assert.equal(code, 0);
    assert.match(out, /\\x1b\[2Jgone\\u202e\\x9b31m/);
    assert.doesNotMatch(out, /[\x1b\x9b\u202e]/);
  });
});
