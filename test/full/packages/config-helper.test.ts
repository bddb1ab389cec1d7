import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makePackage } from '../../../build/deb/package.ts';
import { type DebianRoot, startDebianRoot } from '../../support/debian-root/root.ts';
import { builtProgram } from '../../support/program/built-program.ts';

const fleet = (role: string) => `operators: { rip@devco.net: all }
hosts: { web1.devco.net: { role: web, address: 127.0.0.1 } }
roles:
  web:
    settings: { discovery: { mdns: false } }
${role}`;

describe('the packaged daemon, whose configuration a helper of root writes', { timeout: 600_000 }, () => {
  let root: DebianRoot;

  const declare = (role = '') => writeFile(join(root.shared, 'fleet.yaml'), fleet(role));
  const apply = (...words: string[]) => root.run('mco-deploy', 'apply', '/mnt/fleet.yaml', '--yes', ...words);
  const helpers = () => root.shell('systemctl list-units --plain --no-legend "mco-deploy-config@*" | wc -l');

  before(async () => {
    root = await startDebianRoot();
    const work = await mkdtemp(join(tmpdir(), 'mco-package-'));
    const texts = {
      sbom: '{}',
      licences: 'none',
      maintainer: 'A Maintainer <maintainer@devco.net>',
      date: 1_800_000_000,
    };
    const file = join(root.shared, 'one.deb');
    const whole = {
      binary: builtProgram(),
      architecture: 'amd64',
      version: '0.1.0',
      compression: 'none',
      work,
      file,
    } as const;
    await makePackage({ ...texts, ...whole });
    await rm(work, { recursive: true });
    await root.shell(`dpkg --install /mnt/one.deb
      cd /root
      mco-deploy ca init --realm devco.net --operator rip@devco.net
      mco-deploy ca issue node web1.devco.net --bundle web1.tar.gz
      tar -xzf web1.tar.gz -C /etc/mco-deploy
      printf 'allow\\tcert=rip@devco.net\\t*\\t*\\t*\\n' >>/etc/mco-deploy/policies/default.policy
      printf '  config: {}\\n' >>/etc/mco-deploy/node.yaml
      printf 'restart: [systemctl, --no-block, restart, mco-deploy.service]\\nreload: [systemctl, reload, mco-deploy.service]\\npatience: 8\\nrights: { rip@devco.net: [settings, policies, facts, classes, checks, hooks] }\\n' >/etc/mco-deploy/helper.yaml
      systemctl start mco-deploy
      systemctl enable --quiet --now mco-deploy-config.socket`);
    await declare();
  });
  after(() => root?.[Symbol.asyncDispose]());

  test('has helper units in which systemd finds nothing wrong, with a tight sandbox', async () => {
    const units = ['mco-deploy-config.socket', 'mco-deploy-config@.service'];
    const { code, out, err } = await root.run('systemd-analyze', 'verify', ...units);
    assert.deepEqual({ code, out, err }, { code: 0, out: '', err: '' });
    const socket = await root.shell('stat -c "%U:%G %a" /run/mco-deploy-config.sock');
    assert.equal(socket, 'root:mco-deploy 660\n');
    await root.shell('systemd-analyze security --offline=yes --threshold=30 mco-deploy-config@.service');
  });

  test('sends a change from the daemon, which may not write, over the socket; no process of root stays', async () => {
    const { code, out, err } = await apply('--replace');
    assert.equal(code, 0, out + err);
    const seen = await root.shell('ps -o user:20= -p "$(systemctl show -P MainPID mco-deploy)"');
    assert.equal(seen, 'mco-deploy\n');
    const files = await root.shell(
      'stat -c "%U:%G %a" /etc/mco-deploy/node.yaml /etc/mco-deploy/policies/rpcutil.policy',
    );
    assert.equal(files, 'root:root 644\nroot:root 644\n');
    const again = await apply();
    assert.equal(again.out, 'nothing to do: 1 host is as fleet.yaml says\n', again.err);
    await root.shell(
      'for i in $(seq 60); do systemctl is-active --quiet "mco-deploy-config@*" || exit 0; sleep 1; done; exit 1',
    );
    assert.equal(await helpers(), '0\n');
  });

  test('another user of the host cannot reach the helper', async () => {
    const ask = 'setpriv --reuid nobody --regid nogroup --clear-groups sh -c "test -w /run/mco-deploy-config.sock"';
    assert.notEqual((await root.run('sh', '-c', ask)).code, 0);
  });

  test('doctor checks as the daemon’s user, in its sandbox, so that root’s rights hide nothing', async () => {
    type Found = { check: string; verdict: string; what: string }[];
    const doctor = async () => JSON.parse((await root.run('mco-deploy', 'doctor', 'node', '--json')).out) as Found;
    const well = await doctor();
    assert.match(well[0]?.what ?? '', /checked as mco-deploy, in the sandbox of mco-deploy\.service/);
    assert.deepEqual(
      well.filter(({ verdict, check }) => verdict === 'broken' && check !== 'clock'),
      [],
    );
    await root.shell('chmod 600 /etc/mco-deploy/policies/lock.policy');
    const broken = (await doctor()).filter(({ verdict }) => verdict === 'broken');
    assert.match(broken.map(({ what }) => what).join(), /lock\.policy/);
    await root.shell('chmod 644 /etc/mco-deploy/policies/lock.policy');
  });

  test('settings with which the daemon does not start are reverted', async () => {
    const before = await root.shell('cat /etc/mco-deploy/node.yaml');
    await writeFile(
      join(root.shared, 'fleet.yaml'),
      fleet('').replace('discovery:', 'listen: { address: 192.0.2.1 }, discovery:'),
    );
    const { code, err } = await apply();
    assert.equal(code, 2);
    assert.match(err, /web1\.devco\.net went back to its last good configuration/);
    assert.equal(await root.shell('cat /etc/mco-deploy/node.yaml'), before);
    await declare();
    assert.equal((await apply()).code, 0);
  });

  test('a change whose helper is gone is reverted before the daemon starts', async () => {
    const before = await root.shell('cat /etc/mco-deploy/policies/config.policy');
    // Its operator cannot confirm it, so it waits.
    await declare('    policies: { config: ["deny cert=rip@devco.net confirm *"] }\n');
    await root.shell('sed -i s/^patience.*/"patience: 600"/ /etc/mco-deploy/helper.yaml');
    await root.shell(`mco-deploy apply /mnt/fleet.yaml --yes --force >/dev/null 2>&1 & client=$!
      for i in $(seq 3000); do grep -q waiting /etc/mco-deploy/.apply/pending.json 2>/dev/null && break; sleep 0.02; done
      kill -9 $client
      systemctl kill --signal=KILL "mco-deploy-config@*"
      sed -i 's/"boot":"[^"]*"/"boot":"of another start"/' /etc/mco-deploy/.apply/pending.json
      grep -q "deny" /etc/mco-deploy/policies/config.policy
      systemctl restart mco-deploy
      test ! -e /etc/mco-deploy/.apply/pending.json`);
    assert.match(await root.shell('cat /etc/mco-deploy/.apply/returned.json'), /the machine started again/);
    assert.equal(await root.shell('cat /etc/mco-deploy/policies/config.policy'), before);
  });
});
