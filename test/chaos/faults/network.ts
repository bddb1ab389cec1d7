import { called } from '../hosts.ts';
import { byShell, type ChooseFault } from './fault.ts';

const linkCut: ChooseFault = ({ random, lab }) => {
  const host = random.pick(called);
  const inject = async () => {
    await lab.cut(host);
    return () => lab.heal(host);
  };
  return { kind: 'link cut', host, part: 'link', hurtsTraffic: true, inject };
};

const chain = 'add chain inet chaos in { type filter hook input priority 0; }';
const rule = 'add rule inet chaos in iifname eth0 numgen inc mod 5 0 drop';

export const networkFaults: readonly ChooseFault[] = [
  linkCut,
  byShell({
    ...{ kind: 'each fifth packet lost', hosts: called, part: 'link', hurtsTraffic: true },
    bad: `nft "add table inet chaos; ${chain}; ${rule}"`,
    good: 'nft delete table inet chaos',
  }),
];
