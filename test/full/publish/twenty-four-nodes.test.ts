import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { releaseFiles } from '../../support/lab/files/releases.ts';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import { makeTarGz } from '../../support/agents/appmgr/tar-archive.ts';
import { sumOf } from '../../support/publish/publish-fleet.ts';

const hosts = Array.from({ length: 24 }, (_, index) => `dev${index + 1}.devco.net`);
/** Copies double the number of nodes that have it: 1, 2, 4, 8, 16, 32. */
const doublings = Math.ceil(Math.log2(hosts.length));

interface Report {
  readonly sent: number;
  readonly rounds: number;
  readonly sha256: string;
  readonly nodes: readonly {
    readonly node: string;
    readonly outcome: string;
    readonly code: string;
    readonly from: string;
    readonly round: number;
    readonly received: number;
  }[];
}

let lab: Lab;
before(async () => {
  lab = await startLab({ hosts: hosts.length, publishes: true });
  for (const host of ['control', ...hosts]) await lab.limit(host, 40);
});
after(() => lab[Symbol.asyncDispose]());

/** An artifact of the application on the control host. */
const writeRelease = async (revision: string, bytes: number): Promise<Buffer> => {
  const packed = makeTarGz([...releaseFiles(revision), { path: 'data.bin', content: randomBytes(bytes) }]);
  await writeFile(lab.path('control', `tmp/${revision}.tar.gz`), packed);
  return packed;
};
const publish = async (revision: string) => {
  const words = ['publish', 'app', revision, `/tmp/${revision}.tar.gz`, '--json'];
  const { code, stdout, stderr } = await lab.client(words);
  assert.ok(stdout.startsWith('{'), stdout + stderr);
  return { code, stderr, report: JSON.parse(stdout) as Report };
};
const bytesOut = async () =>
  Number((await lab.exec('control', ['cat', '/sys/class/net/eth0/statistics/tx_bytes'])).stdout);
const storeOf = (host: string) => lab.path(host, 'var/lib/mco-deploy/publish');
const sizeOf = (file: string) =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );
const assertPublished = async (on: readonly string[], revision: string, packed: Buffer) => {
  for (const host of on) {
    const file = join(storeOf(host), `applications/app/app-${revision}.tar.gz`);
    assert.equal(sumOf(await readFile(file)), sumOf(packed), host);
  }
};
const until = async (holds: () => Promise<boolean>) => {
  while (!(await holds())) await sleep(10);
};

describe('publish to 24 nodes over slow links', () => {
  test('crosses the operator’s link once, and takes at most one round more than doubling takes', async () => {
    const packed = await writeRelease('20', 4_000_000);
    const before = await bytesOut();
    const { code, stderr, report } = await publish('20');
    const onTheLine = (await bytesOut()) - before;
    assert.equal(code, 0, stderr);
    assert.ok(onTheLine < packed.length * 2, `${onTheLine} bytes left the operator’s host, of ${packed.length}`);
    assert.ok(report.sent < packed.length + 65_536, `${report.sent} bytes were sent`);
    assert.ok(report.rounds >= doublings && report.rounds <= doublings + 1, `${report.rounds} rounds`);
    assert.deepEqual(
      report.nodes.map(({ node, outcome }) => `${node} ${outcome}`).sort(),
      hosts.map((host) => `${host} ok`).sort(),
    );
    // Every node but the first received it from another, each once.
    assert.equal(
      report.nodes.reduce((sum, { received }) => sum + received, 0),
      (hosts.length - 1) * packed.length,
    );
    assert.equal(new Set(report.nodes.map(({ from }) => from)).size > doublings, true, 'many nodes sent');
    await assertPublished(hosts, '20', packed);
  });

  test('survives SIGKILL of sources and of a receiver, which resumes', async () => {
    const packed = await writeRelease('30', 10_000_000);
    const running = publish('30');
    const artifact = (host: string) => join(storeOf(host), 'applications/app/app-30.tar.gz.sha256');
    const holders = async () => {
      const sizes = await Promise.all(hosts.map((host) => sizeOf(artifact(host))));
      return hosts.filter((_, index) => (sizes[index] ?? 0) > 0);
    };
    /** Bytes of the partial on a host. */
    const partialOn = async (host: string) => {
      const names = await readdir(join(storeOf(host), 'partial'));
      const sizes = names
        .filter((name) => !name.includes('.manifest'))
        .map((name) => sizeOf(join(storeOf(host), 'partial', name)));
      return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
    };
    await until(async () => (await holders()).length >= 2);
    const sources = (await holders()).slice(0, 2);
    // Some that receive from them are in the middle of it.
    let receiver: string | undefined;
    await until(async () => {
      const sizes = await Promise.all(hosts.map(partialOn));
      receiver = hosts.find((_, index) => (sizes[index] ?? 0) > 1_500_000 && (sizes[index] ?? 0) < 4_000_000);
      return receiver !== undefined;
    });
    await Promise.all([...sources, receiver as string].map((host) => lab.daemon(host).kill()));
    const half = await partialOn(receiver as string);
    await lab.daemon(receiver as string).start();
    const { code, stderr, report } = await running;
    for (const host of sources) await lab.daemon(host).start();
    assert.equal(code, 0, stderr);
    await assertPublished(hosts, '30', packed);
    assert.ok(report.sent < packed.length * 2, `${report.sent} bytes were sent`);
    const resumed = report.nodes.find(({ node }) => node === receiver);
    // Parts that were verified before the kill were not sent again.
    assert.ok(resumed !== undefined && resumed.received < packed.length, `${resumed?.received} after ${half}`);
  });
});

