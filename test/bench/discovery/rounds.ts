import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../support/program/run-program.ts';
import { processorTime } from '../processor-time.ts';
import type { Traffic, TrafficCounter } from './traffic.ts';

const repository = join(import.meta.dirname, '../../..');

/** A way to find or call all nodes. */
export interface Means {
  readonly name: string;
  readonly argv: readonly string[];
  /** The nodes are known from the command before: its cache stays. */
  readonly known?: boolean;
  /** Nodes that are found besides: the relays are some. */
  readonly extra?: number;
}

/** The cost of one run of a command. */
export interface Round {
  readonly found: number;
  /** Milliseconds: until the last node was heard or proven, and of the whole process. */
  readonly last: number;
  readonly whole: number;
  readonly cpu: number;
  /** MiB */
  readonly memory: number;
  /** Milliseconds of CPU of each relay. */
  readonly relays: readonly number[];
  readonly mdns: Traffic;
  readonly tls: Traffic;
}

/** Runs commands, each in a home without a cache unless it takes the nodes as known. */
export interface Runner {
  readonly home: string;
  readonly traffic: TrafficCounter;
  readonly relays: readonly ChildProcess[];
}

export async function runRounds(
  { home, traffic, relays }: Runner,
  { argv, known = false }: Pick<Means, 'argv' | 'known'>,
  count: number,
): Promise<Round[]> {
  const done: Round[] = [];
  const relayTimes = () => Promise.all(relays.map(({ pid = 0 }) => processorTime(pid)));
  while (done.length < count) {
    if (!known) await rm(join(home, '.cache'), { recursive: true, force: true });
    traffic.read();
    const before = await relayTimes();
    const begun = performance.now();
    const { out, err } = await runProgram('python3', ['test/bench/usage.py', ...argv], {
      cwd: repository,
      env: { HOME: home, PATH: process.env.PATH ?? '' },
      timeout: 180_000,
    });
    const whole = performance.now() - begun;
    const after = await relayTimes();
    const { found, last } = readFound(JSON.parse(out || '[]') as Printed, whole);
    const { cpu, memory } = JSON.parse(err.trimEnd().split('\n').at(-1) ?? '') as { cpu: number; memory: number };
    const took = after.map((time, index) => time - (before[index] ?? 0));
    done.push({ found, last, whole, cpu, memory, relays: took, ...traffic.read() });
  }
  return done;
}

type Printed = { nodes: unknown[]; elapsed_ms: number } | { found: number; last: number } | { outcome: string }[];

function readFound(printed: Printed, whole: number): { found: number; last: number } {
  if (Array.isArray(printed)) return { found: printed.filter(({ outcome }) => outcome === 'ok').length, last: whole };
  return 'nodes' in printed ? { found: printed.nodes.length, last: printed.elapsed_ms } : printed;
}
