/** Times on a page: on the clock of the host that made it, and also in UTC. */
import { html, type Markup } from './html.ts';

export interface Clock {
  /** `23:11:20` */
  readonly short: (at: number) => string;
  /** A date and time on both clocks; one if they agree. */
  readonly both: (at: number) => Markup;
}

/** @param timeZone of the IANA database; by default the system's */
export function defineClock(timeZone?: string): Clock {
  const zone = timeZone === undefined ? {} : { timeZone };
  const day = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  const time = { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' } as const;
  const local = new Intl.DateTimeFormat('en-GB', { ...zone, ...day, ...time, timeZoneName: 'short' });
  const short = new Intl.DateTimeFormat('en-GB', { ...zone, ...time });
  const isUtc = (at: number) => / (UTC|GMT)$/.test(local.format(at)) && short.format(at) === utcOf(at).slice(11, 19);
  return {
    short: (at) => short.format(at),
    both: (at) => {
      const utc = `${utcOf(at).slice(0, 19).replace('T', ' ')} UTC`;
      const iso = new Date(at).toISOString();
      if (isUtc(at)) return html`<time datetime="${iso}">${utc}</time>`;
      return html`<time datetime="${iso}">${local.format(at)}</time> <span class="muted">${utc}</span>`;
    },
  };
}

function utcOf(at: number): string {
  return new Date(at).toISOString();
}
