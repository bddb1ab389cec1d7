import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';
import { loadNodeConfig } from '../../../src/daemon/config/config.ts';
import { openNode } from '../../../src/daemon/open-node.ts';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { prepareNode } from '../../support/node/node.ts';

describe('the audit log of a node that keeps one full file', () => {
  /** Fills three files, each two hours after the one before. @returns the full ones that are left */
  const fill = async (ship: object) => {
    await using fleet = await makeFleet();
    const audit = { ship, max_bytes: 65_536, keep: { files: 1 } };
    const { configFile, auditFile } = await prepareNode(fleet, { audit, agents: [] });
    let time = Date.now();
    const node = await openNode(await loadNodeConfig(configFile, []), {
      ...{ version: '0.1.0', knownAgents: () => [], agentNames: () => [], onKeys: () => {}, now: () => time },
    });
    const event = { kind: 'recovered', torn_bytes: 1, torn: 'x'.repeat(70_000) } as const;
    for (let file = 0; file < 3; file++) {
      await node.audit.append(event, true);
      time += 2 * 3_600_000;
    }
    await node.audit.append({ ...event, torn: '' }, true);
    node.keys.stop();
    await node.shipping?.stop();
    await node.audit.close();
    return (await readdir(dirname(auditFile))).filter((name) => /^audit-\d+\.jsonl$/.test(name)).length;
  };

  test('has only the last one if it is sent nowhere', async () => {
    assert.equal(await fill({}), 1);
  });

  test('has all that no receiver took yet', async () => {
    const siem = { syslog: { host: '127.0.0.1', port: await freePort() } };
    assert.equal(await fill({ siem }), 3);
  });
});
