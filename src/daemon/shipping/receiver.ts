import type { RunCommand, TlsState } from '../../core/ports.ts';
import type { ShippedRecord } from './read-records.ts';

/** Where records of the audit log are sent. */
export interface Receiver {
  /** Connects if needed. @returns how many of the last records to send again first; 0 for an existing connection */
  readonly open: (signal: AbortSignal) => Promise<number>;
  /**
   * Milliseconds that a connection must last after a batch until that counts as received; 0: the receiver acknowledges.
   */
  readonly settle: number;
  /** Resolves when the receiver has the records, as far as that is known at once. */
  readonly send: (records: readonly ShippedRecord[], signal: AbortSignal) => Promise<void>;
  readonly close: () => void;
}

/** What receivers need from the daemon. */
export interface ReceiverSetup {
  /** The node's current certificate, key and authorities. */
  readonly tls: () => TlsState;
  readonly run: RunCommand;
  /** Called when the connection to the receiver has ended. */
  readonly onLost: () => void;
}
