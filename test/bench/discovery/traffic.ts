import { execFileSync } from 'node:child_process';

/** The bytes that were sent in this network namespace since the last reading: each packet once, with its IP header. */
export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

export interface TrafficCounter {
  readonly read: () => { readonly mdns: Traffic; readonly tls: Traffic };
}

const table = `table inet bench {
  counter mdns { }
  counter tls { }
  chain out {
    type filter hook output priority 0;
    udp dport 5353 counter name mdns
    udp sport 5353 udp dport != 5353 counter name mdns
    meta l4proto tcp counter name tls
  }
}`;

export function startCounting(): TrafficCounter {
  execFileSync('nft', ['-f', '-'], { input: table });
  return {
    read: () => {
      const text = execFileSync('nft', ['-j', 'reset', 'counters', 'table', 'inet', 'bench'], { encoding: 'utf8' });
      const { nftables } = JSON.parse(text) as { nftables: { counter?: { name: string } & Traffic }[] };
      const counted = (name: string): Traffic => {
        const found = nftables.find(({ counter }) => counter?.name === name)?.counter;
        return { packets: found?.packets ?? 0, bytes: found?.bytes ?? 0 };
      };
      return { mdns: counted('mdns'), tls: counted('tls') };
    },
  };
}
