import type { RunCommand, TlsState } from '../../core/ports.ts';
import type { ShippedRecord } from './read-records.ts';

/** Where records of the audit log are sent. */
export interface Receiver {
  /** Connects where that is needed. @returns how many of the last records to send again first; 0 when the connection is an old one */
  readonly open: (signal: AbortSignal) => Promise<number>;
  /** Milliseconds that a connection must last after a batch until that counts as taken; 0: the receiver gives receipts. */
  readonly settle: number;
  /** Resolves when the receiver has taken the records, as far as that can be known at once. */
  readonly send: (records: readonly ShippedRecord[], signal: AbortSignal) => Promise<void>;
  readonly close: () => void;
}

/** What receivers need of the daemon. */
export interface ReceiverSetup {
  /** The node's certificate, key and authorities as they are now. */
  readonly tls: () => TlsState;
  readonly run: RunCommand;
  /** Called when the connection to the receiver has ended. */
  readonly onLost: () => void;
}
