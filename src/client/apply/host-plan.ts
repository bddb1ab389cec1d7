import type { Host } from '../fleet-file/model.ts';

/** A file that changes on a host. */
export interface FileChange {
  readonly path: string;
  /** Undefined if there is none yet. */
  readonly before: string | undefined;
  /** Undefined if it is removed. */
  readonly after: string | undefined;
}

/** The plan for a host, before anything is done. */
export interface HostPlan {
  readonly host: Host;
  /** For `onHosts`. */
  readonly node: string;
  readonly way: 'ssh' | 'fabric';
  /** Changes besides files: the program, the certificate, directories, the start. */
  readonly others: readonly string[];
  readonly files: readonly FileChange[];
  /** Files that others changed: they stay. */
  readonly kept: readonly FileChange[];
  readonly warnings: readonly string[];
  /** What the daemon does for it. */
  readonly effect: 'nothing' | 'reload' | 'restart';
  /**
   * Carries it out, and waits until the node answers. @throws Problem; then the host is as it was, or the message says
   * otherwise
   */
  readonly carryOut: (onPhase: (phase: string) => void) => Promise<{ readonly warnings: readonly string[] }>;
  readonly close: () => Promise<void>;
}

export function changesNothing({ files, others }: Pick<HostPlan, 'files' | 'others'>): boolean {
  return files.length === 0 && others.length === 0;
}
