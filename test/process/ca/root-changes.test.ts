import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { pemBlocks } from '../../../src/core/credentials/credentials.ts';
import { openssl } from '../../support/openssl.ts';
import { runProgram } from '../../support/program/run-program.ts';
import { judge, makeMachines, type Machines } from '../../support/program/ca-machines.ts';

describe('a fleet with one CA that gets a root', () => {
  test('moves below the root while nodes of both accept each other; then only the root is trusted', async () => {
    using machines = makeMachines();
    const { ca, at, read } = machines;
    await ca('init', '--realm', 'devco.net', '--dir', 'fleet');
    for (const name of ['dev2', 'dev3', 'dev4']) await ca('issue', 'node', name, '--dir', 'fleet', '--out', name);
    await ca('revoke', 'dev3', '--dir', 'fleet');
    await ca('init', '--root', '--realm', 'devco.net', '--dir', 'root');
    await machines.replace('fleet');
    const bring = async () => {
      const pem = `${await ca('show', '--pem', '--dir', 'fleet')}\n`;
      for (const name of ['dev2', 'dev4']) {
        writeFileSync(at(name, 'ca.crt'), pem);
        copyFileSync(at('fleet/crl.pem'), at(name, 'crl.pem'));
      }
      return pemBlocks(pem).length;
    };
    // ca.crt first, node by node; then a certificate after the other: at each step every pair works.
    const everyPair = async (where: string) => {
      const pairs = ['dev2', 'dev4'].flatMap((one) => ['dev2', 'dev4'].map((two) => [one, two] as const));
      for (const [one, two] of pairs) assert.equal(await judge(machines, one, two), two, `${where}: ${one} ${two}`);
    };
    await everyPair('before');
    assert.equal(await bring(), 2);
    await everyPair('both trusted');
    for (const name of ['dev2', 'dev4']) {
      await ca('renew', name, '--dir', 'fleet', '--out', name, '--force');
      await everyPair(`${name} renewed`);
    }
    assert.equal(await judge(machines, 'dev2', 'dev3'), 'revoked-certificate');
    await ca('rollover', '--finish', '--dir', 'fleet');
    assert.equal(await bring(), 1);
    await everyPair('the root alone');
    assert.equal(read('dev2', 'ca.crt').trim(), read('root', 'ca.crt').trim());
    assert.equal(await judge(machines, 'dev2', 'dev3'), 'foreign-certificate');
  });
});

test('a fleet replaces its root while nodes of both accept each other', async () => {
  using machines = makeMachines();
  const { ca, at, read } = machines;
  await machines.begin();
  for (const name of ['dev2', 'dev4']) await ca('issue', 'node', name, '--dir', 'ca', '--out', name);
  await ca('init', '--root', '--realm', 'devco.net', '--dir', 'second');
  await machines.replace('ca', 'second');
  const bring = async () => {
    const pem = `${await ca('show', '--pem', '--dir', 'ca')}\n`;
    for (const name of ['dev2', 'dev4']) writeFileSync(at(name, 'ca.crt'), pem);
    return pemBlocks(pem).length;
  };
  assert.equal(await bring(), 2);
  await ca('renew', 'dev2', '--dir', 'ca', '--out', 'dev2', '--force');
  assert.equal(await judge(machines, 'dev2', 'dev4'), 'dev4');
  assert.equal(await judge(machines, 'dev4', 'dev2'), 'dev2');
  await ca('renew', 'dev4', '--dir', 'ca', '--out', 'dev4', '--force');
  await ca('rollover', '--finish', '--dir', 'ca');
  assert.equal(await bring(), 1);
  assert.equal(read('dev2', 'ca.crt').trim(), read('second', 'ca.crt').trim());
  assert.equal(await judge(machines, 'dev4', 'dev2'), 'dev2');
});

