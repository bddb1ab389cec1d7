import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Host, prefixLength } from '../estate.ts';
import type { LabState, ProcessMark } from '../state.ts';

const run = promisify(execFile);

/** The lines by which a host sets up its own network, for `ip -batch`. */
export function hostNetwork({ address }: Host): string {
  return `link set lo up
address add ${address}/${prefixLength} brd + dev eth0
link set eth0 up
route add 224.0.0.0/4 dev eth0
`;
}

/**
 * Wires every host to a bridge in the switch's own namespace, so that nothing of it shows on the machine.
 * Each end is named by its host's place in the list.
 */
export async function wireHosts(switchPid: number, hosts: readonly { pid: number }[]): Promise<void> {
  await onSwitch(switchPid, [
    // Snooping would hold multicast back from hosts that have not yet said that they listen.
    'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'link set br0 up',
    ...hosts.flatMap(({ pid }, index) => [
      `link add p${index} type veth peer name eth0 netns ${pid}`,
      `link set p${index} master br0 up`,
    ]),
  ]);
}

/** Pulls a host's cable, or puts it back. */
export async function setLink(lab: LabState, host: string, state: 'up' | 'down'): Promise<void> {
  const index = lab.hosts.findIndex(({ name }) => name === host);
  const { pid } = lab.holders.switch as ProcessMark;
  await onSwitch(pid, [`link set p${index} ${state}`]);
}

/** Limits a host's line in both directions, each at the end that sends (tc-tbf(8)). @param mbit Mbit/s */
export async function limitLink(lab: LabState, host: string, mbit: number): Promise<void> {
  const index = lab.hosts.findIndex(({ name }) => name === host);
  const shape = ['root', 'tbf', 'rate', `${mbit}mbit`, 'burst', '64kb', 'latency', '100ms'];
  const ends = [
    [lab.holders.switch as ProcessMark, `p${index}`],
    [lab.holders[host] as ProcessMark, 'eth0'],
  ] as const;
  for (const [{ pid }, device] of ends) {
    await run('nsenter', ['--target', String(pid), '--net', 'tc', 'qdisc', 'replace', 'dev', device, ...shape]);
  }
}

async function onSwitch(pid: number, commands: readonly string[]): Promise<void> {
  const child = run('nsenter', ['--target', String(pid), '--net', 'ip', '-batch', '-']);
  child.child.stdin?.end(`${commands.join('\n')}\n`);
  await child;
}
