import assert from 'node:assert/strict';
import { appendFile, writeFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { controlHost } from '../../support/lab/estate.ts';
import { deployer } from '../../support/lab/files/node.ts';
import { hostOf } from '../../support/lab/find.ts';
import { bravo, upServers } from '../../support/lab/upgrades/cluster.ts';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import type { LogLine } from '../../support/lab/log.ts';
import { countReloads, reloadsOf } from '../../support/lab/upgrades/reloads.ts';
import { startRun } from '../../support/lab/upgrades/runs.ts';

const bastions = ['notify1', 'notify2'] as const;

const isDone = (step: string) => (entry: LogLine) =>
  entry.type === 'step-finished' && entry.step === step && entry.state === 'done';
const isOutcome = (step: string) => (entry: LogLine) => entry.type === 'outcome' && entry.step === step;

/**
 * The control host is on another segment than the nodes: packet filters let it speak mco-deploy with two bastions alone, and
 * neither send nor hear multicast. Upgrades go over a bastion, which is killed at the worst moments.
 */
describe('an upgrade over a bastion, from a host that reaches no other node', () => {
  let lab: Lab;
  let served = '10';
  const other = () => (served === '10' ? '20' : '10');
  const via = (...names: readonly string[]) =>
    names.flatMap((name) => ['--via', `${hostOf(lab.state, name).name}=${hostOf(lab.state, name).address}`]);
  const upgrade = (revision: string) => ['upgrade', '--cluster', 'bravo', '--rev', revision, '--no-notify'];
  const reloads = () => Promise.all(bravo.map((host) => reloadsOf(lab, host)));

  before(async () => {
    lab = await startLab();
    for (const bastion of bastions) await makeBastion(lab, bastion);
    await wallOff(
      lab,
      bastions.map((name) => hostOf(lab.state, name).address),
    );
    for (const host of bravo) await countReloads(lab, host);
    await untilAllAreFound(lab, via('notify1'));
    await untilAllAreFound(lab, via('notify2'));
  });
  after(() => lab.stop());

  const assertSwitchedOnce = async (counted: readonly number[], text: string) => {
    const revision = other();
    for (const host of bravo) assert.equal(await lab.revision(host), revision, `${host}: ${text}`);
    const up = await upServers(lab, 'lb1');
    assert.equal(up.length, 9, text);
    assert.deepEqual(
      await reloads(),
      counted.map((count) => count + 1),
      text,
    );
    served = revision;
  };
  const resume = async (id: string, ways: readonly string[], counted: readonly number[]) => {
    const { code, stdout, stderr } = await lab.client(['resume', id, ...ways]);
    assert.equal(code, 0, stdout + stderr);
    await assertSwitchedOnce(counted, stdout);
  };

  test('reaches no node by itself', async () => {
    const { code } = await lab.client(['ping', '--via', 'direct', '--dt', '1']);
    assert.notEqual(code, 0);
  });

  test('completes, and loses no request of the users', async () => {
    const counted = await reloads();
    const load = await lab.load({ rate: 100 });
    const { code, stdout, stderr } = await lab.client([...upgrade(other()), ...via('notify1')]);
    const { failures, requests } = await load.stop();
    assert.equal(code, 0, stdout + stderr);
    assert.deepEqual(failures, []);
    assert.ok(requests > 0);
    await assertSwitchedOnce(counted, stdout);
    const records = await lab.audit('dev2');
    assert.ok(records.some(({ kind, relay }) => kind === 'intent' && relay === 'notify1.devco.net'));
  });

  test('resumes over the bastion that was killed after disable, once it is back', async () => {
    const counted = await reloads();
    const run = await startRun(lab, [...upgrade(other()), ...via('notify1')]);
    await run.until(isDone('disable'));
    await lab.daemon('notify1').kill();
    const { code } = await run.ended;
    await lab.daemon('notify1').start();
    await untilAllAreFound(lab, via('notify1'));
    if (code === 0) assert.fail('the run cannot have ended well without its only bastion');
    await resume(run.id, via('notify1'), counted);
  });

  test('resumes over another bastion when its only one was killed in mid-upgrade', async () => {
    const counted = await reloads();
    const run = await startRun(lab, [...upgrade(other()), ...via('notify1')]);
    await run.until(isOutcome('update'));
    await lab.daemon('notify1').kill();
    const { code, stdout } = await run.ended;
    assert.notEqual(code, 0, stdout);
    await resume(run.id, via('notify2'), counted);
    await lab.daemon('notify1').start();
    await untilAllAreFound(lab, via('notify1'));
  });

  test('ends well with a second bastion, or resumes over it, if one is killed in mid-upgrade', async () => {
    const counted = await reloads();
    const ways = via('notify1', 'notify2');
    const run = await startRun(lab, [...upgrade(other()), ...ways]);
    await run.until(isOutcome('update'));
    await lab.daemon('notify1').kill();
    const { code, stdout } = await run.ended;
    if (code === 0) await assertSwitchedOnce(counted, stdout);
    else await resume(run.id, via('notify2'), counted);
  });
});

/** Makes a node a relay, for the deployer alone. */
async function makeBastion(lab: Lab, host: string): Promise<void> {
  await appendFile(lab.path(host, 'etc/mco-deploy/node.yaml'), 'relay: {}\n');
  const policy = `policy default deny\nallow\tcert=${deployer}\tforward discover\t*\t*\n`;
  await writeFile(lab.path(host, 'etc/mco-deploy/policies/relay.policy'), policy);
  await lab.daemon(host).stop();
  await lab.daemon(host).start();
}

/** Lets the control host speak with these hosts' daemons alone, and drops multicast in both directions. */
async function wallOff(lab: Lab, allowed: readonly string[]): Promise<void> {
  const rules = `
    table inet wall {
      chain out {
        type filter hook output priority 0
        ip daddr { ${allowed.join(', ')} } tcp dport 5810 accept
        tcp dport 5810 drop
        udp dport 5353 drop
      }
      chain in {
        type filter hook input priority 0
        udp dport 5353 drop
      }
    }`;
  await writeFile(lab.path(controlHost.name, 'tmp/wall.nft'), rules);
  const { code, stderr } = await lab.exec(controlHost.name, ['nft', '-f', '/tmp/wall.nft']);
  assert.equal(code, 0, stderr);
}

/** Until the bastion has a connection to every node. */
async function untilAllAreFound(lab: Lab, ways: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 100; tries++) if ((await nodesFound(lab, ways)) === 12) return;
  assert.fail('the bastion does not find all nodes');
}

async function nodesFound(lab: Lab, ways: readonly string[]): Promise<number> {
  const { code, stdout } = await lab.client(['ping', '--json', ...ways]);
  return code === 0 ? (JSON.parse(stdout) as { nodes: unknown[] }).nodes.length : 0;
}
