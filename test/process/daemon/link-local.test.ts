import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../../support/program/run-program.ts';

const script = join(import.meta.dirname, '../../support/node/link-local.ts');

/** Without the wait for duplicates of an address, which this network of one's own cannot have. */
const network = [
  'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad',
  'ip link set lo up',
  'ip link add mco0 type veth peer name mco1',
  'ip link set mco0 up',
  'ip link set mco1 up',
  `exec "$0" ${script} mco0`,
].join(' && ');

test('a node with only a link-local address is reached by gRPC, with the zone of the address', async () => {
  const { code, out, err } = await runProgram('unshare', ['--net', 'sh', '-c', network, process.execPath]);
  assert.deepEqual([code, out], [0, 'dev2.devco.net\n'], err);
});
