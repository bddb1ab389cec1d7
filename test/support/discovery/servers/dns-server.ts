import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { freePort } from '../../free-port.ts';

export interface DnsServer extends AsyncDisposable {
  /** ADDRESS:PORT */
  readonly address: string;
}

/** Runs dnsmasq on loopback with these nodes in `_mco-deploy._tcp.DOMAIN`. @param nodes ADDRESS or ADDRESS:PORT of each name */
export async function startDnsServer(domain: string, nodes: Readonly<Record<string, string>>): Promise<DnsServer> {
  const port = await freePort();
  const service = `_mco-deploy._tcp.${domain}`;
  const records = Object.entries(nodes).flatMap(([name, place]) => {
    const [address, nodePort = 5810] = place.split(':');
    return [
      `--ptr-record=${service},${name}.${service}`,
      `--srv-host=${name}.${service},${name},${nodePort}`,
      `--host-record=${name},${address}`,
    ];
  });
  const fixed = [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--no-resolv',
    '--no-hosts',
    '--pid-file=',
    '--user=root',
  ];
  const where = ['--log-facility=-', '--listen-address=127.0.0.1', '--bind-interfaces', `--port=${port}`];
  const child = spawn('/usr/sbin/dnsmasq', [...fixed, ...where, `--local=/${domain}/`, ...records], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (line.includes('started')) break;
  }
  if (child.exitCode !== null || said.length === 0) throw new Error(`dnsmasq did not start: ${said.join('\n')}`);
  child.stderr.resume();
  return {
    address: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}
