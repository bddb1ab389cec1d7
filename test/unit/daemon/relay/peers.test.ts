import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { HeardNode } from '../../../../src/core/ports.ts';
import { type Peers, type PeersOptions, startPeers } from '../../../../src/daemon/relay/peers.ts';
import { until } from '../../../support/until.ts';

describe('the peers of a relay', () => {
  let directory: string;
  let list: string;
  let answer: string;
  let dropped: string[];
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-peers-'));
    list = join(directory, 'peers.txt');
    answer = join(directory, 'answer.json');
  });
  after(() => rm(directory, { recursive: true }));
  beforeEach(() => {
    dropped = [];
  });

  const start = (settings: Partial<PeersOptions['settings']>, more: Partial<PeersOptions> = {}): Peers =>
    startPeers({
      settings: { refresh: 60, ...settings },
      own: 'bastion.devco.net',
      heard: () => [],
      onDropped: (name) => dropped.push(name),
      onListed: () => {},
      ...more,
    });
  const namesOf = async (peers: Peers) => (await peers.known()).map(({ name }) => name).sort();
  const writeAnswer = (...names: readonly string[]) =>
    writeFile(answer, JSON.stringify({ nodes: names.map((name) => ({ name })) }));
  /** A source that prints what is in the file `answer`. */
  const exec = () => ({ exec: { command: ['/bin/cat', answer], timeout: 10 } });

  test('include those of its list, without itself; one that is removed from the list is dropped', async () => {
    await writeFile(list, 'web1.devco.net\nweb2.devco.net\nbastion.devco.net\n');
    const peers = start({ nodes: list });
    assert.deepEqual(await namesOf(peers), ['web1.devco.net', 'web2.devco.net']);
    await writeFile(list, 'web2.devco.net\n');
    assert.deepEqual(await namesOf(peers), ['web2.devco.net']);
    assert.deepEqual(dropped, ['web1.devco.net', 'bastion.devco.net']);
    peers.stop();
  });

  test('stay if the list cannot be read, with a warning, or if they are announced', async () => {
    await writeFile(list, 'web1.devco.net\nweb2.devco.net\n');
    const heard: HeardNode[] = [];
    const peers = start({ nodes: list }, { heard: () => heard });
    assert.deepEqual(await namesOf(peers), ['web1.devco.net', 'web2.devco.net']);
    await writeFile(list, 'no node name!\n');
    assert.deepEqual(await namesOf(peers), ['web1.devco.net', 'web2.devco.net']);
    assert.match(peers.warnings().join(), /^the relay keeps its last list of peers: .*peers\.txt/);
    heard.push({
      name: 'web1.devco.net',
      addresses: [{ host: '127.0.0.1', port: 1 }],
      lastHeard: 7,
      facts: {},
    } as unknown as HeardNode);
    await writeFile(list, 'web3.devco.net\n');
    assert.deepEqual(await namesOf(peers), ['web1.devco.net', 'web3.devco.net']);
    assert.deepEqual([dropped, peers.warnings()], [['web2.devco.net'], []]);
    peers.stop();
  });

  test('are reached where they were heard, and where the list has them: they may have moved since', async () => {
    const at = (host: string) => ({ host, port: 5810 });
    await writeFile(list, JSON.stringify([{ name: 'web1.devco.net', address: '10.0.0.2', port: 5810 }]));
    const name = 'web1.devco.net';
    const heard = [{ name, addresses: [at('10.0.0.1')], lastHeard: 7, facts: {} } as unknown as HeardNode];
    const peers = start({ nodes: list }, { heard: () => heard });
    assert.deepEqual(await peers.known(), [{ name, addresses: [at('10.0.0.1'), at('10.0.0.2')], lastHeard: 7 }]);
    await writeFile(list, JSON.stringify([{ name: 'web1.devco.net', address: '10.0.0.1', port: 5810 }]));
    assert.deepEqual(await peers.known(), [{ name, addresses: [at('10.0.0.1')], lastHeard: 7 }]);
    peers.stop();
  });

  test('include those that a source lists, which is queried again; a failed reply loses none', async () => {
    await writeAnswer('db1.devco.net', 'web1.devco.net');
    await writeFile(list, 'web1.devco.net\n');
    let answers = 0;
    const onListed = () => {
      answers++;
    };
    const peers = start({ nodes: list, sources: exec(), refresh: 0.02 }, { onListed });
    await until('the source has answered', () => answers > 0);
    assert.deepEqual(await namesOf(peers), ['db1.devco.net', 'web1.devco.net']);
    await rm(answer);
    await until('the source has failed', () => peers.warnings().length > 0);
    assert.match(peers.warnings().join(), /cat/);
    assert.deepEqual(await namesOf(peers), ['db1.devco.net', 'web1.devco.net']);
    await writeAnswer('db2.devco.net');
    await until('a peer is dropped', () => dropped.length > 0);
    // The list still names the other.
    assert.deepEqual([dropped, await namesOf(peers)], [['db1.devco.net'], ['db2.devco.net', 'web1.devco.net']]);
    peers.stop();
  });
});
