import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readdir, readFile, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runInProcess } from '../../support/program/cli.ts';
import { assertFits } from '../../support/program/output-schema.ts';
import {
  nameOf,
  type PublishFleet,
  startPublishFleet,
  sumOf,
  writeArtifact,
} from '../../support/publish/publish-fleet.ts';
import { until } from '../../support/until.ts';

let lab: PublishFleet;
let file: string;
let packed: Buffer;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const run = (...words: string[]) => runInProcess(words, lab.home);
const artifactOn = (index: number, revision: string) =>
  join(lab.store(lab.nodes[index] as (typeof lab.nodes)[0]), `applications/shop/shop-${revision}.tar.gz`);

before(async () => {
  lab = await startPublishFleet(6, {
    node: (index, fleet) => {
      if (index === 6) return { sections: { publish: { applications: { blog: {} } }, appmgr: blog(index) } };
      return index === 5 ? { sections: { publish: { applications: { shop: {} } }, appmgr: signedShop(fleet) } } : {};
    },
  });
  file = join(lab.fleet.dir, 'dist.tar.gz');
  packed = await writeArtifact(file);
  await writeFile(join(lab.fleet.dir, 'sign.pub'), publicKey.export({ type: 'spki', format: 'pem' }));
  await writeFile(join(lab.fleet.dir, 'sign.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
});
after(() => lab[Symbol.asyncDispose]());
/** An application whose artifacts must be signed. */
const signedShop = ({ dir }: PublishFleet['fleet']) => {
  return {
    applications: { shop: { root: join(dir, 'app-5'), artifacts: 'published', signers: [join(dir, 'sign.pub')] } },
  };
};
const blog = (index: number) => ({ applications: { blog: { root: `/nowhere/${index}`, artifacts: 'published' } } });

describe('publish', () => {
  test('delivers a file to every node of the application with one copy over the operator’s link', async () => {
    const { code, out, err } = await run('publish', 'shop', '20', file, '--json');
    assert.deepEqual([code, err], [0, []]);
    const report = JSON.parse(out.join('\n'));
    assertFits('publish', report);
    assert.equal(report.sha256, sumOf(packed));
    assert.ok(report.sent >= packed.length && report.sent < packed.length + 4096, `${report.sent} bytes were sent`);
    // Five nodes from one: 1, 2, 4, 8.
    assert.ok(report.rounds >= 2 && report.rounds <= 4, `${report.rounds} rounds`);
    assert.deepEqual(report.others, [nameOf(6)]);
    assert.deepEqual(
      report.nodes.map(({ node, outcome }: { node: string; outcome: string }) => [node, outcome]),
      [1, 2, 3, 4, 5].map((index) => [nameOf(index), 'ok']),
    );
    const received = report.nodes.map((one: { received: number }) => one.received);
    assert.deepEqual(received.toSorted(), [0, ...Array.from({ length: 4 }, () => packed.length)].toSorted());
    for (const index of [0, 1, 2, 3, 4]) {
      assert.deepEqual(await readFile(artifactOn(index, '20')), packed);
      assert.equal(await readFile(`${artifactOn(index, '20')}.sha256`, 'utf8'), `${sumOf(packed)}  shop-20.tar.gz\n`);
    }
  });

  test('sends nothing that nodes already have, and appmgr upgrades to it', async () => {
    const { code, out } = await run('publish', 'shop', '20', file, '--json');
    const report = JSON.parse(out.join('\n'));
    assert.deepEqual([code, report.sent, report.rounds], [0, 0, 0]);
    const upgraded = await run(
      'rpc',
      'appmgr',
      'upgrade',
      'revision=20',
      'application=shop',
      '-I',
      nameOf(3),
      '--json',
    );
    assert.equal(upgraded.code, 0, upgraded.err.join('\n'));
    const [page] = [await readFile(join(lab.fleet.dir, 'app-3/current/index.html'), 'utf8')];
    assert.equal(page, 'revision 20');
  });

  test('refuses other content under the same revision on every node', async () => {
    const other = join(lab.fleet.dir, 'other.tar.gz');
    await writeArtifact(other, 1000);
    const { code, err } = await run('publish', 'shop', '20', other);
    assert.equal(code, 2);
    assert.match(err.join('\n'), /shop 20 is published already, with the SHA-256 sum/);
    // Nothing is upgraded to what could not be published: there is no run.
    const shop = ['upgrade', '--cluster', 'bravo', '--application', 'shop', '--rev', '20', '--strategy', 'parallel'];
    const upgraded = await run(...shop, '--no-notify', '--json', '--publish', other);
    assert.deepEqual([upgraded.code, upgraded.out], [2, []]);
    assert.match(upgraded.err.join('\n'), /shop 20 is published already/);
  });

  test('refuses a file that does not match its sum before any node is called', async () => {
    const before = (await lab.nodes[0]?.records())?.length;
    await writeFile(`${file}.sha256`, `${'0'.repeat(64)}  dist.tar.gz\n`);
    const beside = await run('publish', 'shop', '21', file);
    await writeFile(`${file}.sha256`, `${sumOf(packed)}  dist.tar.gz\n`);
    const given = await run('publish', 'shop', '21', file, '--sha256', '1'.repeat(64));
    for (const { err } of [beside, given]) assert.match(err.join('\n'), /has the SHA-256 sum .*, not [01]{64}/);
    assert.notEqual(beside.code, 0);
    assert.equal((await lab.nodes[0]?.records())?.length, before);
  });
});

describe('publish of a directory', () => {
  test('packs a directory into the same bytes every time and everywhere, and signs it', async () => {
    for (const name of ['one', 'two']) await makeTree(join(lab.fleet.dir, name));
    const signing = ['--sign', join(lab.fleet.dir, 'sign.key'), '--json'];
    const first = JSON.parse(
      (await run('publish', 'shop', '30', join(lab.fleet.dir, 'one'), ...signing)).out.join('\n'),
    );
    const second = JSON.parse(
      (await run('publish', 'shop', '31', join(lab.fleet.dir, 'two'), ...signing)).out.join('\n'),
    );
    assert.equal(first.sha256, second.sha256);
    // The same bytes under another revision are not sent again.
    assert.equal(second.sent, 0);
    const listed = execFileSync('tar', ['-tvzf', artifactOn(1, '30')], {
      encoding: 'utf8',
      env: { TZ: 'UTC', PATH: '/bin:/usr/bin' },
    });
    assert.match(listed, /^drwxr-xr-x root\/root +0 1980-01-01 00:00 bin\/$/m);
    assert.match(listed, /^-rwxr-xr-x root\/root +\d+ 1980-01-01 00:00 bin\/start$/m);
    assert.match(listed, / current -> bin\/start$/m);
    const signature = await readFile(`${artifactOn(1, '30')}.sha256.sig`, 'utf8');
    const { verify } = await import('node:crypto');
    const sums = await readFile(`${artifactOn(1, '30')}.sha256`);
    assert.ok(verify(null, sums, publicKey, Buffer.from(signature, 'base64')));
  });

  test('satisfies appmgr if signers are named: an unsigned artifact is refused, a signed one is accepted', async () => {
    const upgrade = (revision: string) =>
      run('rpc', 'appmgr', 'upgrade', `revision=${revision}`, 'application=shop', '-I', nameOf(5), '--json');
    const unsigned = JSON.parse((await upgrade('20')).out.join('\n'));
    assert.deepEqual([unsigned[0].outcome, unsigned[0].code], ['failed', 'bad-signature']);
    const { code, err } = await upgrade('30');
    assert.equal(code, 0, err.join('\n'));
    assert.equal(await readFile(join(lab.fleet.dir, 'app-5/current/bin/start'), 'utf8'), '#!/bin/sh\nexit 0\n');
  });
});

describe('published and prune', () => {
  test('lists what each node holds, and prunes everything that is not kept, serving or served before', async () => {
    const listed = await run('published', 'shop', '--json');
    const nodes = JSON.parse(listed.out.join('\n'));
    assertFits('published', nodes);
    const third = nodes.find(({ node }: { node: string }) => node === nameOf(3));
    assert.deepEqual(
      third.published.map(({ revision, by }: { revision: string; by: string }) => [revision, by]),
      [
        ['31', 'cert=rip@devco.net'],
        ['30', 'cert=rip@devco.net'],
        ['20', 'cert=rip@devco.net'],
      ],
    );
    const dry = JSON.parse((await run('prune', 'shop', '--keep', '1', '--dry-run', '--json')).out.join('\n'));
    assertFits('prune', dry);
    const { code, out } = await run('prune', 'shop', '--keep', '1', '--json');
    assert.equal(code, 0);
    const pruned = JSON.parse(out.join('\n'));
    assert.deepEqual(
      dry.map(({ removed }: { removed: string[] }) => removed),
      pruned.map(({ removed }: { removed: string[] }) => removed),
    );
    const removedOn = (index: number) => pruned.find(({ node }: { node: string }) => node === nameOf(index)).removed;
    assert.deepEqual(removedOn(1), ['30', '20']);
    // It serves there.
    assert.deepEqual(removedOn(3), ['30']);
    await assert.rejects(readFile(artifactOn(0, '20')), { code: 'ENOENT' });
    // Revision 31 has the same bytes as 30: they stay.
    assert.ok((await readFile(artifactOn(0, '31'))).length > 0);
  });
});

describe('publish by fleet.yaml, interrupted or with wrong names', () => {
  test('finds the nodes of an application that fleet.yaml declares', async () => {
    const hosts = lab.nodes.map(({ name, daemon }, index) => {
      const role = index === 5 ? 'balancer' : 'web';
      return `  ${name}: { role: ${role}, address: "127.0.0.1:${daemon.port}", facts: { cluster: bravo } }`;
    });
    const text = `operators: { rip@devco.net: all }\nhosts:\n${hosts.join('\n')}\nroles: { web: {}, balancer: { agents: { haproxy: {} } } }\napplications: { shop: { role: web } }\n`;
    const fleet = join(lab.fleet.dir, 'fleet.yaml');
    await writeFile(fleet, text);
    const { code, out, err } = await run(
      'publish',
      'shop',
      '31',
      join(lab.fleet.dir, 'one'),
      '--fleet',
      fleet,
      '--dry-run',
      '--json',
    );
    assert.equal(code, 0, err.join('\n'));
    assert.deepEqual(
      JSON.parse(out.join('\n')).nodes.map(({ node }: { node: string }) => node),
      [1, 2, 3, 4, 5].map(nameOf),
    );
    const unknown = await run('publish', 'shoe', '31', join(lab.fleet.dir, 'one'), '--fleet', fleet);
    assert.equal(unknown.code, 64);
    assert.match(unknown.err.join(), /has no application “shoe”: did you mean “shop”\?/);
  });

  test('ends at Ctrl-C and keeps what was sent, and later sends only the rest', async () => {
    const large = join(lab.fleet.dir, 'large.tar.gz');
    const bytes = await writeArtifact(large, 24_000_000);
    const interrupt = new AbortController();
    const partial = join(lab.store(lab.nodes[0] as (typeof lab.nodes)[0]), 'partial');
    const words = ['publish', 'shop', '50', large, '-I', nameOf(1), '--json'];
    const running = runInProcess(words, lab.home, { signal: interrupt.signal });
    const arrived = async () => {
      const names = (await readdir(partial)).filter(
        (name) => name.startsWith(sumOf(bytes)) && !name.includes('.manifest'),
      );
      return names.length === 0 ? 0 : (await stat(join(partial, names[0] as string))).size;
    };
    await until('4 MB have arrived', async () => (await arrived()) >= 4_000_000, 2);
    interrupt.abort();
    const { code } = await running;
    assert.equal(code, 130);
    const again = await runInProcess(words, lab.home);
    assert.equal(again.code, 0, again.err.join('\n'));
    const { sent } = JSON.parse(again.out.join('\n'));
    assert.ok(sent < bytes.length - 3_000_000, `${sent} bytes were sent again`);
  });

  test('leaves the intents, the outcomes and the transfers between nodes in the audit logs', async () => {
    const records = (await Promise.all(lab.nodes.map((node) => node.records()))).flat();
    const actions = records.flatMap((one) => (one.kind === 'intent' && one.agent === 'publish' ? [one.action] : []));
    for (const action of ['list', 'prepare', 'fetch', 'prune']) assert.ok(actions.includes(action), action);
    const served = records.filter((one) => one.kind === 'served' && one.revision === '20');
    assert.equal(served.length, 4);
    for (const one of served) {
      assert.ok(one.kind === 'served');
      assert.deepEqual([one.caller, one.bytes, one.code], ['cert=rip@devco.net', packed.length, '']);
    }
  });

  const badInput: readonly [string, (dir: string) => string[], RegExp][] = [
    ['a file that is missing', (dir) => [join(dir, 'none')], /cannot be published: no such file or directory/],
    ['what is not gzip', (dir) => [join(dir, 'sign.key')], /is not a gzip file/],
    ['a time that is not valid', () => [file, '--valid', 'soon'], /“soon” is not a valid time for --valid/],
    ['a sum that is not valid', () => [file, '--sha256', 'abc'], /“abc” is not a valid SHA-256 sum/],
    ['a key that is not valid', () => [file, '--sign', file], /cannot be used to sign/],
  ];
  for (const [what, words, message] of badInput) {
    test(`refuses ${what} in one line`, async () => {
      const { code, out, err } = await run('publish', 'shop', '40', ...words(lab.fleet.dir));
      assert.notEqual(code, 0);
      assert.deepEqual(out, []);
      assert.match(err.join('\n'), message);
    });
  }

  test('refuses names that could not be part of a path, and an application that no node accepts', async () => {
    assert.match((await run('publish', '../shop', '20', file)).err.join('\n'), /not a valid name of an application/);
    assert.match((await run('publish', 'shop', '2/0', file)).err.join('\n'), /not a valid revision/);
    const unknown = await run('publish', 'shoe', '20', file);
    assert.equal(unknown.code, 64);
    assert.match(unknown.err.join('\n'), /no node takes the application “shoe”/);
  });
});

async function makeTree(directory: string): Promise<void> {
  await mkdir(join(directory, 'bin'), { recursive: true });
  await writeFile(join(directory, 'bin/start'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
  await writeFile(join(directory, `${'long-'.repeat(40)}.txt`), 'a long name', { mode: 0o664 });
  await symlink('bin/start', join(directory, 'current'));
  await utimes(join(directory, 'bin/start'), new Date(), new Date(Math.random() * 1e12));
}
