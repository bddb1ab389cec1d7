/** Times as a page shows them: on the clock of whoever made it, and in UTC beside. */
import { html, type Markup } from './html.ts';

export interface Clock {
  /** `23:11:20` */
  readonly short: (at: number) => string;
  /** A date and time on both clocks; one where they agree. */
  readonly both: (at: number) => Markup;
}

/** @param timeZone of the IANA database; the system's when left out */
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

/** `120 ms`, `4.2 s`, `3 min 20 s`, `1 h 5 min`. @param milliseconds not negative */
export function duration(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min ${seconds % 60} s`;
}
