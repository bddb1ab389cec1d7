import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { subtypeLabel } from '../../../src/discovery/mdns/subtype.ts';
import { createNetwork, type Network, type NetworkHost, type Script } from '../../support/discovery/network.ts';

/** What the listening script tells. */
interface Memory {
  readonly heard: { name: string; facts: Record<string, string>; addresses: { host: string }[]; lastHeard: number }[];
  readonly rival: string | null;
  readonly memory: number;
}

describe('on a real segment', () => {
  let network: Network;
  let directory: string;
  let running: Script[] = [];
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-multicast-'));
    network = await createNetwork(5);
  });
  after(async () => {
    await network.remove();
    await rm(directory, { recursive: true });
  });
  afterEach(async () => {
    await Promise.all(running.map((script) => script.stop()));
    running = [];
  });

  const host = (index: number) => network.hosts[index] as NetworkHost;
  const start = (index: number, script: string, options: object = {}): Script => {
    const started = host(index).start(script, options);
    running.push(started);
    return started;
  };

  async function announce(index: number, options: object): Promise<Script> {
    const script = start(index, 'announce.ts', options);
    assert.ok((await script.next())?.started !== undefined, script.stderr());
    assert.equal((await script.next())?.settled, 'announced');
    return script;
  }

  /** The names heard, once for each telling. */
  async function ask(index: number, options: object = {}): Promise<string[]> {
    const script = start(index, 'ask.ts', { timeout: 400, ...options });
    const names: string[] = [];
    for (let line = await script.next(); line?.name !== undefined; line = await script.next())
      names.push(String(line.name));
    return names.sort();
  }

  async function remembered(listener: Script): Promise<Memory> {
    listener.say('?');
    return (await listener.next()) as unknown as Memory;
  }

  /** Asks the listener until it is so; a test that waits in vain is ended by its timeout. */
  async function until(listener: Script, holds: (memory: Memory) => boolean): Promise<Memory> {
    for (;;) {
      const memory = await remembered(listener);
      if (holds(memory)) return memory;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async function listen(index: number, options: object = {}): Promise<Script> {
    const script = start(index, 'listen.ts', options);
    assert.equal((await script.next())?.ready, true, script.stderr());
    return script;
  }

  describe('a question', { timeout: 60_000 }, () => {
    test('is answered only by those that match, and by those that can not say by multicast', async () => {
      await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      await announce(1, { identity: 'dev2.devco.net', facts: { cluster: 'Bravo' } });
      await announce(2, { identity: 'silent.devco.net', facts: {} });
      assert.deepEqual(await ask(3), ['dev1.devco.net', 'dev2.devco.net', 'silent.devco.net']);
      assert.deepEqual(await ask(3, { filter: { facts: ['cluster=bravo'] } }), ['dev2.devco.net', 'silent.devco.net']);
      assert.deepEqual(await ask(3, { filter: { identities: ['dev1.devco.net'] } }), ['dev1.devco.net']);
      assert.deepEqual(await ask(3, { filter: { identities: ['dev1.devco.net', 'dev2.devco.net'] } }), [
        'dev1.devco.net',
        'dev2.devco.net',
      ]);
      assert.deepEqual(await ask(3, { filter: { identities: ['dev9.devco.net'] } }), []);
    });

    test('is answered to a client on the node’s own host', async () => {
      await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      assert.deepEqual(await ask(0), ['dev1.devco.net']);
    });

    test('reaches a node whose claims and identity are as long as can be', async () => {
      const identity = `${'a'.repeat(60)}.${'b'.repeat(60)}.devco.net`;
      const classes = Array.from({ length: 60 }, (_, index) => `class-with-a-long-name-${index}`);
      const facts = { cluster: 'x'.repeat(250) };
      await announce(0, { identity, classes, agents: classes, facts });
      assert.deepEqual(await ask(3), [identity]);
      assert.deepEqual(await ask(3, { filter: { classes: ['class-with-a-long-name-59'] } }), [identity]);
      assert.deepEqual(await ask(3, { filter: { facts: [`cluster=${'X'.repeat(250)}`] } }), [identity]);
      assert.deepEqual(await ask(3, { filter: { identities: [identity] } }), [identity]);
    });

    test('is not answered by a node that it names as known', async () => {
      await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      const answered = async (known: string[]) => (await start(3, 'known.ts', { known }).next())?.answered;
      assert.deepEqual(await answered(['dev1.devco.net']), [2]);
      assert.deepEqual(await answered(['dev2.devco.net']), [1, 2]);
    });

    test('is answered with new claims after an update', async () => {
      const node = await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      node.say(JSON.stringify({ agents: ['rpcutil'], classes: ['new'], facts: { cluster: 'bravo' } }));
      assert.equal((await node.next())?.updated, 'announced');
      assert.deepEqual(await ask(3, { filter: { facts: ['cluster=alfa'] } }), []);
      assert.deepEqual(await ask(3, { filter: { facts: ['cluster=bravo'] } }), ['dev1.devco.net']);
      assert.deepEqual(await ask(3, { filter: { classes: ['new'] } }), ['dev1.devco.net']);
    });
  });

  describe('a host without IPv4', { timeout: 60_000 }, () => {
    const address = (index: number, verb: string) => {
      const ipv4 = `${host(index).address}/24`;
      return host(index).exec('ip', 'address', verb, ipv4, 'dev', 'eth0');
    };
    before(() => address(4, 'del'));
    after(() => address(4, 'add'));

    test('is heard by those with both and hears them, and is dialled by its address on that link', async () => {
      await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      await announce(4, { identity: 'dev5.devco.net', facts: { cluster: 'alfa' } });
      assert.deepEqual(await ask(3), ['dev1.devco.net', 'dev5.devco.net']);
      assert.deepEqual(await ask(4), ['dev1.devco.net', 'dev5.devco.net']);
      const asking = start(3, 'ask.ts', { filter: { identities: ['dev5.devco.net'] } });
      const heard = (await asking.next()) as unknown as { addresses: { host: string }[] };
      assert.match(heard.addresses[0]?.host ?? '', /^fe80::.*%eth0$/);
    });

    test('hears of those with both, and is remembered by them', async () => {
      const listeners = [await listen(4), await listen(3, { identity: 'other.devco.net' })];
      await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      await announce(4, { identity: 'dev5.devco.net', facts: { cluster: 'alfa' } });
      for (const listener of listeners) await until(listener, ({ heard }) => heard.length === 2);
    });
  });

  describe('all are heard', { timeout: 60_000 }, () => {
    const names = Array.from({ length: 24 }, (_, index) => `dev${index + 10}.devco.net`);
    const filter = (...words: string[]) => host(3).exec('nft', ...words);

    async function announceAll(): Promise<void> {
      const parts = [0, 1, 2].map((index) => names.filter((_, one) => one % 3 === index));
      const scripts = parts.map((identities, index) => start(index, 'announce-many.ts', { identities }));
      for (const script of scripts) assert.ok((await script.next())?.settled !== undefined, script.stderr());
    }

    test('when each third answer is lost', async () => {
      await announceAll();
      await filter('add table inet lossy; add chain inet lossy in { type filter hook input priority 0; }');
      await filter('add rule inet lossy in udp sport 5353 numgen inc mod 3 0 counter drop');
      assert.deepEqual(await ask(3), names);
      assert.doesNotMatch(await filter('list table inet lossy'), /packets 0 /, 'some were lost');
      await filter('delete table inet lossy');
    });

    test('when hardly any of them can wait to be read', async () => {
      await announceAll();
      assert.deepEqual(await ask(3, { buffer: 2304 }), names);
    });
  });

  describe('an interface', { timeout: 60_000 }, () => {
    const ip = (index: number, ...words: string[]) => host(index).exec('ip', ...words);
    const lastHeard = async (options: object): Promise<string[]> => {
      const asking = start(3, 'ask.ts', { timeout: 400, filter: { identities: ['dev1.devco.net'] }, ...options });
      const heard = (await asking.next()) as unknown as { addresses?: { host: string }[] };
      return (heard.addresses ?? []).map((one) => one.host);
    };
    /** Asks until the node is heard at that address. */
    const untilAt = async (address: string, options: object = {}) => {
      while (!(await lastHeard(options)).includes(address));
    };

    test('that has got another address is announced with it', async () => {
      await announce(0, { identity: 'dev1.devco.net', look: 100 });
      await ip(0, 'address', 'add', '10.77.0.101/16', 'dev', 'eth0');
      await ip(0, 'address', 'del', '10.77.0.1/24', 'dev', 'eth0');
      await untilAt('10.77.0.101');
      assert.ok(!(await lastHeard({})).includes('10.77.0.1'));
      await ip(0, 'address', 'add', '10.77.0.1/24', 'dev', 'eth0');
      await ip(0, 'address', 'del', '10.77.0.101/16', 'dev', 'eth0');
    });

    test('that comes when the node runs already is announced on, also where there was none before', async () => {
      const node = start(0, 'announce.ts', { identity: 'dev1.devco.net', interfaces: ['eth1'], look: 100 });
      assert.match(String((await node.next())?.message), /no network interface to announce this node on/);
      await host(0).plug('eth1');
      await ip(0, 'address', 'add', '10.77.0.201/24', 'dev', 'eth1');
      await untilAt('10.77.0.201');
      await ip(0, 'link', 'del', 'eth1');
    });

    test('is asked on with others, and each answers with its own address', async () => {
      await Promise.all([host(0).plug('eth1'), host(3).plug('eth1')]);
      await ip(0, 'address', 'add', '10.88.0.1/24', 'dev', 'eth1');
      await ip(3, 'address', 'add', '10.88.0.4/24', 'dev', 'eth1');
      await announce(0, { identity: 'dev1.devco.net' });
      assert.equal((await lastHeard({ interfaces: ['eth0'] }))[0], '10.77.0.1');
      assert.equal((await lastHeard({ interfaces: ['eth1'] }))[0], '10.88.0.1');
      assert.deepEqual([...new Set(await ask(3))], ['dev1.devco.net']);
      await Promise.all([ip(0, 'link', 'del', 'eth1'), ip(3, 'link', 'del', 'eth1')]);
    });
  });

  describe('a listener', { timeout: 60_000 }, () => {
    test('hears who was there before it, who comes, and remembers who leaves', async () => {
      await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      const listener = await listen(3);
      await until(listener, ({ heard }) => heard.length === 1);
      const second = await announce(1, { identity: 'dev2.devco.net', facts: { cluster: 'bravo' } });
      const { heard } = await until(listener, (memory) => memory.heard.length === 2);
      const before = heard.find(({ name }) => name === 'dev2.devco.net');
      assert.deepEqual(before?.facts, { cluster: 'bravo' });
      assert.equal(before?.addresses[0]?.host, '10.77.0.2');
      await second.stop();
      const later = await until(listener, (memory) =>
        memory.heard.some(({ name, lastHeard }) => name === 'dev2.devco.net' && lastHeard > (before?.lastHeard ?? 0)),
      );
      assert.equal(later.heard.length, 2);
      assert.deepEqual(await ask(4), ['dev1.devco.net']);
    });

    test('remembers over a restart', async () => {
      const file = join(directory, 'peers.json');
      const node = await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      const listener = await listen(3, { file });
      await until(listener, ({ heard }) => heard.length === 1);
      await listener.stop();
      node.kill();
      const again = await remembered(await listen(3, { file }));
      assert.deepEqual(
        again.heard.map(({ name }) => name),
        ['dev1.devco.net'],
      );
    });
  });

  describe('two nodes of one name', { timeout: 60_000 }, () => {
    test('are told by both: the second is not announced, and takes over when the first has left', async () => {
      const identity = 'dev1.devco.net';
      const first = await announce(0, { identity, facts: { cluster: 'alfa' } });
      const listener = await listen(0, { identity });
      const second = start(1, 'announce.ts', { identity, facts: { cluster: 'alfa' }, retry: 500 });
      assert.ok((await second.next())?.started !== undefined);
      const log = await second.next();
      assert.equal(log?.log, 'error');
      assert.match(String(log?.message), /another node on this network announces the name dev1\.devco\.net/);
      const told = await second.next();
      assert.equal(told?.settled, 'conflict');
      assert.match(String(told?.conflict), /this one is not announced/);
      const rival = await listener.next();
      assert.equal(rival?.log, 'error');
      assert.match(String(rival?.message), /another node, at 10\.77\.0\.2, claims the name/);
      assert.match((await remembered(listener)).rival ?? '', /10\.77\.0\.2/);
      assert.deepEqual(await ask(3), [identity]);
      await first.stop();
      for (let names: string[] = []; names.length === 0; ) names = await ask(3);
    });

    test('do no more harm than that when one only pretends: the other comes back once the lies end', async () => {
      const identity = 'dev1.devco.net';
      const node = await announce(0, { identity, facts: { cluster: 'alfa' }, retry: 300 });
      const liar = start(2, 'garbage.ts', { packets: 1000, port: 5353, rival: identity });
      assert.equal((await liar.next())?.sent, 1000);
      for (let names: string[] = []; names.length === 0; ) names = await ask(3);
      assert.equal(await node.stop(), 0);
      assert.equal(node.stderr(), '');
    });
  });

  test('avahi sees the node as one instance, with its text and its subtypes', { timeout: 60_000 }, async () => {
    await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'bravo' }, classes: ['web'] });
    const browse = (type: string) =>
      host(4).exec(
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

  test('garbage harms nobody: all still hear each other, and nothing grows', { timeout: 120_000 }, async () => {
    const node = await announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
    const listener = await listen(1);
    await until(listener, ({ heard }) => heard.length === 1);
    const before = (await remembered(listener)).memory;
    for (const port of [5353, 40_000]) {
      const garbage = start(2, 'garbage.ts', { packets: 4000, port });
      // In the thick of it one answer may be lost, as any datagram may; a few questions must be enough.
      let names: string[] = [];
      for (let question = 0; question < 5 && !names.includes('dev1.devco.net'); question++) {
        names = await ask(3, { timeout: 2000 });
      }
      assert.ok(names.includes('dev1.devco.net'));
      assert.equal((await garbage.next())?.sent, 4000);
    }
    assert.deepEqual(await ask(3), ['dev1.devco.net']);
    const after = await remembered(listener);
    assert.ok(after.heard.some(({ name }) => name === 'dev1.devco.net'));
    assert.ok(after.heard.length <= 4096);
    assert.ok(after.memory - before < 100 * 1024 * 1024, `${before} → ${after.memory}`);
    assert.equal(await node.stop(), 0);
    assert.equal(await listener.stop(), 0);
    assert.equal(node.stderr() + listener.stderr(), '');
  });
});
