import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { createSegment, type Segment } from '../../support/discovery/segment.ts';

describe('multicast on every kind of network', () => {
  let segment: Segment;
  before(async () => {
    segment = await createSegment(5);
  });
  after(() => segment.remove());
  afterEach(() => segment.quiet());

  describe('a host without IPv4', { timeout: 600_000 }, () => {
    const address = (index: number, verb: string) => {
      const ipv4 = `${segment.host(index).address}/24`;
      return segment.host(index).exec('ip', 'address', verb, ipv4, 'dev', 'eth0');
    };
    before(() => address(4, 'del'));
    after(() => address(4, 'add'));

    test('exchanges announcements with hosts that have both, and is dialled by its address on that link', async () => {
      await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      await segment.announce(4, { identity: 'dev5.devco.net', facts: { cluster: 'alfa' } });
      assert.deepEqual(await segment.ask(3), ['dev1.devco.net', 'dev5.devco.net']);
      assert.deepEqual(await segment.ask(4), ['dev1.devco.net', 'dev5.devco.net']);
      assert.match((await segment.addressesOf(3, 'dev5.devco.net'))[0] ?? '', /^fe80::.*%eth0$/);
    });

    test('receives announcements of hosts with both, and they remember it', async () => {
      const listeners = [await segment.listen(4), await segment.listen(3, { identity: 'other.devco.net' })];
      await segment.announce(0, { identity: 'dev1.devco.net', facts: { cluster: 'alfa' } });
      await segment.announce(4, { identity: 'dev5.devco.net', facts: { cluster: 'alfa' } });
      for (const listener of listeners) await segment.until(listener, ({ heard }) => heard.length === 2);
    });
  });

  describe('discovery', { timeout: 600_000 }, () => {
    const names = Array.from({ length: 24 }, (_, index) => `dev${index + 10}.devco.net`);
    const filter = (...words: string[]) => segment.host(3).exec('nft', ...words);

    async function announceAll(): Promise<void> {
      const parts = [0, 1, 2].map((index) => names.filter((_, one) => one % 3 === index));
      const scripts = parts.map((identities, index) => segment.start(index, 'announce-many.ts', { identities }));
      for (const script of scripts) assert.ok((await script.next())?.settled !== undefined, script.stderr());
    }

    test('finds all nodes if a third of the replies is lost', async () => {
      await announceAll();
      await filter('add table inet lossy; add chain inet lossy in { type filter hook input priority 0; }');
      await filter('add rule inet lossy in udp sport 5353 numgen inc mod 3 0 counter drop');
      assert.deepEqual(await segment.ask(3), names);
      assert.doesNotMatch(await filter('list table inet lossy'), /packets 0 /, 'some were lost');
      await filter('delete table inet lossy');
    });

    test('finds all nodes if most replies exceed the receive buffer', async () => {
      await announceAll();
      assert.deepEqual(await segment.ask(3, { buffer: 2304 }), names);
    });
  });

  describe('an interface', { timeout: 600_000 }, () => {
    const ip = (index: number, ...words: string[]) => segment.host(index).exec('ip', ...words);
    const lastHeard = (options: object) => segment.addressesOf(3, 'dev1.devco.net', options);
    /** Asks until the node is heard at that address. */
    const untilAt = async (address: string, options: object = {}) => {
      while (!(await lastHeard(options)).includes(address));
    };

    test('is announced with a new address', async () => {
      await segment.announce(0, { identity: 'dev1.devco.net', look: 100 });
      await ip(0, 'address', 'add', '10.77.0.101/16', 'dev', 'eth0');
      await ip(0, 'address', 'del', '10.77.0.1/24', 'dev', 'eth0');
      await untilAt('10.77.0.101');
      assert.ok(!(await lastHeard({})).includes('10.77.0.1'));
      await ip(0, 'address', 'add', '10.77.0.1/24', 'dev', 'eth0');
      await ip(0, 'address', 'del', '10.77.0.101/16', 'dev', 'eth0');
    });

    test('is announced on if it is added later, even to a node without any', async () => {
      const node = segment.start(0, 'announce.ts', { identity: 'dev1.devco.net', interfaces: ['eth1'], look: 100 });
      assert.match(String((await node.next())?.message), /no network interface to announce this node on/);
      await segment.host(0).plug('eth1');
      await ip(0, 'address', 'add', '10.77.0.201/24', 'dev', 'eth1');
      await untilAt('10.77.0.201');
      await ip(0, 'link', 'del', 'eth1');
    });

    test('is queried next to others, and each replies with its own address', async () => {
      await Promise.all([segment.host(0).plug('eth1'), segment.host(3).plug('eth1')]);
      await ip(0, 'address', 'add', '10.88.0.1/24', 'dev', 'eth1');
      await ip(3, 'address', 'add', '10.88.0.4/24', 'dev', 'eth1');
      await segment.announce(0, { identity: 'dev1.devco.net' });
      assert.equal((await lastHeard({ interfaces: ['eth0'] }))[0], '10.77.0.1');
      assert.equal((await lastHeard({ interfaces: ['eth1'] }))[0], '10.88.0.1');
      assert.deepEqual([...new Set(await segment.ask(3))], ['dev1.devco.net']);
      await Promise.all([ip(0, 'link', 'del', 'eth1'), ip(3, 'link', 'del', 'eth1')]);
    });
  });

  describe('a host with many interfaces', { timeout: 600_000 }, () => {
    const script = (text: string) => segment.host(0).exec('sh', '-c', text);
    const makeBridges = (number: number) =>
      script(
        `for i in $(seq 1 ${number}); do ip link add d$i type bridge && ip addr add 10.90.$i.1/24 dev d$i && ip link set d$i up multicast on; done`,
      );
    /** Takes the one that leads to the others down, and brings up another in its place: the last in the kernel's order. */
    const moveToLast = async () => {
      await segment.host(0).plug('uplink');
      await script('ip link set eth0 down; ip addr add 10.77.0.1/24 dev uplink; ip route add default dev uplink');
    };
    after(() =>
      script(
        'ip -o link | grep -oE "d[0-9]+:" | tr -d : | xargs -n 1 ip link del; ip link del uplink; ip link set eth0 up',
      ),
    );

    test('sends announcements and queries on all of them', async () => {
      await makeBridges(24);
      await moveToLast();
      await segment.announce(0, { identity: 'dev1.devco.net' });
      await segment.announce(3, { identity: 'dev4.devco.net' });
      assert.deepEqual(await segment.ask(3), ['dev1.devco.net', 'dev4.devco.net']);
      assert.ok([...(await segment.ask(0))].includes('dev4.devco.net'));
      const listener = await segment.listen(0, { identity: 'other.devco.net' });
      await segment.until(listener, ({ heard }) => heard.some(({ name }) => name === 'dev4.devco.net'));
    });

    test('uses the interface with the default route if some must be left out, and names the others', async () => {
      await makeBridges(66).catch(() => {});
      const node = segment.start(0, 'announce.ts', { identity: 'dev1.devco.net' });
      assert.ok((await node.next())?.started !== undefined, node.stderr());
      assert.equal((await node.next())?.settled, 'announced');
      assert.ok((await segment.ask(3, { timeout: 10_000 })).includes('dev1.devco.net'));
      const asking = segment.start(0, 'ask.ts', { timeout: 400, window: 300 });
      const lines = [];
      for (let line = await asking.next(); line !== undefined; line = await asking.next()) lines.push(line);
      const warning = lines.find(({ message }) => String(message).includes('more than 64 network interfaces'));
      assert.match(String(warning?.message), /not discovered on .*d66/);
      assert.doesNotMatch(String(warning?.message), /uplink/);
    });
  });
});
