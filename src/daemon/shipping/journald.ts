import type { RunCommand } from '../../core/ports.ts';
import type { ShippedRecord } from './read-records.ts';
import type { Receiver, ReceiverSetup } from './receiver.ts';
import { severityOf } from './syslog-message.ts';

const socket = '/run/systemd/journal/socket';
const path = '/usr/local/bin:/usr/bin:/bin';

/**
 * Sends to the journal of systemd on this host by logger(1) of util-linux, because Node has no Unix datagram sockets.
 * journald's protocol has no acknowledgement: a record counts as received when it is in journald's socket.
 */
export function journaldReceiver({ run }: ReceiverSetup): Receiver {
  return {
    settle: 0,
    open: async (signal) => {
      // Without a journal, systemd's library reports success.
      if (await succeeds(run, ['test', '-S', socket], '', signal)) return 0;
      throw new Error(`there is no ${socket}: systemd-journald does not run here`);
    },
    send: async (records, signal) => {
      for (const record of records) {
        if (await succeeds(run, ['logger', '--journald'], entryOf(record), signal)) continue;
        throw new Error(`logger(1) did not take record ${record.record.sequence}`);
      }
    },
    close: () => {},
  };
}

/** Fields of systemd.journal-fields(7), one a line: a record has no newline. */
function entryOf({ record, line, hash }: ShippedRecord): string {
  const { node, sequence, kind } = record;
  const fields = {
    MESSAGE: line,
    PRIORITY: severityOf(record),
    SYSLOG_FACILITY: 13,
    SYSLOG_IDENTIFIER: 'mco-deploy-audit',
    MCO_NODE: node,
    MCO_SEQUENCE: sequence,
    MCO_HASH: hash,
    MCO_KIND: kind,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

async function succeeds(
  run: RunCommand,
  argv: readonly [string, ...string[]],
  stdin: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { code } = await run(argv, { timeout: 10_000, env: { PATH: path }, stdin, signal });
  return code === 0;
}
