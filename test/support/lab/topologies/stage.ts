/** Sets a lab's load balancers up as a topology says; one lab can be set up as one after the other. */
import { readFile, writeFile } from 'node:fs/promises';
import { parse, stringify } from 'yaml';
import type { Lab } from '../lab.ts';
import { askHaproxy } from '../traffic/haproxy.ts';
import { until } from '../../until.ts';
import { sixthOf, type Topology } from './topologies.ts';

const ready = (lab: Lab, what: () => Promise<boolean>, name: string) =>
  until(`${name} is up in the lab ${lab.state.id}`, () => what().catch(() => false), 20);

export const balancersOf = (lab: Lab) => lab.hosts.filter(({ kind }) => kind === 'balancer').map(({ name }) => name);
export const webOf = (lab: Lab) => lab.hosts.filter(({ kind }) => kind === 'web');

/** Runs a command on a host and takes no failure for an answer. */
export async function must(lab: Lab, host: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await lab.exec(host, ['sh', '-c', script]);
  if (code !== 0) throw new Error(`${host}: ${script}: ${stdout}${stderr}`);
  return stdout;
}

/**
 * @param restoring whether HAProxy restores its servers' states when it is reloaded
 * @param served the hosts that it has; all web hosts when left out
 */
export async function setStage(
  lab: Lab,
  topology: Topology,
  restoring = false,
  served: readonly string[] = webOf(lab).map(({ name }) => name),
): Promise<void> {
  await Promise.all(webOf(lab).map(({ name }) => logRequests(lab, name)));
  if (topology.agentCheck === true) await startAgent(lab, 'dev2');
  if (topology.ipv6 === true) await addSixthAddresses(lab);
  for (const balancer of balancersOf(lab)) {
    await writeHosts(lab, balancer, topology);
    if (topology.names === true) await startNames(lab, balancer);
    await mapServers(lab, balancer, topology.servers ?? {});
    await writeFile(lab.path(balancer, 'etc/haproxy/haproxy.cfg'), topology.config(webOf(lab), restoring));
    await writeFile(lab.path(balancer, 'run/haproxy/state'), '1\n');
    await takeOver(lab, balancer);
    await ready(lab, () => allUp(lab, balancer, topology, served), `HAProxy on ${balancer}`);
  }
}

/** Acts as the reload of a service: the state is written, then the new process takes over. */
export async function reload(lab: Lab, balancer: string): Promise<void> {
  const state = await askHaproxy(lab.state, balancer, 'show servers state');
  await writeFile(lab.path(balancer, 'run/haproxy/state'), state);
  await takeOver(lab, balancer);
}

async function takeOver(lab: Lab, balancer: string): Promise<void> {
  await must(
    lab,
    balancer,
    'haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid -x /run/haproxy/admin.sock -sf $(cat /run/haproxy.pid)',
  );
}

async function allUp(
  lab: Lab,
  balancer: string,
  { ipv6 = false }: Topology,
  served: readonly string[],
): Promise<boolean> {
  const rows = (await askHaproxy(lab.state, balancer, 'show stat -1 4 -1')).split('\n').slice(1);
  const servers = rows.map((row) => row.split(',')).filter(([name]) => name !== undefined && name !== '');
  const serving = servers.filter((row) => /^(UP|no check)$/.test(row[17] ?? '') && !(row[36] ?? '').startsWith('*'));
  const addressed = new Set(serving.map((row) => row[73]?.replace(/:\d+$/, '')));
  return webOf(lab).every(
    (host) => !served.includes(host.name) || addressed.has(ipv6 ? `[${sixthOf(host)}]` : host.address),
  );
}

/** Every request with its end (seconds since the epoch), client, path. */
async function logRequests(lab: Lab, host: string): Promise<void> {
  const file = lab.path(host, 'etc/nginx/nginx.conf');
  const config = await readFile(file, 'utf8');
  if (config.includes('log_format proof')) return;
  const log = "log_format proof '$msec $remote_addr $request_uri'; access_log /var/log/nginx/requests.log proof;";
  const listen = 'listen 80; listen [::]:80; listen 8001; location = /ws { try_files /index.html =404; }';
  await writeFile(file, config.replace('access_log off;', log).replace('listen 80;', listen));
  await must(lab, host, 'nginx -s reload');
  await ready(lab, async () => (await tries(lab, host, 'test -e /var/log/nginx/requests.log')) === 0, host);
}

const tries = async (lab: Lab, host: string, script: string) => (await lab.exec(host, ['sh', '-c', script])).code;

/** The program that HAProxy asks about dev2, once a lab. */
async function startAgent(lab: Lab, host: string): Promise<void> {
  const listens = 'ss -Hltn "sport = :9777" | grep -q .';
  if ((await tries(lab, host, listens)) === 0) return;
  const script = `require('net').createServer(c=>{c.on('error',()=>{});c.end('ready up 100%\\n')}).listen(9777)`;
  await must(lab, host, `setsid ${process.execPath} -e "${script}" > /dev/null 2>&1 < /dev/null &`);
  await ready(lab, async () => (await tries(lab, host, listens)) === 0, `the agent on ${host}`);
}

async function addSixthAddresses(lab: Lab): Promise<void> {
  const hosts = lab.hosts.filter(({ kind }) => kind === 'web' || kind === 'balancer');
  await Promise.all(
    hosts.map((host) => must(lab, host.name, `ip -6 address replace ${sixthOf(host)}/64 dev eth0 nodad`)),
  );
}

/** The addresses of the web hosts in the load balancer's own resolver. */
async function writeHosts(lab: Lab, balancer: string, { resolves, ipv6 }: Topology): Promise<void> {
  const known = webOf(lab).map((host) => `${ipv6 === true ? sixthOf(host) : host.address} ${host.name}\n`);
  const own = lab.hosts.find(({ name }) => name === balancer);
  const lines = [
    `127.0.0.1 localhost\n::1 localhost\n${own?.address} ${balancer}\n`,
    ...(resolves === true ? known : []),
  ];
  await writeFile(lab.path(balancer, 'etc/hosts'), lines.join(''));
}

/** A name server with the addresses and SRV records of the web hosts, once a lab. */
async function startNames(lab: Lab, balancer: string): Promise<void> {
  if ((await tries(lab, balancer, 'test -e /run/dnsmasq-lab.pid')) === 0) return;
  const records = webOf(lab).map(
    ({ name, address }) =>
      `srv-host=_app._tcp.service.consul,${name.split('.')[0]}.node.consul,80,1,10\nhost-record=${name.split('.')[0]}.node.consul,${address}`,
  );
  const config = `port=8600\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\nlocal-ttl=1\n${records.join('\n')}\n`;
  await writeFile(lab.path(balancer, 'etc/dnsmasq-lab.conf'), config);
  await must(lab, balancer, 'dnsmasq --conf-file=/etc/dnsmasq-lab.conf --pid-file=/run/dnsmasq-lab.pid');
}

async function mapServers(lab: Lab, balancer: string, servers: NonNullable<Topology['servers']>): Promise<void> {
  const file = lab.path(balancer, 'etc/mco-deploy/node.yaml');
  const before = await readFile(file, 'utf8');
  const config = parse(before) as { agents: { haproxy: object } };
  config.agents.haproxy = { ...config.agents.haproxy, servers };
  const after = stringify(config);
  if (after === stringify(parse(before))) return;
  await writeFile(file, after);
  await lab.daemon(balancer).stop();
  await lab.daemon(balancer).start();
}
