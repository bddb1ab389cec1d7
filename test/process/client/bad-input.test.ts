import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commandLine } from '../../../src/command-line.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { program, programInShell } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const repository = join(import.meta.dirname, '../../..');
const day = 86_400_000;

let fleet: Fleet;
let home: string;
let rip: Member;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  home = await mkdtemp(join(tmpdir(), 'mco-home-'));
  await writeFile(join(home, 'nodes.txt'), 'dev2.devco.net\n');
  await configure(rip);
});

after(async () => {
  await fleet.remove();
  await rm(home, { recursive: true });
});

/** Writes client.yaml with that operator's certificate and more lines. */
const configure = async (member: Member, more = '') => {
  const directory = join(home, '.config/mco-deploy');
  await mkdir(directory, { recursive: true });
  const { certificate, key, ca } = member.files;
  const tls = `tls: { certificate: ${certificate}, key: ${key}, ca: ${ca} }`;
  await writeFile(
    join(directory, 'client.yaml'),
    `${tls}\ndiscovery: { method: file, file: ${home}/nodes.txt }\n${more}`,
  );
};

const [file, ...words] = program;

const asProcess = (...argv: string[]) =>
  runProgram(file, [...words, ...argv], {
    cwd: repository,
    env: { HOME: home, PATH: process.env.PATH ?? '' },
  });

/** Runs in this process, which saves the start of a program: output and exit code are the same. */
const inProcess = async (...argv: string[]) => {
  const { code, out, err } = await runInProcess(argv, home, {}, commandLine);
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
  return { code, out: text(out), err: text(err) };
};

const refuses = async (argv: readonly string[], code: number, message: RegExp, run = inProcess) => {
  const { code: exit, out, err } = await run(...argv);
  assert.equal(exit, code, out + err);
  assert.match(err, message);
  assert.match(err, /^mco-deploy: /, 'it says who speaks');
  assert.doesNotMatch(err, /\n\s+at .*:\d+:\d+/, 'no stack');
  assert.equal(out, '');
};

