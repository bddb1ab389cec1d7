import { balancers, bravo, called } from '../hosts.ts';
import { byShell, type ChooseFault, nothing } from './fault.ts';

/** Ends processes, of which some may be gone already, and waits until they are. */
const kill = (pids: string) =>
  `pids="${pids}"; for pid in $pids; do kill -KILL $pid 2>/dev/null; done; for pid in $pids; do while [ -d /proc/$pid ]; do sleep 0.05; done; done`;
/** Stops processes and remembers which: by the time they continue, others may have taken their place. */
const stop = (program: string, pids: string) =>
  `echo ${pids} >/run/stopped-${program}; kill -STOP $(cat /run/stopped-${program}) 2>/dev/null; true`;
const continueAgain = (program: string) => `kill -CONT $(cat /run/stopped-${program}) 2>/dev/null; true`;

const daemon = '$(cat /run/mco-deploy.pid)';
const haproxy = '$(cat /run/haproxy.pid)';
/** The master and its workers. */
const nginx = '$(cat /run/nginx.pid) $(cat /proc/$(cat /run/nginx.pid)/task/*/children)';
const startHaproxy = 'haproxy -D -q -f /etc/haproxy/haproxy.cfg -p /run/haproxy.pid';
/** Starts nginx, or finds it started already. */
const startNginx = 'kill -0 $(cat /run/nginx.pid) 2>/dev/null || nginx';
/** Starts the daemon, as a service manager does. What it cannot do because of another fault, it does when that is gone. */
const startDaemon = `rm -f /run/mco-deploy.pid; setsid --fork lab-daemon </dev/null >/dev/null 2>&1
for try in $(seq 100); do grep -qsx mco-deploy /proc/$(cat /run/mco-deploy.pid)/comm && break; sleep 0.05; done`;

const clientKilled: ChooseFault = ({ run }) => ({
  kind: 'client killed',
  host: 'control',
  part: 'client',
  hurtsTraffic: false,
  inject: async () => {
    run().kill();
    return nothing;
  },
});

const clientInterrupted: ChooseFault = ({ run }) => ({
  kind: 'client interrupted',
  host: 'control',
  part: 'client',
  hurtsTraffic: false,
  inject: async () => {
    await run().interrupt();
    return nothing;
  },
});

/** Programs killed and stopped. */
export const programFaults: readonly ChooseFault[] = [
  byShell({ kind: 'daemon killed', hosts: called, part: 'daemon', bad: kill(daemon), good: startDaemon }),
  byShell({
    kind: 'daemon stopped',
    hosts: called,
    part: 'daemon',
    bad: stop('daemon', daemon),
    good: continueAgain('daemon'),
  }),
  clientKilled,
  clientInterrupted,
  byShell({
    kind: 'HAProxy killed',
    hosts: balancers,
    part: 'HAProxy',
    hurtsTraffic: true,
    bad: kill(haproxy),
    good: startHaproxy,
  }),
  byShell({
    ...{ kind: 'HAProxy stopped', hosts: balancers, part: 'HAProxy', hurtsTraffic: true },
    ...{ bad: stop('haproxy', haproxy), good: continueAgain('haproxy') },
  }),
  byShell({
    kind: 'HAProxy reloaded',
    hosts: balancers,
    part: 'HAProxy',
    hurtsTraffic: true,
    bad: `${startHaproxy} -sf ${haproxy}`,
  }),
  byShell({
    ...{ kind: 'nginx killed', hosts: bravo, part: 'nginx', hurtsTraffic: true },
    ...{ bad: kill(nginx), good: startNginx },
  }),
  byShell({
    kind: 'nginx ended',
    hosts: bravo,
    part: 'nginx',
    hurtsTraffic: true,
    bad: 'nginx -s stop',
    good: startNginx,
  }),
  byShell({
    ...{ kind: 'nginx stopped', hosts: bravo, part: 'nginx', hurtsTraffic: true },
    ...{ bad: stop('nginx', nginx), good: continueAgain('nginx') },
  }),
];
