import type { Ddl } from '../../../core/ddl/ddl.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import type { RemoteOptions } from '../install/options.ts';

export interface ApplyOptions extends Omit<RemoteOptions, 'hosts'> {
  readonly fleet?: string;
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

/** Functions of the whole program. */
export interface ProgramParts {
  readonly load: LoadNodeParts;
  /** The file that is running. */
  readonly own: string;
  /** The description of the agent that changes nodes. */
  readonly configDdl: Ddl;
}
