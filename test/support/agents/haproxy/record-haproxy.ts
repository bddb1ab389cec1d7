// Records what a HAProxy says of servers in every state, for test/fixtures/haproxy:
//   MCO_TEST_HAPROXY=/path/to/haproxy sh build/node24 test/support/agents/haproxy/record-haproxy.ts 3.2
// It runs that program with cases.cfg, and dnsmasq for SRV records. Needs no root.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { defineRuntime } from '../../../../src/agents/haproxy/runtime/runtime.ts';

const [version = ''] = process.argv.slice(2);
const fixtures = join(import.meta.dirname, '../../../fixtures/haproxy');
const directory = '/tmp/mco-haproxy-cases';
const socket = join(directory, 'admin.sock');
/** The ports of cases.cfg: a web server, and an agent for each answer. */
const webPort = 18080;
const answers: Readonly<Record<number, string>> = { 18081: 'up 100%', 18082: 'down #broken', 18083: 'drain' };
const names = `port=18600
listen-address=127.0.0.1
bind-interfaces
no-resolv
no-hosts
srv-host=_app._tcp.service.test,dev2.node.test,18080,1,10
host-record=dev2.node.test,127.0.0.3
host-record=dev3.node.test,127.0.0.4
`;
/** The commands of an operator before the recording. */
const commands = [
  'disable agent app/agent-off',
  'set server app/maint state maint',
  'set server app/drained state drain',
];

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory);
writeFileSync(join(directory, 'dnsmasq.conf'), names);
const servers = [webPort, ...Object.keys(answers).map(Number)].map((port) =>
  createServer((client) => client.on('error', () => {}).end(answers[port] === undefined ? '' : `${answers[port]}\n`)),
);
for (const [index, port] of [webPort, ...Object.keys(answers).map(Number)].entries())
  servers[index]?.listen(port, '::');
const run = (file: string, ...argv: string[]): ChildProcess =>
  spawn(file, argv, { stdio: ['ignore', 'ignore', 'inherit'] });
const dnsmasq = run('dnsmasq', '--keep-in-foreground', `--conf-file=${join(directory, 'dnsmasq.conf')}`, '--pid-file');
const program = process.env.MCO_TEST_HAPROXY ?? '/usr/sbin/haproxy';
const haproxy = run(program, '-db', '-f', join(fixtures, 'cases.cfg'));
try {
  const ask = (command: string) => defineRuntime(socket, 5).ask(command, AbortSignal.timeout(5000));
  await settled(() => ask('show info'));
  for (const command of commands) await ask(command);
  const stat = await settled(async () => {
    const answer = await ask('show stat -1 6 -1');
    const open = /MAINT \(resolution\)|,\* L|,INI,|UP 1\/2/.exec(answer.replace(/^srv,web[23],.*$/gm, ''));
    if (open !== null || !answer.includes('DOWN (agent)') || !answer.includes('DRAIN (agent)'))
      throw new Error(`not settled: ${open?.[0]}`);
    return answer;
  });
  writeFileSync(join(fixtures, version, 'cases-show-stat.txt'), `${stat}\n`);
  writeFileSync(join(fixtures, version, 'cases-show-servers-state.txt'), `${await ask('show servers state')}\n`);
  const [first] = (await ask('show info')).split('\n').slice(1);
  process.stdout.write(`${first}: ${readFileSync(join(fixtures, version, 'cases-show-servers-state.txt'), 'utf8')}`);
} finally {
  haproxy.kill('SIGKILL');
  dnsmasq.kill();
  for (const server of servers) server.close();
}

async function settled<T>(look: () => Promise<T>): Promise<T> {
  for (let left = 200; ; left--) {
    try {
      return await look();
    } catch (error) {
      if (left === 0) throw error;
      await delay(50);
    }
  }
}
