import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../src/agents/index.ts';
import { type Fleet, type Member, makeFleet } from '../support/fleet/fleet.ts';
import { startDaemonProgram } from '../support/node/daemon-program.ts';
import { prepareNode, startTestNode, type TestNode } from '../support/node/node.ts';
import { makeHome } from '../support/program/home.ts';
import { runProgram } from '../support/program/run-program.ts';

const program = join(import.meta.dirname, '../../build/out/mco-deploy');
const chosen = (...names: string[]) => agents.filter(({ ddl }) => names.includes(ddl.name));
const copy = (options: string) =>
  `mkdir -p /run/mco-copy && cp -a "$PLACE/." /run/mco-copy && mount -t tmpfs -o ${options} tmpfs "$PLACE" && cp -a /run/mco-copy/. "$PLACE"`;

/** The commands that make a directory ($PLACE) a real disk of that kind, in a mount namespace of the program. */
const disks: Readonly<Record<string, string>> = {
  full: `mount -t tmpfs tmpfs /run && ${copy('size=256k,mode=700')} && { dd if=/dev/zero of="$PLACE/filler" bs=4k 2>/dev/null || true; }`,
  'without inodes': `mount -t tmpfs tmpfs /run && ${copy('nr_inodes=200,mode=700')} && i=0 && while touch "$PLACE/filler$i" 2>/dev/null; do i=$((i+1)); [ $i -lt 300 ] || break; done`,
  'read-only': 'mount --bind "$PLACE" "$PLACE" && mount -o remount,bind,ro "$PLACE"',
  'of too few files': 'ulimit -n 28',
};

function inDisk(disk: string, place: string): string[] {
  const script = `PLACE=$1; shift; ${disks[disk]}; exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', script, 'sh', place];
}

/** Nothing that a person reads calls a disk's error a fault of the program, or shows its parts. */
function assertReadable(text: string, where: string): void {
  const parts = /internal|please report|undefined|\[object|\bE(ROFS|ACCES|NOSPC|DQUOT|MFILE|IO)\b|^\s+at /m;
  assert.doesNotMatch(text, parts, where);
}

describe('a real disk that cannot be written', { timeout: 600_000 }, () => {
  let fleet: Fleet;
  let rip: Member;
  let node: TestNode;
  let home: string;
  let nodes = 10;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    node = await startTestNode(fleet, { agents: chosen('rpcutil', 'lock') });
    home = await makeHome(join(fleet.dir, 'home'), rip, [node]);
    for (const place of ['.cache', '.local/state', 'ca']) mkdirSync(join(home, place), { recursive: true });
    const steps = 'steps: [{id: ask, call: rpcutil.ping, on: all}]';
    writeFileSync(join(home, 'look.yaml'), `name: look\nnodes: { all: { agents: [rpcutil] } }\n${steps}\n`);
  });
  after(async () => {
    await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  const commands: readonly (readonly [string, readonly string[]])[] = [
    ['.cache', ['ping']],
    ['.local/state', ['rpc', 'rpcutil', 'ping']],
    ['.local/state', ['run', 'HOME/look.yaml', '--yes']],
    ['.local/state', ['audit', 'heads']],
    ['.local/state', ['runs']],
    ['ca', ['ca', 'init', '--realm', 'devco.net', '--dir', 'HOME/ca']],
  ];
  for (const disk of Object.keys(disks)) {
    test(`(${disk}) each command names what it could not write and where, and never reports an internal error`, async () => {
      for (const [place, words] of commands) {
        const argv = words.map((word) => word.replace('HOME', home));
        const [file = '', ...rest] = [...inDisk(disk, join(home, place)), program, ...argv];
        const { code, out, err } = await runProgram(file, rest, { env: { HOME: home, PATH: process.env.PATH ?? '' } });
        const where = `${disk}: ${words.join(' ')}: exit code ${code}\n${out}${err}`;
        assert.ok(code >= 0 && code !== 70, where);
        assertReadable(out + err, where);
        // No head is kept where nothing could be written.
        if (words[0] !== 'audit') assert.notEqual(out + err, '', where);
        if (words[0] === 'ca' && disk !== 'of too few files') assert.notEqual(code, 0, where);
      }
    });

    for (const place of ['state', 'log']) {
      test(`(${disk}) a daemon starts, or names what it could not write: ${place}`, async () => {
        const some = chosen('rpcutil', 'lock', 'audit', 'crl');
        const prepared = await prepareNode(fleet, { name: `dev${++nodes}.devco.net`, agents: some, log: 'info' });
        mkdirSync(join(prepared.directory, place), { recursive: true });
        const argv = [...inDisk(disk, join(prepared.directory, place)), program];
        try {
          await using daemon = await startDaemonProgram(prepared.configFile, argv);
          assert.ok(daemon.port > 0);
        } catch (error) {
          const text = String((error as Error).message);
          assert.notEqual(text, '', 'it says why');
          assertReadable(text, `${disk}, ${place}: ${text}`);
          assert.ok(text.trim().split('\n').length <= 3, text);
        }
      });
    }
  }
});
