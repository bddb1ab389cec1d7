import type { BackendView } from './backend.ts';
import type { Server } from './server.ts';

/** A `server` line of a backend in one HAProxy process. */
export interface ServerLine {
  readonly view: BackendView;
  readonly server: Server;
}

export function linesOf(views: readonly BackendView[]): ServerLine[] {
  return views.flatMap((view) => view.servers.map((server) => ({ view, server })));
}

/** `app/web1`, as in HAProxy’s commands. */
export function lineName({ view, server }: ServerLine): string {
  return `${view.backend}/${server.name}`;
}

/** Distinguishes the lines of all processes. */
export function lineKey(line: ServerLine): string {
  return `${line.view.runtime.name} ${lineName(line)}`;
}

/** The same lines in another reading; one that is gone is omitted. */
export function refreshLines(lines: readonly ServerLine[], views: readonly BackendView[]): ServerLine[] {
  const keys = new Set(lines.map(lineKey));
  return linesOf(views).filter((line) => keys.has(lineKey(line)));
}

/** The current line with the same name. */
export function findLine(line: ServerLine, all: readonly ServerLine[]): ServerLine | undefined {
  const key = lineKey(line);
  return all.find((one) => lineKey(one) === key);
}

/** Every line that tracks one of these in its process, directly or indirectly, and is none of them. */
export function followersOf(lines: readonly ServerLine[], all: readonly ServerLine[]): ServerLine[] {
  const known = new Set(lines.map(lineKey));
  const found: ServerLine[] = [];
  for (let added = true; added; ) {
    const more = all.filter(
      ({ view, server }) =>
        known.has(`${view.runtime.name} ${server.tracked}`) &&
        !known.has(`${view.runtime.name} ${view.backend}/${server.name}`),
    );
    for (const line of more) known.add(lineKey(line));
    found.push(...more);
    added = more.length > 0;
  }
  return found;
}

/** Each name once, in order: for messages. */
export function formatLines(lines: readonly ServerLine[]): string {
  return [...new Set(lines.map(lineName))].join(', ');
}
