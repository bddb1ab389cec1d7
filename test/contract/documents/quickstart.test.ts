import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { fleetOf } from '../../support/program/fleet-file.ts';
import { readQuickstart } from '../../support/program/quickstart-page.ts';

const { text, files, commands } = await readQuickstart();
const fleetText = files.get('fleet.yaml') ?? '';

/** Lines that say something. */
const linesOf = (block: string) =>
  block.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#')).length;

/** The block of the page that contains these words. */
function blockWith(words: string): string {
  const blocks = [...text.matchAll(/^```\w*\n([\s\S]*?)```/gm)].map(([, block = '']) => block);
  const [found, ...more] = blocks.filter((block) => block.includes(words));
  assert.ok(found !== undefined && more.length === 0, `one block with ${words}`);
  return found;
}

/** The number that the table gives for a file. */
function stated(name: string): number {
  const row = text.split('\n').find((line) => line.startsWith(`| ${name} |`));
  assert.ok(row, name);
  return Number(row.split('|')[2]);
}

describe('docs/quickstart.md', () => {
  test('has a valid fleet.yaml of at most forty lines, and four commands', async () => {
    assert.ok(linesOf(fleetText) <= 40);
    const { fleet } = await fleetOf(fleetText);
    assert.deepEqual(
      fleet.hosts.map(({ role }) => role.name),
      ['balancer', 'web', 'web', 'web'],
    );
    assert.deepEqual(
      commands[0]?.map((line) => line.split(' ').slice(0, 2)),
      ['ca', 'apply', 'publish', 'upgrade'].map((command) => ['mco-deploy', command]),
    );
  });

  test('gives the true line counts of fleet.yaml and of the files of other tools', () => {
    const sections = fleetText.split(/^(?=\S)/m).filter((section) => /^(?:ssh|hosts):/.test(section));
    assert.equal(sections.length, 2);
    const hosts = linesOf(sections.join(''));
    const [kamal, ansible] = [linesOf(blockWith('service: shop')), linesOf(blockWith('[balancer]'))];
    assert.deepEqual(
      ['`fleet.yaml` above', 'its keys `ssh` and `hosts`', "Kamal's `deploy.yml`", "Ansible's inventory"].map(stated),
      [linesOf(fleetText), hosts, kamal, ansible],
    );
    assert.ok(linesOf(fleetText) <= kamal, 'as many lines as Kamal, or fewer');
    assert.ok(hosts <= ansible, 'as many lines as Ansible, or fewer');
  });

  test('compares with files that describe the same hosts', () => {
    const { hosts } = parse(fleetText) as { hosts: Record<string, { role: string; address: string }> };
    const ofRole = (role: string) => Object.values(hosts).filter((host) => host.role === role);
    const kamal = parse(blockWith('service: shop')) as { servers: { web: string[] } };
    assert.deepEqual(
      kamal.servers.web,
      ofRole('web').map(({ address }) => address),
    );
    const inventory = [...blockWith('[balancer]').matchAll(/^(\S+) ansible_host=(\S+)$/gm)];
    assert.deepEqual(
      inventory.map(([, name, address]) => [name, address]),
      Object.entries(hosts).map(([name, { address }]) => [name, address]),
    );
  });
});
