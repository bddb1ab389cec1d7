import type { Store } from '../../ca/store/store.ts';
import type { Authority } from '../../ca/x509/authority.ts';
import type { Address } from '../../core/node.ts';
import type { NodeDescription } from '../../core/wire/messages.ts';
import type { DesiredFiles } from './files/desired-files.ts';
import type { DebianProgram, Program } from './program.ts';
import type { SshSettings } from './ssh.ts';

/** The common values for all hosts. */
export interface InstallHostOptions {
  readonly program: Program;
  /** The package for Debian hosts; undefined if somebody named the program. */
  readonly debian?: DebianProgram;
  readonly desired: DesiredFiles;
  readonly store: Store;
  /** Opens the CA’s key, at the first call. */
  readonly authority: () => Promise<Authority>;
  /** `systemd`, `none`, or the path of an init script; by default what the host has. */
  readonly service: string | undefined;
  readonly dryRun: boolean;
  /** Whether files that were changed on the host are replaced. */
  readonly replace: boolean;
  readonly ssh: SshSettings;
  /** Connects to the node by mutual TLS and requests its description. @throws Problem */
  readonly describe: (node: string, address: Address) => Promise<NodeDescription>;
  /** Milliseconds for a started node to answer. */
  readonly patience: number;
}
