import { type ReadFile, readToMerge, replaceAtOnce } from '../../core/files/at-once.ts';
import { explainErrno } from '../../core/errors.ts';
import type { Log } from '../../core/ports.ts';
import { type CacheContent, type CachedNode, mergeContent, parseContent, pruneContent } from './content.ts';

/** The client's memory of nodes whose identity was once proven. */
export interface Cache {
  readonly nodes: () => CachedNode[];
  /** When `forget` retired the node: earlier claims are ignored. Undefined if it did not. */
  readonly forgotten: (name: string) => number | undefined;
  readonly remember: (nodes: readonly Omit<CachedNode, 'lastSeen'>[], now: number) => void;
  /** True when the node was known. */
  readonly forget: (name: string, now: number) => boolean;
  /** Takes over what another client wrote since, such as the command that writes the list on standard input. */
  readonly refresh: () => void;
  /**
   * Writes new entries, merged with those that other clients wrote meanwhile. A cache that cannot be written only
   * causes a warning.
   */
  readonly save: () => Promise<void>;
}

/**
 * Opens the cache. If it cannot be read, it warns and starts empty: only the memory of silent nodes depends on it. It
 * is begun again where it is damaged; where the disk cannot be read now, it is left as it is.
 */
export function openCache(file: string, log: Log): Cache {
  let found = read(file, log);
  let content: CacheContent = found;
  let changed = false;
  let warned = false;

  return {
    nodes: () => [...content.nodes.values()],
    forgotten: (name) => content.forgotten.get(name),
    remember(nodes, now) {
      const fresh = new Map(nodes.map((node) => [node.name, { ...node, lastSeen: now }]));
      content = mergeContent(content, { nodes: fresh, forgotten: new Map() });
      changed ||= nodes.length > 0;
    },
    forget(name, now) {
      const known = content.nodes.has(name);
      content = mergeContent(content, { nodes: new Map(), forgotten: new Map([[name, now]]) });
      changed = true;
      return known;
    },
    refresh() {
      if (found.isCurrent()) return;
      found = read(file, log);
      content = mergeContent(found, content);
    },
    async save() {
      if (!changed) return;
      if (!found.isCurrent()) {
        const meanwhile = read(file, log);
        if (!meanwhile.isRead) return;
        content = mergeContent(meanwhile, content);
      }
      content = pruneContent(content);
      try {
        await replaceAtOnce(file, serialize(content), { sync: false });
        changed = false;
      } catch (error) {
        if (!warned) log.warn({ file }, `the cache ${file} cannot be written: ${explainErrno(error)}`);
        warned = true;
      }
    },
  };
}

interface ReadContent extends CacheContent {
  readonly isRead: boolean;
  /** Whether no other client has written since. */
  readonly isCurrent: () => boolean;
}

function read(file: string, log: Log): ReadContent {
  const nothing = { nodes: new Map(), forgotten: new Map() };
  let found: ReadFile;
  try {
    found = readToMerge(file);
  } catch (error) {
    log.warn({ file }, `the cache ${file} cannot be read: ${explainErrno(error)}; silent nodes are not noticed`);
    return { ...nothing, isRead: false, isCurrent: () => false };
  }
  const { text, isCurrent } = found;
  try {
    return { ...(text === undefined ? nothing : parseContent(text)), isRead: true, isCurrent };
  } catch (error) {
    log.warn({ file }, `the cache ${file} was started again, because it could not be read: ${explainErrno(error)}`);
    return { ...nothing, isRead: true, isCurrent };
  }
}

function serialize({ nodes, forgotten }: CacheContent): string {
  return `${JSON.stringify({ version: 1, nodes: [...nodes.values()], forgotten: Object.fromEntries(forgotten) })}\n`;
}