describe('publish to 24 nodes, some without space, and the upgrade after it', () => {
  test('sends nothing to a node whose disk is too small, and frees the space on one that fills up', async () => {
    const packed = await writeRelease('40', 8_000_000);
    const [small, filling] = ['dev23.devco.net', 'dev24.devco.net'];
    const mount = async (host: string, megabytes: number) => {
      const at = '/var/lib/mco-deploy/publish';
      const script = `mount -t tmpfs -o size=${megabytes}m tmpfs ${at} && mkdir ${at}/blobs ${at}/partial ${at}/applications`;
      const { code, stderr } = await lab.exec(host, ['sh', '-c', script]);
      assert.equal(code, 0, stderr);
    };
    await mount(small, 4);
    await mount(filling, 40);
    // Slow enough to be filled in the middle.
    await lab.limit(filling, 8);
    const running = publish('40');
    const partials = async () => (await lab.exec(filling, ['ls', '/var/lib/mco-deploy/publish/partial'])).stdout.trim();
    await until(async () => (await partials()).split('\n').length >= 2);
    await lab.exec(filling, ['dd', 'if=/dev/zero', 'of=/var/lib/mco-deploy/publish/fill', 'bs=64k']);
    const { code, report } = await running;
    const left = await partials();
    for (const host of [small, filling]) await lab.exec(host, ['umount', '/var/lib/mco-deploy/publish']);
    assert.equal(code, 2);
    const failed = report.nodes.filter(({ outcome }) => outcome !== 'ok');
    assert.deepEqual(failed.map(({ node, code: why }) => `${node} ${why}`).sort(), [
      `${small} no-space`,
      `${filling} no-space`,
    ]);
    assert.equal(report.nodes.find(({ node }) => node === small)?.received, 0);
    assert.equal(left, '');
    await assertPublished(hosts.slice(0, 22), '40', packed);
  });

  test('upgrade --publish delivers to the servers of the cluster, and they serve it', async () => {
    await writeRelease('50', 200_000);
    const words = [
      'upgrade',
      '--cluster',
      'bravo',
      '--rev',
      '50',
      '--application',
      'app',
      '--publish',
      '/tmp/50.tar.gz',
    ];
    const { code, stdout, stderr } = await lab.client([...words, '--yes']);
    assert.equal(code, 0, stdout + stderr);
    const bravo = hosts.filter((_, index) => index % 2 === 1);
    for (const host of bravo) assert.equal(await lab.revision(host), '50', host);
    const { stdout: listed } = await lab.client(['published', 'app', '--json']);
    const holding = (JSON.parse(listed) as { node: string; published: { revision: string }[] }[])
      .filter(({ published }) => published.some(({ revision }) => revision === '50'))
      .map(({ node }) => node);
    assert.deepEqual(holding.sort(), bravo.toSorted());
  });
});
