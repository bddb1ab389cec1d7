import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';

const lines = readFileSync(join(import.meta.dirname, '../../fixtures/old-habits.tsv'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t')[0] ?? '');

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const bravo = ['dev2', 'dev4', 'dev6', 'dev8'].map((name) => `${name}.devco.net`);
const all = ['dev1.devco.net', ...bravo];
const says = (words: string) => (ran: Ran) => {
  assert.equal(ran.code, 64);
  assert.ok(ran.err.includes(words), ran.err);
};
const pings = (count: number) => (ran: Ran) => {
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, new RegExp(`Finished processing ${count} / ${count} hosts`));
};

/** The effect of each line of the table, on a fleet of one node of alfa and four of bravo. */
const expected: Readonly<Record<string, (ran: Ran) => void>> = {
  'req appmgr status -F cluster=bravo': ({ out, err }) => assert.match(out + err, /no node was discovered|appmgr/),
  'discover -C webserver': ({ code, out }) => assert.deepEqual([code, out.split('\n')], [0, all]),
  'plugin doc rpcutil': ({ code, out }) => assert.deepEqual([code, /get_fact/.test(out)], [0, true]),
  'service restart httpd -C webserver': says('mco-deploy rpc service restart service=httpd -C webserver'),
  'package status zsh': says('mco-deploy rpc package status package=zsh'),
  'puppet runonce -I dev4.devco.net': says('mco-deploy rpc puppet runonce -I dev4.devco.net'),
  'rpc --agent appmgr --action status --arg revision=20': ({ code, err }) =>
    assert.deepEqual([code, /no known node runs|no node was discovered/.test(err)], [1, true], err),
  'rpc rpcutil ping -v': ({ code, out }) =>
    assert.deepEqual([code, /^dev1\.devco\.net +time=[\d.]+ ms$/m.test(out)], [0, true]),
  'rpc rpcutil ping -q': ({ code, out }) =>
    assert.deepEqual([code, /Finished/.test(out), /dev1/.test(out)], [0, false, true]),
  'rpc rpcutil ping --np': pings(5),
  'rpc rpcutil get_fact fact=cluster --table': ({ code, out }) => {
    assert.equal(code, 0);
    assert.match(out.split('\n')[0] ?? '', /^node +\S/);
    assert.match(out, /^dev4\.devco\.net +cluster +bravo$/im);
  },
  'facts cluster -n': ({ code, out }) => assert.deepEqual([code, /dev8\.devco\.net/.test(out)], [0, true]),
  'rpc rpcutil ping --discovery-timeout 5 --timeout 30': pings(5),
  'rpc rpcutil ping --limit-nodes 2': pings(2),
  'rpc rpcutil ping --dm flatfile --do nodes.txt': pings(2),
  'rpc rpcutil ping -T mcollective': says('there are no collectives'),
  'rpc rpcutil ping -c client.cfg': says('client.cfg is a configuration of MCollective or Choria'),
  'find -S "fact(\'os.name\').value=Debian"': ({ code, out }) => assert.deepEqual([code, out.split('\n')], [0, all]),
  'find -S "fstat(\'/etc/hosts\').md5=/baa/"': says(
    'there are no data functions such as fstat(): write what it finds as a fact',
  ),
  'ping -I dev1': ({ code, err }) =>
    assert.deepEqual([code, /no node dev1: did you mean dev1\.devco\.net\?/.test(err)], [1, true], err),
  'find -F cluster=bravo -j | rpc rpcutil ping': pings(4),
  'find -F cluster=nope -j | rpc rpcutil ping': ({ code, out }) => assert.deepEqual([code, out], [1, '']),
};

describe('command lines from the documentation of MCollective and Choria', () => {
  let fleet: Fleet;
  let home: string;
  const nodes: TestNode[] = [];

  before(async () => {
    fleet = await makeFleet();
    const rpcutil = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
    for (const name of all) {
      const cluster = bravo.includes(name) ? 'bravo' : 'alfa';
      const prepare = (directory: string) =>
        writeFile(join(directory, 'facts.d', 'site.yaml'), `cluster: ${cluster}\n`);
      nodes.push(await startTestNode(fleet, { name, agents: rpcutil, prepare }));
    }
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
    await writeFile(join(home, 'nodes.txt'), 'dev2.devco.net\ndev4.devco.net\n');
    await writeFile(join(home, 'client.cfg'), 'main_collective = mcollective\nconnector = activemq\n');
    assert.equal((await mco(['ping'])).code, 0);
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
    await rm(home, { recursive: true, force: true });
  });

  const mco = async (words: readonly string[], pipe?: string): Promise<Ran> => {
    const input = pipe === undefined ? {} : { stdin: new PassThrough().end(pipe) as never, hasInput: true };
    const { code, out, err } = await runInProcess(words, home, input);
    return { code, out: out.join('\n'), err: err.join('\n') };
  };
  /** Runs a line as a shell would, in the operator's home. */
  const type = async (line: string): Promise<Ran> => {
    let last: Ran | undefined;
    for (const command of line.split(' | ')) {
      const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
      const files = words.map((word) => (/^(nodes\.txt|client\.cfg)$/.test(word) ? join(home, word) : word));
      last = await mco(files, last?.out);
    }
    assert.ok(last !== undefined);
    return last;
  };

  for (const line of lines) {
    test(line, async () => {
      const check = expected[line];
      assert.ok(check !== undefined, 'the table has a line that this test does not know');
      check(await type(line));
    });
  }

  const near: [string, RegExp][] = [
    ['inventory dev4', /no node dev4: did you mean dev4\.devco\.net\?/],
    ['find -F clustr=bravo', /no known node has the fact “clustr”; nearest: “cluster”/],
    ['find -F cluster=brvo', /no known node has cluster=brvo; nearest: “bravo”/],
    ['find -C webservr', /no known node has the class “webservr”; nearest: “webserver”/],
    ['find -A rpcutl', /no known node runs the agent “rpcutl”; nearest: “rpcutil”/],
    ['ping -I dev1 -I dev2.devco.net', /no node dev1: did you mean dev1\.devco\.net\?/],
  ];
  for (const [line, message] of near) {
    test(`${line} suggests the nearest valid command line`, async () => {
      const { err } = await type(line);
      assert.match(err, message);
      assert.doesNotMatch(err, /expected by/);
    });
  }

  test('regexes in filters ignore case', async () => {
    assert.deepEqual((await type('find -F cluster=/BRAVO/')).out.split('\n'), bravo);
    assert.deepEqual((await type('find -C /WebServer/ -I /DEV1/')).out, 'dev1.devco.net');
  });

  test('--sort sorts the replies', async () => {
    const { out } = await type('rpc rpcutil ping --sort --table');
    assert.deepEqual(out.match(/^dev\d/gm), ['dev1', 'dev2', 'dev4', 'dev6', 'dev8']);
  });
});
