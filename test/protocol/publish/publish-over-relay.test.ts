import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { nameOf, type PublishFleet, startPublishFleet, writeArtifact } from '../../support/publish/publish-fleet.ts';
import { makeHomeWith, relayLine, startRelayNode } from '../../support/relay/relay-fleet.ts';

describe('publish over a relay', () => {
  let lab: PublishFleet;
  let relay: TestNode;
  let home: string;

  before(async () => {
    lab = await startPublishFleet(3);
    relay = await startRelayNode(lab.fleet, 'relay1.devco.net', lab.nodes);
    home = join(lab.fleet.dir, 'home');
    await mkdir(home);
    // The operator has no way to the nodes but the relay; the list says where the nodes can reach each other.
    await makeHomeWith(
      lab.fleet,
      home,
      `${relayLine([relay])}\ndiscovery: { method: file, file: ${lab.home}/nodes.json }`,
    );
  });
  after(async () => {
    await relay[Symbol.asyncDispose]();
    await lab[Symbol.asyncDispose]();
  });

  test('sends a sealed artifact to one node, and the others copy it from there', async () => {
    const file = join(lab.fleet.dir, 'dist.tar.gz');
    const packed = await writeArtifact(file, 2_000_000);
    const { code, out, err } = await runInProcess(['publish', 'shop', '20', file, '--json'], home);
    assert.equal(code, 0, err.join('\n'));
    const report = JSON.parse(out.join('\n'));
    assert.ok(report.sent < packed.length + 4096, `${report.sent} bytes were sent`);
    for (const node of lab.nodes) {
      assert.deepEqual(await readFile(join(lab.store(node), 'applications/shop/shop-20.tar.gz')), packed);
      const intents = (await node.records()).filter((one) => one.kind === 'intent');
      assert.ok(intents.length > 0 && intents.every((one) => one.relay === relay.name));
    }
    assert.equal(report.nodes.length, 3);
    assert.equal(report.nodes[0].node, nameOf(1));
  });
});