describe('a CA below the root and the intermediate of another kind, as Puppet has them', () => {
  /** Both are in one file, as in Puppet's ca_crt.pem, with the intermediate first. */
  const begin = async (machines: Machines, constraints: string) => {
    const { at, ca, read } = machines;
    const make = async (...words: string[]) => {
      const { ok, output } = await openssl(words);
      assert.ok(ok, output);
    };
    const authority = (name: string, more: readonly string[]) => [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '365', '-subj', `/CN=Puppet ${name}`],
      ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign', ...more],
      ...['-keyout', at(`${name}.key`), '-out', at(`${name}.crt`)],
    ];
    await make(...authority('root', []));
    const limits = ['-addext', `basicConstraints=critical,${constraints}`];
    await make(...authority('middle', [...limits, '-CA', at('root.crt'), '-CAkey', at('root.key')]));
    await ca('init', '--intermediate', '--realm', 'devco.net', '--dir', 'ca');
    const signs = ['-CA', at('middle.crt'), '-CAkey', at('middle.key'), '-copy_extensions', 'copy', '-days', '90'];
    await make('x509', '-req', '-in', at('ca/ca.csr'), ...signs, '-out', at('own.crt'));
    writeFileSync(at('signed.pem'), ['own.crt', 'middle.crt', 'root.crt'].map((name) => read(name)).join(''));
    return machines.run(['ca', 'accept', 'signed.pem', '--dir', 'ca']);
  };

  test('issues certificates with both intermediates, and openssl verifies them with only the root', async () => {
    using machines = makeMachines();
    const { at, ca, read } = machines;
    const { code, err } = await begin(machines, 'CA:TRUE');
    assert.equal(code, 0, err);
    await ca('issue', 'node', 'dev2', '--dir', 'ca', '--out', 'dev2');
    assert.equal(pemBlocks(read('dev2', 'node.crt')).length, 3);
    assert.equal(read('dev2', 'ca.crt'), read('root.crt'));
    assert.equal(await judge(machines, 'dev2', 'dev2'), 'dev2');
    const files = ['-CAfile', at('dev2/ca.crt'), '-untrusted', at('dev2/node.crt'), at('dev2/node.crt')];
    assert.equal((await openssl(['verify', '-purpose', 'sslclient', ...files])).ok, true);
  });

  test('is refused if a CA above it allows none below, or a CA is missing', async () => {
    using machines = makeMachines();
    const { err } = await begin(machines, 'CA:TRUE,pathlen:0');
    assert.match(err, /the CA “CN=Puppet middle” in .* may have no more than 0 CAs below it/);
    writeFileSync(machines.at('signed.pem'), machines.read('own.crt') + machines.read('root.crt'));
    const missing = await machines.run(['ca', 'accept', 'signed.pem', '--dir', 'ca']);
    assert.match(missing.err, /does not contain the CA “CN=Puppet middle”/);
    assert.equal(existsSync(machines.at('ca/ca.crt')), false);
  });
});

/** The commands of docs/certificates.md under a mark, a word list each. */
function commandsOn(mark: string): string[][] {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/certificates.md'), 'utf8');
  const blocks = [...text.matchAll(new RegExp(`^ *\`\`\`sh ${mark}\n([^]*?)^ *\`\`\`$`, 'gm'))];
  return blocks.flatMap(([, body = '']) =>
    body
      .replaceAll(/\\\n\s*/g, '')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .map((line) => line.split(' ')),
  );
}

describe('the commands in docs/certificates.md', () => {
  /** Runs them in order; what a person reads off the screen is filled in. */
  const follow = async (machines: Machines, mark: string) => {
    let fingerprint = '';
    let first = '';
    const commands = commandsOn(mark);
    for (const [program = '', ...words] of commands) {
      const filled = words.map((word) => word.replace('$PRINT', fingerprint).replace('$OLD', first));
      assert.equal(program, 'mco-deploy');
      const { code, out, err } = await machines.run(filled);
      assert.equal(code, 0, `${filled.join(' ')}: ${err}`);
      fingerprint = machines.fingerprintIn(out) || fingerprint;
      first ||= /^signed the CA (\S+)/.exec(out)?.[1] ?? '';
    }
    return commands.length;
  };

  test('work as written for an offline root and a rotation', async () => {
    using machines = makeMachines();
    assert.equal(await follow(machines, 'run'), 14);
    assert.equal(await judge(machines, 'dev2', 'dev2'), 'dev2.devco.net');
  });

  test('work as written for a fleet that moves below a root', async () => {
    using machines = makeMachines();
    await machines.ca('init', '--realm', 'devco.net', '--dir', 'fleet');
    await machines.ca('issue', 'node', 'dev2.devco.net', '--dir', 'fleet', '--out', 'dev2');
    assert.equal(await follow(machines, 'migrate'), 7);
    assert.equal(machines.read('fleet', 'ca.crt').match(/BEGIN/g)?.length, 2);
  });

  test('work as written for the CA of a company', async () => {
    using machines = makeMachines();
    const { at, ca } = machines;
    mkdirSync(at('ca'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-keyout', at('company.key')];
    const subject = ['-subj', '/O=Company/CN=Root', '-days', '3650', '-out', at('company.crt')];
    assert.equal((await openssl(['req', '-x509', ...key, ...subject])).ok, true);
    await ca('init', '--intermediate', '--realm', 'devco.net', '--dir', 'ca');
    const commands = commandsOn('company');
    assert.equal(commands.length, 3);
    for (const [program = '', ...words] of commands) {
      if (program === 'mco-deploy') {
        const { code, err } = await machines.run(words);
        assert.equal(code, 0, err);
      } else {
        const shell = await runProgram('sh', ['-c', [program, ...words].join(' ')], { cwd: at() });
        assert.equal(shell.code, 0, shell.err);
      }
    }
    await ca('issue', 'node', 'dev2', '--dir', 'ca', '--out', 'dev2');
    assert.equal(await judge(machines, 'dev2', 'dev2'), 'dev2');
    assert.equal(machines.read('dev2', 'ca.crt'), machines.read('company.crt'));
  });
});
