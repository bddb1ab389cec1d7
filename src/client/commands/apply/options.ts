import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import type { RemoteOptions } from '../install/options.ts';

export interface ApplyOptions extends Omit<RemoteOptions, 'hosts'> {
  readonly host?: readonly string[];
  readonly batch?: string;
  readonly replace?: boolean;
  readonly force?: boolean;
  readonly ssh?: boolean;
  readonly yes?: boolean;
  readonly binary?: string;
  readonly package?: string;
  /** Seconds. */
  readonly wait: number;
  readonly caDir?: string;
  readonly passphraseFile?: string;
}

/** What only the whole program knows. */
export interface ProgramParts {
  readonly load: LoadNodeParts;
  /** The file that runs now. */
  readonly own: string;
  /** Describes the agent that nodes are changed by. */
  readonly configDdl: Ddl;
}
