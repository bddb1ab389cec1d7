/** Sets a lab's load balancers up as a topology says, and reads what its web servers' own logs tell. */
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import type { Lab } from '../../support/lab/lab.ts';
import { askHaproxy } from '../../support/lab/traffic/haproxy.ts';
import type { Topology } from './topologies.ts';

const ready = async (lab: Lab, what: () => Promise<boolean>, name: string) => {
  for (let look = 0; look < 500; look++) {
    if (await what().catch(() => false)) return;
    await delay(20);
  }
  throw new Error(`${name} did not come up in the lab ${lab.state.id}`);
};

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
  for (const balancer of balancersOf(lab)) {
    if (topology.resolves === true) {
      const names = webOf(lab).map(({ name, address }) => `${address} ${name}\n`);
      await appendFile(lab.path(balancer, 'etc/hosts'), names.join(''));
    }
    if (topology.srv === true) await startNames(lab, balancer);
    if (topology.servers !== undefined) await mapServers(lab, balancer, topology.servers);
    await writeFile(lab.path(balancer, 'etc/haproxy/haproxy.cfg'), topology.config(webOf(lab), restoring));
    if (restoring) await writeFile(lab.path(balancer, 'run/haproxy/state'), '1\n');
    await reload(lab, balancer);
    await ready(lab, () => allUp(lab, balancer, served), `HAProxy on ${balancer}`);
  }
}

/** As a service's reload does: the state is written, then the new process takes over. */
export async function reload(lab: Lab, balancer: string): Promise<void> {
  const state = await askHaproxy(lab.state, balancer, 'show servers state');
  await writeFile(lab.path(balancer, 'run/haproxy/state'), state);
  await must(
    lab,
    balancer,
    'haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid -sf $(cat /run/haproxy.pid)',
  );
}

async function allUp(lab: Lab, balancer: string, served: readonly string[]): Promise<boolean> {
  const rows = (await askHaproxy(lab.state, balancer, 'show stat -1 4 -1')).split('\n').slice(1);
  const servers = rows.map((row) => row.split(',')).filter(([name]) => name !== undefined && name !== '');
  const serving = servers.filter((row) => /^(UP|no check)$/.test(row[17] ?? '') && !(row[36] ?? '').startsWith('*'));
  const addressed = new Set(serving.map((row) => row[73]?.replace(/:\d+$/, '')));
  return webOf(lab).every(({ name, address }) => !served.includes(name) || addressed.has(address));
}

/** Every request with its end (seconds since the epoch), client, path. */
async function logRequests(lab: Lab, host: string): Promise<void> {
  const file = lab.path(host, 'etc/nginx/nginx.conf');
  const config = await readFile(file, 'utf8');
  const log = "log_format proof '$msec $remote_addr $request_uri'; access_log /var/log/nginx/requests.log proof;";
  const listen = 'listen 80; listen 8001; location = /ws { try_files /index.html =404; }';
  await writeFile(file, config.replace('access_log off;', log).replace('listen 80;', listen));
  await must(lab, host, 'nginx -s reload');
  await ready(
    lab,
    async () => (await lab.exec(host, ['sh', '-c', 'test -e /var/log/nginx/requests.log'])).code === 0,
    host,
  );
}

async function startAgent(lab: Lab, host: string): Promise<void> {
  const script = `require('net').createServer(c=>{c.on('error',()=>{});c.end('ready up 100%\\n')}).listen(9777)`;
  await must(lab, host, `setsid ${process.execPath} -e "${script}" > /dev/null 2>&1 < /dev/null & sleep 0.2`);
}

async function startNames(lab: Lab, balancer: string): Promise<void> {
  const records = webOf(lab).map(
    ({ name, address }) =>
      `srv-host=_app._tcp.service.consul,${name.split('.')[0]}.node.consul,80,1,10\nhost-record=${name.split('.')[0]}.node.consul,${address}`,
  );
  const config = `port=8600\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\nlocal-ttl=1\n${records.join('\n')}\n`;
  await writeFile(lab.path(balancer, 'etc/dnsmasq-lab.conf'), config);
  await must(lab, balancer, 'dnsmasq --conf-file=/etc/dnsmasq-lab.conf --pid-file=/run/dnsmasq-lab.pid');
}

async function mapServers(lab: Lab, balancer: string, servers: Topology['servers']): Promise<void> {
  const file = lab.path(balancer, 'etc/mco-deploy/node.yaml');
  const config = parse(await readFile(file, 'utf8')) as { agents: { haproxy: object } };
  config.agents.haproxy = { ...config.agents.haproxy, servers };
  await writeFile(file, stringify(config));
  await lab.daemon(balancer).stop();
  await lab.daemon(balancer).start();
}

export interface Visit {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly path: string;
}

/** The requests that a host got through load balancers, in its own access log; their health checks are left out. */
export async function visitsOf(lab: Lab, host: string): Promise<Visit[]> {
  const addresses = lab.hosts.filter(({ kind }) => kind === 'balancer').map(({ address }) => address);
  const log = await readFile(lab.path(host, 'var/log/nginx/requests.log'), 'utf8');
  return log
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, from = '', path]) => addresses.includes(from) && path !== '/health')
    .map(([at, , path = '']) => ({ at: Number(at) * 1000, path }));
}

/** When a host was confirmed to be out, and when it was asked for again: by the load balancers' own audit logs. */
export async function windowOf(lab: Lab, host: string): Promise<{ from: number; to: number }> {
  const perBalancer = await Promise.all(
    balancersOf(lab).map(async (balancer) => {
      const records = await lab.audit(balancer);
      const isAbout = ({ arguments: input }: Record<string, unknown>) =>
        String((input as { server?: unknown } | undefined)?.server)
          .split(',')
          .includes(host);
      const calls = records.filter(
        (one) => one.kind === 'intent' && one.agent === 'haproxy' && one.dry_run !== true && isAbout(one),
      );
      const ended = (intent: Record<string, unknown>) =>
        records.find((one) => one.kind === 'outcome' && one.intent === intent.sequence);
      const out = calls
        .filter(({ action }) => action === 'disable')
        .map((call) => Date.parse(String(ended(call)?.time)));
      const back = calls.filter(({ action }) => action === 'enable').map((call) => Date.parse(String(call.time)));
      return { out: Math.min(...out), back: back.length === 0 ? Number.POSITIVE_INFINITY : Math.min(...back) };
    }),
  );
  return { from: Math.max(...perBalancer.map(({ out }) => out)), to: Math.min(...perBalancer.map(({ back }) => back)) };
}
