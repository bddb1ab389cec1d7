import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { DiscoverEvent } from '../../../../src/core/wire/messages.ts';
import { startLook } from '../../../../src/library/relays/look.ts';
import type { RelayLink } from '../../../../src/library/relays/relay-link.ts';
import type { RelayConnection } from '../../../../src/transport/relay/connection.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { keepingLog } from '../../../support/node/quiet-log.ts';

/** A relay that connects, reports nodes and ends its list when the test says so. */
function slowRelay() {
  const connected = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let [isOpen, report] = [false, (_event: DiscoverEvent) => {}];
  const relay = {
    discover: async (_request: unknown, onNode: (event: DiscoverEvent) => void, signal: AbortSignal) => {
      report = onNode;
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('it was cancelled')));
      });
      await Promise.race([ended.promise, aborted]);
    },
  };
  const link: RelayLink = {
    name: 'bastion.devco.net',
    open: async () => {
      await connected.promise;
      isOpen = true;
      return relay as unknown as RelayConnection;
    },
    isOpen: () => isOpen,
    close: () => {},
  };
  return {
    link,
    connect: connected.resolve,
    end: ended.resolve,
    report: (node: string) => report({ node, path: [], lastHeard: 0 }),
  };
}

function lookAt(...links: readonly RelayLink[]) {
  const seen: string[] = [];
  const log = keepingLog();
  const control = new AbortController();
  const look = startLook({ links, onNode: ({ node }) => seen.push(node), signal: control.signal, log });
  /** Waits, as each node does whose turn has come. @returns whether it still waits */
  const wait = () => {
    let waits = true;
    void look().then(() => {
      waits = false;
    });
    return () => waits;
  };
  return { seen, log, control, wait };
}

describe('a look at the nodes of relays', () => {
  test('waits three seconds for a relay to be connected, and takes its list when it comes later', async () => {
    using delays = mockDelays();
    const { link, connect, report, end } = slowRelay();
    const { seen, wait } = lookAt(link);
    const first = wait();
    await delays.pass(2900);
    assert.equal(first(), true);
    await delays.pass(200);
    assert.equal(first(), false);
    await delays.pass(20_000);
    const later = wait();
    connect();
    await someTurns();
    report('web1');
    assert.deepEqual(seen, ['web1']);
    assert.equal(later(), true);
    end();
    await someTurns();
    assert.equal(later(), false);
  });

  test('does not give up a relay that pauses for seconds in its list', async () => {
    using delays = mockDelays();
    const { link, connect, report } = slowRelay();
    const { seen, wait, log } = lookAt(link);
    const first = wait();
    connect();
    await someTurns();
    for (const node of ['web1', 'web2', 'web3']) {
      await delays.pass(2900);
      report(node);
      assert.equal(first(), true);
    }
    await delays.pass(3100);
    assert.equal(first(), false);
    const second = wait();
    await delays.pass(2900);
    assert.equal(second(), true);
    report('web4');
    assert.deepEqual(seen, ['web1', 'web2', 'web3', 'web4']);
    assert.deepEqual(log.lines.length, 1);
  });

  test('ends when the relay has been silent for ten seconds: then no node waits for it', async () => {
    using delays = mockDelays();
    const { link, connect, report } = slowRelay();
    const { wait, log } = lookAt(link);
    wait();
    connect();
    await someTurns();
    report('web1');
    await delays.pass(9900);
    const last = wait();
    assert.equal(last(), true);
    await delays.pass(200);
    assert.equal(last(), false);
    assert.match(String(log.lines.at(-1)), /bastion\.devco\.net does not end its list of nodes/);
    const after = wait();
    await someTurns();
    assert.equal(after(), false);
  });

  test('reads what has arrived before it takes a relay for silent: this program may have been busy', async () => {
    using delays = mockDelays();
    const { link, connect, report } = slowRelay();
    const { wait } = lookAt(link);
    const first = wait();
    connect();
    await someTurns();
    const passing = delays.pass(3000);
    report('web1');
    await passing;
    assert.equal(first(), true);
  });

  test('leaves nothing behind when its command ends', async () => {
    using delays = mockDelays();
    const { wait, control, log } = lookAt(slowRelay().link);
    const first = wait();
    control.abort();
    await someTurns();
    assert.equal(first(), false);
    await delays.pass(60_000);
    assert.deepEqual(log.lines, []);
  });

  test('names the relay that is not used, and says so if none can be', async () => {
    const fault = new Problem('unreachable', 'it is off');
    const lost = { ...slowRelay().link, name: 'lost.devco.net', open: () => Promise.reject(fault) };
    const { link, connect, end } = slowRelay();
    connect();
    end();
    const used = (name: string) => `the relay ${name} is not used: it is off`;
    for (const [links, expected] of [
      [[lost, link], used('lost.devco.net')],
      [[lost, lost], 'nodes are reached without relays: no relay can be used: it is off; it is off'],
    ] as const) {
      const log = keepingLog();
      await startLook({ links, onNode: () => {}, signal: new AbortController().signal, log })();
      assert.deepEqual(log.lines, [`warn ${expected}`]);
    }
  });
});
