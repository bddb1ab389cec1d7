import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createFleetOnSegment, type FleetOnSegment } from '../../support/discovery/fleet-on-segment.ts';
import type { Script } from '../../support/discovery/network.ts';

const name = 'dev1.devco.net';
const port = 5810;

describe('a host without a certificate that announces a node and passes connections on to it', {
  timeout: 600_000,
}, () => {
  let site: FleetOnSegment;
  let rogue: Script;
  before(async () => {
    site = await createFleetOnSegment(4);
    const real = await site.prepare(name, { agents: ['rpcutil', 'lock'], port });
    const other = await site.prepare('dev2.devco.net', { agents: ['rpcutil'], port });
    await site.start(0, [real]);
    await site.start(1, [other]);
    const client = await site.client(3);
    await client.until(['ping'], ({ lines }) =>
      ['dev1', 'dev2'].every((one) => lines.some((line) => line.includes(one))),
    );
    rogue = site.segment.start(2, 'passes-on.ts', { identity: name, host: '10.77.0.1', port });
  });
  after(() => site[Symbol.asyncDispose]());

  test('does not count as a second machine: nothing is refused on the node, and nobody reports it', async () => {
    // Both daemons look several times who answers there.
    for (let passed = 0; passed < 12; passed = Number((await rogue.next())?.passed)) assert.equal(rogue.stderr(), '');
    const client = await site.client(3);
    for (const words of [['rpc', 'lock', 'break', 'name=x', '-I', name], ['rpc', 'rpcutil', 'inventory'], ['find']]) {
      const { code, lines } = await client.run(...words);
      assert.doesNotMatch(lines.join('\n'), /two (machines|nodes) prove|duplicate/, words.join(' '));
      assert.equal(code, 0, `${words.join(' ')}: ${lines.join('\n')}`);
    }
  });
});