/** Mistakes of a person: each gets one clear line and the right exit code, no stack, and nothing is done. */
describe('bad input to the program', () => {
  test('a file in another encoding is named with what it is, whatever it is for', async () => {
    const file = join(home, 'utf16.yaml');
    await writeFile(file, Buffer.from('\ufeffname: x\n', 'utf16le'));
    for (const words of [
      ['playbook', 'check', file],
      ['fleet', 'check', file],
      ['ping', '--config', file],
      ['find', '--nodes', file],
      ['fleet', 'import', '--ansible', file],
      ['install', '--hosts', file],
    ]) {
      const message = new RegExp(`${file} cannot be read: it is UTF-16 text: save it as UTF-8`);
      await refuses(words, 64, message);
    }
  });

  test('an unknown command or option gets the nearest one suggested', async () => {
    for (const run of [inProcess, asProcess]) {
      await refuses(['pign'], 64, /there is no command “pign”: did you mean ping\?\n/, run);
    }
    await refuses(['ping', '--jsn'], 64, /there is no option --jsn: did you mean --json\?\n/);
    await refuses(
      ['upgrade', '--cluster', 'bravo'],
      64,
      /upgrade needs a revision: mco-deploy upgrade APPLICATION REVISION, or: mco-deploy upgrade --cluster NAME --rev REVISION/,
    );
  });

  test('an unknown agent, action or input is reported with the known ones', async () => {
    await refuses(['rpc', 'haproxi', 'disable'], 64, /there is no agent “haproxi”/);
    await refuses(['rpc', 'haproxy', 'disabel'], 64, /no action “disabel”: did you mean “disable”/);
    await refuses(
      ['rpc', 'haproxy', 'disable', 'backend=app', 'serve=x'],
      64,
      /no input “serve”: did you mean “server”/,
    );
    await refuses(['rpc', 'haproxy', 'disable', 'backend'], 64, /“backend” is not a valid input: write name=value/);
    await refuses(['rpc', 'haproxy', 'disable', 'backend=app'], 64, /haproxy\.disable: “server” is missing/);
  });

  test('a harmful revision, name or metacharacter does not leave the client', async () => {
    for (const revision of ['../20', '-rf', '20;reboot', '20\n', '$(id)', '']) {
      await refuses(['rpc', 'appmgr', 'upgrade', `revision=${revision}`], 64, /appmgr\.upgrade: revision/);
      await refuses(
        ['upgrade', '--cluster', 'bravo', '--rev', revision, '--no-notify'],
        64,
        revision === '' ? /the option --rev <revision> needs a value/ : /the input “revision” can’t be/,
      );
    }
    await refuses(['rpc', 'haproxy', 'disable', 'backend=app;shutdown', 'server=a'], 64, /backend must match/);
  });

  test('a malformed filter is shown with a caret under the error', async () => {
    await refuses(['ping', '-S', 'cluster=bravo and (web'], 64, /\n {2}cluster=bravo and \(web\n {2} +\^/);
    await refuses(['ping', '-F', 'cluster'], 64, /a fact needs an operator and a value/);
    await refuses(['ping', '-F', 'cluster=/(/'], 64, /\^/);
    await refuses(['ping', '--limit', '0'], 64, /must be a number or a percentage/);
    await refuses(['ping', '--dm', 'smoke'], 64, /no discovery method “smoke”/);
  });

  test('a broken line in a node file is reported with its number', async () => {
    await writeFile(join(home, 'broken.txt'), 'dev2.devco.net\nnot a name\n');
    await refuses(['ping', '--nodes', join(home, 'broken.txt')], 64, /broken\.txt:2/);
    await refuses(['ping', '--nodes', join(home, 'none.txt')], 64, /none\.txt.*no such file/);
  });
});

describe('unusable files of the program', () => {
  test('a missing or invalid configuration is reported with its path and line', async () => {
    await configure(rip, 'timout: 3\n');
    await refuses(['ping'], 64, /client\.yaml:3:1: unknown key “timout”: did you mean “timeout”/);
    await configure(rip, 'timeout: soon\n');
    await refuses(['ping'], 64, /client\.yaml:3:10: timeout: must be a number/);
    await configure(rip, 'timeout: 1\ntimeout: 2\n');
    await refuses(['ping'], 64, /client\.yaml:4:1: the key “[a-z]+” occurs twice/);
    await refuses(['ping', '--config', join(home, 'none.yaml')], 64, /none\.yaml cannot be read: no such file/);
    await rm(join(home, '.config'), { recursive: true });
    await refuses(['ping'], 64, /there is no .*client\.yaml: unpack the bundle/);
    await configure(rip);
  });

  test('a certificate that has ended, or belongs to another key or kind, is reported with its file', async () => {
    await configure(
      await fleet.operator('old@devco.net', { notBefore: Date.now() - 2 * day, notAfter: Date.now() - day }),
    );
    await refuses(['ping'], 64, /operator\.crt: the certificate of operator old@devco\.net expired on \d{4}-/);
    await configure(await fleet.node('dev9.devco.net'));
    await refuses(['ping'], 64, /dev9\.devco\.net is a node, and only an operator may do this/);
    const other = await fleet.operator('other@devco.net');
    await configure({ ...rip, files: { ...rip.files, key: other.files.key } });
    await refuses(
      ['ping'],
      64,
      /operator\.key does not match the certificate\nto read what to do: mco-deploy explain bad-key\n$/,
    );
    await configure({ ...rip, files: { ...rip.files, key: join(home, 'none.key') } });
    await refuses(['ping'], 64, /private key .*none\.key cannot be read: no such file/);
    await configure(rip);
  });

  test('a daemon does not start with files that it cannot use, and names them', async () => {
    const node = await fleet.node('dev3.devco.net');
    const file = join(node.files.directory, 'node.yaml');
    const start = async (text: string, code: number, message: RegExp, run = inProcess) => {
      await writeFile(file, `audit: { file: audit.jsonl }\nstate: state\ndiscovery: { mdns: false }\n${text}`);
      await refuses(['daemon', '--config', file], code, message, run);
      // The daemon listens for them from its first moment on; this process must not do so in its place.
      for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.removeAllListeners(signal);
    };
    await start(
      'agents: { haproxi: {} }\n',
      64,
      /node\.yaml:4:\d+: there is no agent “haproxi”: did you mean “haproxy”/,
    );
    await start(
      'agents: { haproxy: { sokets: [] } }\n',
      64,
      /node\.yaml:4:\d+: unknown key “sokets”: did you mean “sockets”/,
    );
    await start('lissen: { port: 1 }\n', 64, /unknown key “lissen”: did you mean “listen”/);
    await start('listen: { port: 99999 }\n', 64, /node\.yaml:4:17: listen\.port: must be at most 65535/);
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const address = taken.address();
    const port = typeof address === 'object' ? address?.port : 0;
    await start(
      `listen: { address: 127.0.0.1, port: ${port} }\nlog: { level: silent }\n`,
      64,
      /cannot listen on 127\.0\.0\.1 port \d+: the address is already in use/,
      asProcess,
    );
    taken.close();
    await start('tls: { key: none.key }\n', 64, /private key .*none\.key cannot be read/);
  });
});

describe('the exit code of the program', () => {
  test('a reader that closes the pipe early is not an error', async () => {
    const { code, err } = await runProgram('sh', ['-c', `${programInShell} --help | head -1`], {
      cwd: repository,
    });
    assert.deepEqual([code, err], [0, '']);
  });

  test('the exit code is never 0 when no node replies', async () => {
    await chmod(join(home, 'nodes.txt'), 0o600);
    await writeFile(join(home, 'nodes.json'), '{"nodes":[{"name":"dev2.devco.net","address":"127.0.0.1","port":9}]}');
    const { code, err } = await asProcess('ping', '--nodes', join(home, 'nodes.json'));
    assert.equal(code, 3, err);
    assert.match(err, /dev2\.devco\.net/);
    await writeFile(join(home, 'empty.txt'), '# nobody\n');
    assert.equal((await inProcess('ping', '--nodes', join(home, 'empty.txt'))).code, 1);
  });
});
