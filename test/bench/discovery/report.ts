import type { Means, Round } from './rounds.ts';

export function printHead(): void {
  process.stdout.write(
    '| nodes | by | all found | last node (median, slowest) | whole command | client CPU | client memory | CPU of the relays | mDNS | TLS |\n|---|---|---|---|---|---|---|---|---|---|\n',
  );
}

export function printRow(size: number, { name, extra = 0 }: Means, done: readonly Round[]): void {
  const sorted = (value: (round: Round) => number) => done.map(value).sort((a, b) => a - b);
  const median = (value: (round: Round) => number) => (sorted(value)[Math.floor(done.length / 2)] ?? 0).toFixed(0);
  const complete = done.filter(({ found }) => found === size + extra).length;
  const slowest = (sorted(({ last }) => last).at(-1) ?? 0).toFixed(0);
  const sent = (which: 'mdns' | 'tls') =>
    `${median((round) => round[which].packets)} packets, ${median((round) => round[which].bytes / 1024)} KiB`;
  const relays = (done[0]?.relays ?? []).map((_, index) => median((round) => round.relays[index] ?? 0));
  const cells = [
    size,
    name,
    `${complete} of ${done.length}`,
    `${median(({ last }) => last)} ms, ${slowest} ms`,
    `${median(({ whole }) => whole)} ms`,
    `${median(({ cpu }) => cpu)} ms`,
    `${median(({ memory }) => memory)} MiB`,
    relays.length === 0 ? '' : `${relays.join(' + ')} ms`,
    sent('mdns'),
    sent('tls'),
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
