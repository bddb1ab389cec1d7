import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { readRevocations } from '../../../src/ca/revocation/revocations.ts';
import { loadCredentials } from '../../../src/core/credentials/credentials.ts';
import { runInProcess } from '../../support/program/cli.ts';
import type { Fleet, Member } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { openssl } from '../../support/openssl.ts';
import { placeOf } from '../../support/program/home.ts';

const builtIn = agents.filter(({ ddl }) => ['rpcutil', 'crl'].includes(ddl.name));

type Run = (...words: string[]) => Promise<string>;

/** Ways for another CA to take over: alone, or below a root that is made on another machine. */
const ways: Readonly<Record<string, (ca: Run, path: (...parts: string[]) => string) => Promise<unknown>>> = {
  'one CA': (ca) => ca('rollover'),
  'a CA below a root': async (ca, path) => {
    await ca('init', '--root', '--realm', 'devco.net', '--dir', path('root'));
    const fingerprint = /--fingerprint (\S+)/.exec(await ca('rollover', '--intermediate'))?.[1] ?? '';
    const request = path('.local/share/mco-deploy/ca/ca.csr');
    const proof = ['--fingerprint', fingerprint, '--out', path('signed.pem')];
    await ca('sign-intermediate', request, ...proof, '--dir', path('root'));
    await ca('accept', path('signed.pem'));
  },
};

/** A CA takes over from another while daemons and clients of both work with each other, all made by the commands. */
for (const [what, takeOver] of Object.entries(ways))
  test(`daemons and clients of both work together while ${what} replaces another; then the old one ends`, async () => {
    const home = await mkdtemp(join(tmpdir(), 'mco-rollover-'));
    const nodes: TestNode[] = [];
    try {
      const run = async (...words: string[]) => {
        const { code, out, err } = await runInProcess(words, home);
        return { code, text: [...out, ...err].join('\n') };
      };
      const ca = async (...words: string[]) => {
        const { code, text } = await run('ca', ...words);
        assert.ok(code <= 0, `${words.join(' ')}: ${text}`);
        return text;
      };
      const path = (...parts: string[]) => join(home, ...parts);
      const caFile = path('trusted.pem');
      const start = async (name: string) => {
        const files = { directory: path(name), certificate: path(name, 'node.crt'), key: '', ca: '' };
        const fleet = { node: async () => ({ files }) as unknown as Member } as unknown as Fleet;
        nodes.push(
          await startTestNode(fleet, { name, agents: builtIn, policies: { default: 'policy default allow\n' } }),
        );
        const list = nodes.map(placeOf);
        await writeFile(path('nodes.json'), JSON.stringify(list));
      };
      const clientOf = async (operator: string) => {
        const discovery = `discovery: { method: file, file: ${path('nodes.json')} }\n`;
        await writeFile(path(operator, 'client.yaml'), discovery);
        return path(operator, 'client.yaml');
      };
      const pingAs = async (operator: string) => {
        const { code, out, err } = await runInProcess(
          ['ping', '--json', '--config', path(operator, 'client.yaml')],
          home,
        );
        assert.notDeepEqual(out, [], err.join());
        const { nodes: reached } = JSON.parse(out.join('\n')) as { nodes: { node: string }[] };
        return { code, reached: reached.map(({ node }) => node).sort(), err: err.join('\n') };
      };
      const trustAlike = async (...places: string[]) => {
        await writeFile(caFile, `${await ca('show', '--pem')}\n`);
        for (const place of places) await copyFile(caFile, path(place, 'ca.crt'));
        for (const { daemon } of nodes) await daemon.reload();
      };

      await ca('init', '--realm', 'devco.net');
      await ca('issue', 'node', 'dev1', '--out', path('dev1'));
      await ca('issue', 'operator', 'rip', '--out', path('rip'));
      await start('dev1');
      await takeOver(ca, path);
      await ca('issue', 'node', 'dev2', '--out', path('dev2'));
      await ca('issue', 'operator', 'sue', '--out', path('sue'));
      await start('dev2');
      await clientOf('rip');
      await clientOf('sue');

      assert.deepEqual((await pingAs('rip')).reached, ['dev1'], 'dev2 is foreign to who knows the old CA alone');
      await trustAlike('dev1', 'rip');
      for (const operator of ['rip', 'sue']) {
        assert.deepEqual(await pingAs(operator), { code: 0, reached: ['dev1', 'dev2'], err: '' });
      }
      for (const { name, daemon } of nodes) {
        const argv = ['-connect', `127.0.0.1:${daemon.port}`, '-servername', name, '-verify_hostname', name];
        const proof = ['-cert', path('rip/operator.crt'), '-key', path('rip/operator.key'), '-CAfile', caFile];
        const { output } = await openssl(['s_client', ...argv, ...proof, '-alpn', 'h2', '-brief', '-no_ign_eof']);
        assert.match(output, /Verification: OK/, name);
      }

      // Lists of both, under one number, brought by an operator of one to nodes of either.
      await ca('issue', 'operator', 'eve', '--out', path('eve'));
      await clientOf('eve');
      assert.equal((await pingAs('eve')).code, 0);
      await ca('revoke', 'eve');
      const pushed = await run('ca', 'push-crl', '--config', path('rip/client.yaml'));
      assert.deepEqual([pushed.code, pushed.text.match(/took it/g)?.length], [0, 2], pushed.text);
      assert.match((await pingAs('eve')).err, /the certificate of operator eve was revoked/);

      await assert.rejects(ca('rollover', '--finish'), /still needed by node dev1, operator rip/);
      await copyFile(path('rip/operator.key'), path('rip/old.key'));
      await copyFile(path('rip/operator.crt'), path('rip/old.crt'));
      await ca('renew', 'dev1', '--out', path('dev1'), '--force');
      await ca('renew', 'rip', '--out', path('rip'), '--force');
      await ca('rollover', '--finish');
      await trustAlike('dev1', 'dev2', 'rip', 'sue');
      for (const operator of ['rip', 'sue']) {
        assert.deepEqual(await pingAs(operator), { code: 0, reached: ['dev1', 'dev2'], err: '' });
      }
      const [dev1] = nodes;
      assert.ok(dev1);
      const old = { certificate: path('rip/old.crt'), key: path('rip/old.key'), ca: caFile, crl: path('none') };
      await assert.rejects(loadCredentials(old, 'operator', readRevocations, Date.now()), {
        code: 'foreign-certificate',
      });
      const argv = ['-connect', `127.0.0.1:${dev1.daemon.port}`, '-servername', 'dev1', '-alpn', 'h2', '-ign_eof'];
      const refused = await openssl([
        's_client',
        ...argv,
        '-cert',
        old.certificate,
        '-key',
        old.key,
        '-CAfile',
        caFile,
      ]);
      assert.doesNotMatch(refused.output, /SETTINGS/);
      assert.equal(refused.ok, false, 'the old certificate opens no door');
    } finally {
      for (const node of nodes) await node[Symbol.asyncDispose]();
      await rm(home, { recursive: true, force: true });
    }
  });
