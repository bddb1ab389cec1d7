import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { subtypeLabel } from '../../../src/discovery/mdns/wire/subtype.ts';
import { createSegment, type Segment } from '../../support/discovery/segment.ts';

describe('a real network segment', () => {
  let segment: Segment;
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-multicast-'));
    segment = await createSegment(5);
  });
  after(async () => {
    await segment.remove();
    await rm(directory, { recursive: true });
  });
  afterEach(() => segment.quiet());

  describe('a question', { timeout: 600_000 }, () => {
    test('gets replies only from nodes that match, and from those that cannot decide it by multicast', async () => {
      await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      await segment.announce(1, { identity: 'dev2.devco.net', facts: { cluster: 'Bravo' } });
      await segment.announce(2, { identity: 'silent.devco.net', facts: {} });
      assert.deepEqual(await segment.ask(3), ['dev1.devco.net', 'dev2.devco.net', 'silent.devco.net']);
      assert.deepEqual(await segment.ask(3, { filter: { facts: ['cluster=bravo'] } }), [
        'dev2.devco.net',
        'silent.devco.net',
      ]);
      assert.deepEqual(await segment.ask(3, { filter: { identities: ['dev1.devco.net'] } }), ['dev1.devco.net']);
      assert.deepEqual(await segment.ask(3, { filter: { identities: ['dev1.devco.net', 'dev2.devco.net'] } }), [
        'dev1.devco.net',
        'dev2.devco.net',
      ]);
      assert.deepEqual(await segment.ask(3, { filter: { identities: ['dev9.devco.net'] } }), []);
    });

    test('gets a reply on the node’s own host', async () => {
      await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      assert.deepEqual(await segment.ask(0), ['dev1.devco.net']);
    });

    test('gets the one address that a daemon listens at, also the second of an interface, and no other', async () => {
      const address = '10.77.0.200';
      const ip = (verb: string) => segment.host(0).exec('ip', 'address', verb, `${address}/24`, 'dev', 'eth0');
      const addressesOf = () => segment.addressesOf(3, 'dev1.devco.net');
      await ip('add');
      try {
        await segment.announce(0, { identity: 'dev1.devco.net', address });
        assert.deepEqual(await addressesOf(), [address]);
        await segment.quiet();
        await segment.announce(0, { identity: 'dev1.devco.net' });
        assert.ok((await addressesOf()).length > 1, 'a daemon that listens at all of them');
      } finally {
        await ip('del');
      }
    });

    test('gets nothing from a daemon that listens where no interface is, and the daemon gives the reason', async () => {
      const script = segment.start(0, 'announce.ts', { identity: 'dev1.devco.net', address: '10.99.0.1' });
      const said = [await script.next(), await script.next(), await script.next()];
      assert.match(
        JSON.stringify(said),
        /multicast does not announce this node: none of .* has the address in “listen\.address”, 10\.99\.0\.1/,
      );
      assert.deepEqual(await segment.ask(3, { timeout: 500 }), []);
    });

    test('is heard only on interfaces on which the node is announced: not on loopback', async () => {
      await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      const groups = await segment.host(0).exec('cat', '/proc/net/igmp');
      // An interface in its own line, and the groups in those below, by the bytes of the address (224.0.0.251).
      const joined = new Set<string>();
      let name = '';
      for (const line of groups.split('\n')) {
        name = /^\d+\s+(\S+)/.exec(line)?.[1] ?? name;
        if (line.includes('FB0000E0')) joined.add(name);
      }
      assert.deepEqual([...joined], ['eth0']);
    });

    test('reaches a node whose claims and identity have the maximum length', async () => {
      const identity = `${'a'.repeat(60)}.${'b'.repeat(60)}.devco.net`;
      const classes = Array.from({ length: 60 }, (_, index) => `class-with-a-long-name-${index}`);
      const facts = { cluster: 'x'.repeat(250) };
      await segment.announce(0, { identity, classes, agents: classes, facts });
      assert.deepEqual(await segment.ask(3), [identity]);
      assert.deepEqual(await segment.ask(3, { filter: { classes: ['class-with-a-long-name-59'] } }), [identity]);
      assert.deepEqual(await segment.ask(3, { filter: { facts: [`cluster=${'X'.repeat(250)}`] } }), [identity]);
      assert.deepEqual(await segment.ask(3, { filter: { identities: [identity] } }), [identity]);
    });

    test('gets no reply from a node that it names as known, or whose digest it lists', async () => {
      await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      const answered = async (known: string[]) => (await segment.start(3, 'known.ts', { known }).next())?.answered;
      assert.deepEqual(await answered(['dev1.devco.net']), [3]);
      assert.deepEqual(await answered(['dev2.devco.net']), [1, 2, 3]);
    });

    test('gets new claims after an update', async () => {
      const node = await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      node.say(JSON.stringify({ agents: ['rpcutil'], classes: ['new'], facts: { cluster: 'bravo' } }));
      assert.equal((await node.next())?.updated, 'announced');
      assert.deepEqual(await segment.ask(3, { filter: { facts: ['cluster=alfa'] } }), []);
      assert.deepEqual(await segment.ask(3, { filter: { facts: ['cluster=bravo'] } }), ['dev1.devco.net']);
      assert.deepEqual(await segment.ask(3, { filter: { classes: ['new'] } }), ['dev1.devco.net']);
    });
  });

  describe('a listener', { timeout: 600_000 }, () => {
    test('reports nodes that were there before it and nodes that arrive, and remembers those that leave', async () => {
      await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      const listener = await segment.listen(3);
      await segment.until(listener, ({ heard }) => heard.length === 1);
      const second = await segment.announce(1, { identity: 'dev2.devco.net', facts: { cluster: 'bravo' } });
      const { heard } = await segment.until(listener, (memory) => memory.heard.length === 2);
      const before = heard.find(({ name }) => name === 'dev2.devco.net');
      assert.deepEqual(before?.facts, { cluster: 'bravo' });
      assert.equal(before?.addresses[0]?.host, '10.77.0.2');
      await second.stop();
      const later = await segment.until(listener, (memory) =>
        memory.heard.some(({ name, lastHeard }) => name === 'dev2.devco.net' && lastHeard > (before?.lastHeard ?? 0)),
      );
      assert.equal(later.heard.length, 2);
      assert.deepEqual(await segment.ask(4), ['dev1.devco.net']);
    });

    test('remembers nodes over a restart', async () => {
      const file = join(directory, 'peers.json');
      const node = await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      const listener = await segment.listen(3, { file });
      await segment.until(listener, ({ heard }) => heard.length === 1);
      await listener.stop();
      node.kill();
      const again = await segment.remembered(await segment.listen(3, { file }));
      assert.deepEqual(
        again.heard.map(({ name }) => name),
        ['dev1.devco.net'],
      );
    });
  });

  describe('two nodes with one name', { timeout: 600_000 }, () => {
    test('are reported by both: the second is not announced, and takes over when the first has left', async () => {
      const identity = 'dev1.devco.net';
      const first = await segment.announce(0, { identity, facts: { cluster: 'alfa' } });
      const listener = await segment.listen(0, { identity });
      const second = segment.start(1, 'announce.ts', { identity, facts: { cluster: 'alfa' }, retry: 500 });
      assert.ok((await second.next())?.started !== undefined);
      const log = await second.next();
      assert.equal(log?.log, 'error');
      assert.match(String(log?.message), /another node on this network announces the name dev1\.devco\.net/);
      const told = await second.next();
      assert.equal(told?.settled, 'conflict');
      assert.match(String(told?.conflict), /this one is not announced/);
      const rival = await listener.next();
      assert.equal(rival?.rival, '10.77.0.2');
      const { duplicates } = await segment.remembered(listener);
      assert.deepEqual(
        duplicates.map(({ identity, addresses }) => [identity, ...addresses]),
        [['dev1.devco.net', '10.77.0.2']],
      );
      assert.deepEqual(await segment.ask(3), [identity]);
      await first.stop();
      for (let names: string[] = []; names.length === 0; ) names = await segment.ask(3);
    });

    test('recover if one was forged: the real one returns once the forged packets end', async () => {
      const identity = 'dev1.devco.net';
      const node = await segment.announce(0, { identity, facts: { cluster: 'alfa' }, retry: 300 });
      const liar = segment.start(2, 'garbage.ts', { packets: 1000, port: 5353, rival: identity });
      assert.equal((await liar.next())?.sent, 1000);
      for (let names: string[] = []; names.length === 0; ) names = await segment.ask(3);
      assert.equal(await node.stop(), 0);
      assert.equal(node.stderr(), '');
    });
  });

  test('avahi sees the node as one instance, with its text and its subtypes', { timeout: 600_000 }, async () => {
    await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'bravo' }, classes: ['web'] });
    const browse = (type: string) =>
      segment
        .host(4)
        .exec(
          ...['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh'],
          join(import.meta.dirname, '../../support/discovery/avahi.sh'),
          ...['-rpt', type],
        );
    const subtype = (value: string) =>
      `_${subtypeLabel({ kind: 'fact', key: 'cluster', value })}._sub._mco-deploy._tcp`;
    const fieldsOf = (text: string) =>
      text
        .split('\n')
        .filter((line) => line.startsWith('='))
        .map((line) => line.split(';'));
    for (const type of ['_mco-deploy._tcp', subtype('bravo')]) {
      const [fields, ...more] = fieldsOf(await browse(type));
      assert.deepEqual(more, []);
      assert.equal(fields?.[3], 'dev1\\.devco\\.net');
      assert.equal(fields?.[7], '10.77.0.1');
      assert.equal(fields?.[8], '5810');
      for (const text of ['v=1', 'f.cluster=bravo', 'a0=rpcutil', 'c0=web'])
        assert.match(fields?.[9] ?? '', new RegExp(text));
    }
    assert.deepEqual(fieldsOf(await browse(subtype('alfa'))), []);
  });

  test('invalid packets have no effect: all nodes still receive each other, and nothing grows', {
    timeout: 600_000,
  }, async () => {
    const node = await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
    const listener = await segment.listen(1);
    await segment.until(listener, ({ heard }) => heard.length === 1);
    const before = (await segment.remembered(listener)).memory;
    for (const port of [5353, 40_000]) {
      const garbage = segment.start(2, 'garbage.ts', { packets: 4000, port });
      // Under this load an answer may be lost, as any datagram may; a few questions must be enough.
      let names: string[] = [];
      for (let question = 0; question < 5 && !names.includes('dev1.devco.net'); question++) {
        names = await segment.ask(3, { timeout: 2000 });
      }
      assert.ok(names.includes('dev1.devco.net'));
      assert.equal((await garbage.next())?.sent, 4000);
    }
    assert.deepEqual(await segment.ask(3, { timeout: 10_000 }), ['dev1.devco.net']);
    const after = await segment.remembered(listener);
    assert.ok(after.heard.some(({ name }) => name === 'dev1.devco.net'));
    assert.ok(after.heard.length <= 4096);
    assert.ok(after.memory - before < 100 * 1024 * 1024, `${before} → ${after.memory}`);
    assert.equal(await node.stop(), 0);
    assert.equal(await listener.stop(), 0);
    assert.equal(node.stderr() + listener.stderr(), '');
  });
});
