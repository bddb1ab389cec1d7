import { setTimeout as delay } from 'node:timers/promises';
import { called } from '../hosts.ts';
import { type ChooseFault, shell } from './fault.ts';

/** Seconds; the first is within what a node allows two clocks to differ. */
const steps = ['+20', '-20', '+300', '-300', '+7200', '-7200'];

/** A clock set forward or back while the daemon, or the client, runs; it is set right again later. */
export const clockStepped: ChooseFault = ({ random, lab }) => {
  const host = random.pick([...called, 'control']);
  const step = random.pick(steps);
  // Written in place; libfaketime reads it again after a second.
  const set = (offset: string) => shell(lab, host, `echo "${offset}" >/etc/clock`);
  const inject = async () => {
    await set(step);
    return async () => {
      await set('+0');
      // No call may meet the clock of before.
      await delay(1100);
    };
  };
  return { kind: `clock stepped ${step} s`, host, part: 'clock', hurtsTraffic: false, inject };
};
