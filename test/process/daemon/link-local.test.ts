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

test('a node with only a link-local address is reached by gRPC, with the zone of the address, and reported when it is gone', async () => {
  const { code, out, err } = await runProgram('unshare', ['--net', 'sh', '-c', network, process.execPath]);
  assert.equal(code, 0, out + err);
  assert.match(
    out,
    /^dev2\.devco\.net\ndev2\.devco\.net \(\[fe80::[0-9a-f:]+%mco0\]:\d+\) cannot be reached: connection refused\n$/,
  );
});
