import type { Log } from '../../core/ports.ts';
import { count } from '../../core/text.ts';
import type { AuditLog } from '../audit/audit-log.ts';
import type { NodeConfig } from '../config/config.ts';
import type { MetricFamily } from '../metrics/text.ts';
import { type Cursor, openCursor } from './cursor.ts';
import { shippingFamilies } from './families.ts';
import type { ReceiverSetup } from './receiver.ts';
import { makeReceiver } from './receivers.ts';
import { type Shipper, type ShipperStatus, startShipper } from './shipper.ts';

/** Sends the audit log to its receivers (`audit.ship` of node.yaml). The log itself is the spool. */
export interface Shipping {
  /** The sequence number up to which every receiver has the records. */
  readonly sent: () => number;
  readonly begin: (audit: AuditLog, setup: Omit<ReceiverSetup, 'onLost'>, log: Log) => void;
  readonly warnings: () => readonly string[];
  readonly families: () => MetricFamily[];
  readonly stop: () => Promise<void>;
}

/**
 * Reads the position of each receiver, before the log may delete anything. @throws the error of the operating system
 */
export async function openShipping({ audit: { file, ship = {}, spool_bytes }, state }: NodeConfig): Promise<Shipping> {
  const cursors = new Map<string, Cursor>();
  for (const name of Object.keys(ship)) cursors.set(name, await openCursor(state, name));
  let shippers: readonly Shipper[] = [];
  const statuses = () => shippers.map(({ status }) => status());
  return {
    sent: () => Math.min(...[...cursors.values()].map((cursor) => cursor.at().sequence)),
    begin: (audit, setup, log) => {
      shippers = [...cursors].map(([name, cursor]) => {
        const config = ship[name] ?? {};
        const open = (onLost: () => void) => makeReceiver(config, { ...setup, onLost });
        return startShipper({ receiver: name, file, audit, cursor, open, log });
      });
    },
    warnings: () => statuses().flatMap((status) => warningsOf(status, spool_bytes)),
    families: () => shippingFamilies(statuses(), spool_bytes),
    stop: async () => {
      await Promise.all(shippers.map(({ stop }) => stop()));
    },
  };
}

function warningsOf({ receiver, fault, missing, waiting, waitingBytes }: ShipperStatus, spool: number): string[] {
  const wait = `${count(waiting, 'record')} (${waitingBytes} bytes)`;
  return [
    ...(fault === undefined ? [] : [`the audit log is not sent to “${receiver}”: ${fault}; ${wait} to be sent`]),
    ...(waitingBytes <= spool ? [] : [fullSpool(receiver, wait, spool)]),
    ...(missing === undefined
      ? []
      : [
          `${missing} of the audit log were removed before “${receiver}” received them: ask for a copy of the old files`,
        ]),
  ];
}

/** The common wording of the daemon and doctor. */
export function fullSpool(receiver: string, wait: string, spool: number): string {
  const what = `${wait} of the audit log wait for “${receiver}”, more than audit.spool_bytes (${spool})`;
  return `${what}: none of them is deleted; repair the receiver, or remove it from audit.ship`;
}
