import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../support/eventually.ts';
import { readQuickstart } from '../../support/program/quickstart-page.ts';
import { type SshEstate, startSshEstate } from '../../support/ssh/estate.ts';

const { files, commands } = await readQuickstart();

const hosts = ['lb1.example.net', 'web1.example.net', 'web2.example.net', 'web3.example.net'];
const [balancer = '', ...web] = hosts;

let estate: SshEstate;

/** The page’s addresses are those of documentation (RFC 5737): here hosts have others, and no systemd. */
function asHere(text: string): string {
  const places = hosts.map((host, index) => [`192.0.2.${10 + index}`, estate.address(host)] as const);
  const moved = places.reduce(
    (sum, [from, to]) => sum.replaceAll(new RegExp(`${from.replaceAll('.', '\\.')}\\b`, 'g'), to),
    text,
  );
  return moved.replace(
    'ssh: { user: root }',
    'ssh: { user: root, config: ../ssh.config, service: /usr/local/sbin/mco-init }',
  );
}

/** Runs a line as a person does, in the directory of fleet.yaml. */
async function type(line: string): Promise<{ code: number; out: string; err: string }> {
  const [program = '', ...words] = line.split(' ');
  assert.equal(program, 'mco-deploy');
  return await estate.runIn(join(estate.directory, 'shop-fleet'), words);
}

async function typeAll(lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { code, out, err } = await type(line);
    assert.equal(code, 0, `${line}\n${out.slice(-1500)}\n${err}`);
  }
}

before(async () => {
  estate = await startSshEstate(hosts, { operator: false });
  for (const [name, text] of files) {
    if (name.startsWith('/')) continue;
    const file = join(estate.directory, 'shop-fleet', name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, asHere(text));
  }
  for (const host of hosts) {
    const name = host === balancer ? '/etc/haproxy/haproxy.cfg' : '/etc/nginx/nginx.conf';
    const place = estate.path(host, name.slice(1));
    await mkdir(dirname(place), { recursive: true });
    await writeFile(place, asHere(files.get(name) ?? ''));
    const start =
      host === balancer
        ? 'mkdir -p /run/haproxy; haproxy -D -q -f /etc/haproxy/haproxy.cfg </dev/null >/dev/null 2>&1'
        : 'mkdir -p /var/log/nginx /var/lib/nginx; nginx </dev/null >/dev/null 2>&1';
    const { code, err } = await estate.on(host, start);
    assert.equal(code, 0, err);
  }
});
// Programs on the hosts end with them.
after(() => estate?.[Symbol.asyncDispose]());

const shown = async () => (await estate.on(balancer, 'curl -s http://127.0.0.1/')).out;

describe('the quickstart', { timeout: 600_000 }, () => {
  test('brings the application to three hosts behind HAProxy with four commands', async () => {
    await typeAll(commands[0] ?? []);
    assert.match(
      await eventually(async () => {
        const text = await shown();
        assert.match(text, /release 1/);
        return text;
      }),
      /Shop/,
    );
    for (const host of web) assert.match((await estate.on(host, 'readlink /srv/shop/current')).out, /releases\/1/);
  });

  test('upgrades to the next release with two more commands, which can be rolled back', async () => {
    const file = join(estate.directory, 'shop-fleet/shop/index.html');
    await writeFile(file, (await readFile(file, 'utf8')).replace('release 1', 'release 2'));
    await typeAll(commands[1] ?? []);
    assert.match(await shown(), /release 2/);
    await typeAll(['mco-deploy rollback shop']);
    assert.match(await shown(), /release 1/);
  });

  test('finds nothing to do on a second apply', async () => {
    const { code, out } = await type('mco-deploy apply --yes');
    assert.equal(code, 0);
    assert.match(out, /^nothing to do: 4 hosts are as fleet\.yaml says/);
  });
});
