import assert from 'node:assert/strict';
import type { Lab } from '../support/lab/lab.ts';
import type { LabRun } from '../support/lab/runs.ts';
import type { Random } from './random.ts';

export const bravo = ['dev2', 'dev4', 'dev6', 'dev8'];
export const balancers = ['lb1', 'lb2'];
const daemons = [...bravo, ...balancers];

export interface Fault {
  readonly name: string;
  /** Whether requests of users may fail by it. */
  readonly hurtsTraffic: boolean;
  /** @returns what puts it right, whenever that is called; it is called once */
  readonly inject: () => Promise<() => Promise<void>>;
}

const nothing = async () => {};

/** Chooses a fault and its place; what it needs of the run is there when it is injected. */
export function chooseFault(random: Random, lab: Lab, run: () => LabRun): Fault {
  const shell = async (host: string, command: string) => {
    const { code, stderr } = await lab.exec(host, ['sh', '-c', command]);
    assert.equal(code, 0, `${command} on ${host}: ${stderr}`);
  };
  /** A fault of one of these hosts by a command, and the command that puts it right. */
  const byShell = (name: string, hosts: readonly string[], hurtsTraffic: boolean, bad: string, good: string): Fault => {
    const host = random.pick(hosts);
    const inject = async () => {
      await shell(host, bad);
      return () => shell(host, good);
    };
    return { name: `${name} on ${host}`, hurtsTraffic, inject };
  };
  const readOnly = (name: string, hosts: readonly string[], path: string) =>
    byShell(
      `${name} read-only`,
      hosts,
      false,
      `mount --bind ${path} ${path} && mount -o remount,bind,ro ${path}`,
      `umount --lazy ${path}`,
    );
  const kinds: readonly (() => Fault)[] = [
    () => {
      const host = random.pick(daemons);
      const inject = async () => {
        await lab.daemon(host).kill();
        return () => lab.daemon(host).start();
      };
      return { name: `daemon killed on ${host}`, hurtsTraffic: false, inject };
    },
    () => byShell('daemon stopped', daemons, false, daemonSignal('STOP'), daemonSignal('CONT')),
    () => ({
      name: 'client killed',
      hurtsTraffic: false,
      inject: async () => {
        run().kill();
        return nothing;
      },
    }),
    () => ({
      name: 'client interrupted',
      hurtsTraffic: false,
      inject: async () => {
        await run().interrupt();
        return nothing;
      },
    }),
    () => byShell('haproxy killed', balancers, true, 'kill -KILL "$(cat /run/haproxy.pid)"', startHaproxy),
    () => byShell('haproxy reloaded', balancers, true, `${startHaproxy} -sf "$(cat /run/haproxy.pid)"`, 'true'),
    () => byShell('nginx stopped', bravo, true, 'nginx -s stop', 'nginx'),
    () => {
      const host = random.pick(daemons);
      const inject = async () => {
        await lab.cut(host);
        return () => lab.heal(host);
      };
      return { name: `link cut of ${host}`, hurtsTraffic: true, inject };
    },
    () =>
      byShell(
        'each fifth packet lost',
        daemons,
        true,
        'nft "add table inet chaos; add chain inet chaos in { type filter hook input priority 0; }; add rule inet chaos in iifname eth0 numgen inc mod 5 0 drop"',
        'nft delete table inet chaos',
      ),
    () => readOnly('releases', bravo, '/srv/app'),
    () => readOnly('state', daemons, '/var/lib/mco-deploy'),
    () => readOnly('journals of runs', ['control'], '/home/rip@devco.net/.local/state/mco-deploy/runs'),
  ];
  return random.pick(kinds)();
}

const startHaproxy = 'haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid';

function daemonSignal(signal: string): string {
  return `kill -${signal} "$(cat /run/mco-deploy.pid)"`;
}
