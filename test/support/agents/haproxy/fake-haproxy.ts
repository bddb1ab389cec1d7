import { setImmediate } from 'node:timers/promises';
import type { Runtime } from '../../../../src/agents/haproxy/runtime/runtime.ts';
import {
  changeServer,
  changing,
  checkServer,
  type FakeServer,
  type FakeServers,
  makeServers,
  type ServerState,
} from './fake-servers.ts';
import { showStat, showState } from './fake-tables.ts';

/** A HAProxy in memory. */
export interface FakeHaproxy extends Runtime {
  /** Every command that it was given, in order. */
  readonly asked: string[];
  /** The commands that change something. */
  readonly changes: () => string[];
  /** A server, to read it, or to change it as a person would: `app/web1`. */
  readonly server: (name: string) => FakeServer;
  /** Called before each command, and waited for; may change a server, or throw what is to go wrong. */
  onCommand: (command: string) => unknown;
  /** The fields of “show info”. */
  readonly info: { pid: number; started: number; uptime: number };
  readonly remove: (name: string) => void;
  level: string;
  /** Commands that “help” leaves out, and that are refused. */
  lacks: string;
}

/**
 * A fake of HAProxy for unit tests: it keeps the states of servers as HAProxy does, answers with HAProxy's own columns, refuses
 * what HAProxy refuses, and notes the order of commands. Checks and agent-checks take place after each “show servers state”.
 * The tests of test/process/haproxy do the same with the real program.
 */
export function fakeHaproxy(
  backends: Readonly<Record<string, readonly FakeServer[]>>,
  name = '/run/fake.sock',
): FakeHaproxy {
  const servers = makeServers(backends);
  const find = (wanted: string): ServerState => {
    const found = servers.find(wanted);
    if (found === undefined) throw new Error(`the fake HAProxy has no server ${wanted}`);
    return found;
  };
  const asked: string[] = [];
  const fake: FakeHaproxy = {
    name,
    asked,
    changes: () => asked.filter((command) => changing.some((one) => command.startsWith(one))),
    server: find,
    onCommand: () => {},
    info: { pid: 100, started: 1_700_000_000, uptime: 60 },
    remove: (wanted) => void servers.all.splice(servers.all.indexOf(find(wanted)), 1),
    level: 'admin',
    lacks: 'nothing',
    ask: async (command, signal) => {
      // As over a socket: a caller that does not wait for the answer continues before it.
      await setImmediate();
      for (const one of command.split('; ')) {
        asked.push(one);
        await fake.onCommand(one);
      }
      signal.throwIfAborted();
      return answer(command, fake, servers);
    },
  };
  return fake;
}

function answer(command: string, fake: FakeHaproxy, servers: FakeServers): string {
  const [verb = '', noun = '', third = '', fourth] = command.split(' ');
  if (command === 'show cli level') return fake.level;
  if (command === 'show info') {
    const { pid, started, uptime } = fake.info;
    return `Name: HAProxy\nVersion: 3.0.11\nPid: ${pid}\nUptime_sec: ${uptime}\nStart_time_sec: ${started}`;
  }
  if (command === 'help') {
    const known = changing.filter((one) => one !== fake.lacks);
    return ['The following commands are valid at this level:', ...known.map((one) => `  ${one} <x> : …`)].join('\n');
  }
  if (verb === 'show' && noun === 'stat') return showStat(servers, third);
  if (verb === 'show' && noun === 'servers') {
    const shown = showState(servers, fourth);
    for (const one of servers.all) checkServer(one, servers);
    return shown;
  }
  const change = (one: string) => (one.startsWith(fake.lacks) ? 'Unknown command' : changeServer(one, servers));
  return command.split('; ').map(change).join('');
}
