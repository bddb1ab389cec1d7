import type { NodeDocument } from '../config/schema.ts';
import type { HttpsConfig } from './https.ts';
import { httpsReceiver } from './https.ts';
import { journaldReceiver } from './journald.ts';
import type { Receiver, ReceiverSetup } from './receiver.ts';
import { type SyslogConfig, syslogReceiver } from './syslog.ts';

/** A receiver as node.yaml has it: exactly one of the kinds. */
export type ReceiverConfig = NonNullable<NodeDocument['audit']['ship']>[string];

export function makeReceiver({ syslog, https }: ReceiverConfig, setup: ReceiverSetup): Receiver {
  if (syslog !== undefined) return syslogReceiver(syslog as SyslogConfig, setup);
  if (https !== undefined) return httpsReceiver(https as HttpsConfig, setup);
  return journaldReceiver(setup);
}
