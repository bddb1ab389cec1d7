import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createServer as createTls, type Server, type TLSSocket } from 'node:tls';
import type { AuditRecord } from '../../../../src/core/audit/record.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { CommandResult, RunCommand } from '../../../../src/core/ports.ts';
import { openCursor, readCursor } from '../../../../src/daemon/shipping/cursor.ts';
import { openShipping } from '../../../../src/daemon/shipping/shipping.ts';
import { shippingFamilies } from '../../../../src/daemon/shipping/families.ts';
import { httpsReceiver } from '../../../../src/daemon/shipping/https.ts';
import { journaldReceiver } from '../../../../src/daemon/shipping/journald.ts';
import { makeReceiver } from '../../../../src/daemon/shipping/receivers.ts';
import { syslogReceiver } from '../../../../src/daemon/shipping/syslog.ts';
import { severityOf, syslogFrame } from '../../../../src/daemon/shipping/syslog-message.ts';
import { silentLog, temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { watchFileCalls } from '../../../support/faults/file-calls.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { startHttpsReceiver } from '../../../support/receivers/https-receiver.ts';
import { until } from '../../../support/until.ts';

let fleet: Fleet;
let node: Member;
let siem: Member;
before(async () => {
  fleet = await makeFleet();
  [node, siem] = await Promise.all([fleet.node('dev2.devco.net'), fleet.node('localhost')]);
});
after(() => fleet.remove());

const { signal } = new AbortController();
const neverRun: RunCommand = async () => assert.fail('nothing is run');
const setup = (onLost = () => {}, run = neverRun) => ({
  tls: () => ({ credentials: node.credentials, trust: fleet.trust }),
  run,
  onLost,
});

function shipped(sequence: number, fields: object = { kind: 'intent' }) {
  const record = { sequence, time: '2026-01-01T00:00:00.000Z', node: 'dev2.devco.net', ...fields } as AuditRecord;
  return { record, line: JSON.stringify({ ...record, more: 'ü' }), hash: `hash${sequence}` };
}

describe('a message of syslog', () => {
  test('has the layout of RFC 5424, with its length in bytes', () => {
    const one = shipped(7);
    const text = syslogFrame(one, 13).toString('utf8');
    const message = text.slice(text.indexOf(' ') + 1);
    assert.equal(text.split(' ')[0], String(Buffer.byteLength(message)));
    const data = '[mco-deploy@32473 node="dev2.devco.net" sequence="7" hash="hash7"]';
    const head = `<110>1 2026-01-01T00:00:00.000Z dev2.devco.net mco-deploy - intent ${data} `;
    assert.equal(message, head + one.line);
    assert.match(syslogFrame(one, 4).toString('utf8'), /^\d+ <38>1 /);
  });

  test('is a warning where something failed, was refused, or was changed by others', () => {
    const cases: [object, number][] = [
      [{ kind: 'intent' }, 6],
      [{ kind: 'outcome', outcome: 'ok' }, 6],
      [{ kind: 'outcome', outcome: 'failed' }, 4],
      [{ kind: 'outcome', outcome: 'refused' }, 4],
      [{ kind: 'ended', outcome: 'ok' }, 6],
      [{ kind: 'ended', outcome: 'failed' }, 4],
      [{ kind: 'displaced' }, 4],
      [{ kind: 'recovered' }, 4],
      [{ kind: 'started' }, 5],
    ];
    for (const [fields, severity] of cases) {
      assert.equal(severityOf(fields as AuditRecord), severity, JSON.stringify(fields));
    }
  });
});

describe('a receiver of syslog over TLS', () => {
  const servers: Server[] = [];
  const sockets = new Set<TLSSocket>();
  after(() => {
    for (const server of servers) server.close();
    for (const socket of sockets) socket.destroy();
  });

  const listen = async (member: Member, onSocket: (socket: TLSSocket) => void, port = 0) => {
    const { keyPem: key, certificatePem: cert, caPem: ca } = member;
    const server = createTls({ key, cert, ca, requestCert: true, rejectUnauthorized: true }, (socket) => {
      sockets.add(socket.on('error', () => {}));
      onSocket(socket);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    servers.push(server);
    return (server.address() as AddressInfo).port;
  };
  const config = (port: number, more: object = {}) => ({
    ...{ host: '127.0.0.1', name: 'localhost', port, facility: 13, overlap: 5 },
    ...more,
  });

  test('takes every frame over one connection, which begins with the records that were sent last', async () => {
    const arrived = Promise.withResolvers<void>();
    let [text, connections, client] = ['', 0, ''];
    const port = await listen(siem, (socket) => {
      connections++;
      client = socket.getPeerX509Certificate()?.subject ?? '';
      socket.on('data', (bytes) => {
        text += bytes.toString('utf8');
        if (text.includes('hash3')) arrived.resolve();
      });
    });
    const receiver = makeReceiver({ syslog: config(port) }, setup());
    assert.deepEqual([await receiver.open(signal), await receiver.open(signal)], [5, 0]);
    await receiver.send([shipped(1), shipped(2)], signal);
    await receiver.send([shipped(3)], signal);
    await arrived.promise;
    receiver.close();
    assert.equal(text, [1, 2, 3].map((one) => syslogFrame(shipped(one), 13).toString('utf8')).join(''));
    assert.deepEqual([connections, /dev2\.devco\.net/.test(client)], [1, true]);
    assert.equal(receiver.settle, 10_000, 'the protocol acknowledges nothing');
  });

  test('is known to be lost when it closes the connection, and is connected to again', async () => {
    const mine: TLSSocket[] = [];
    const accepted = Promise.withResolvers<TLSSocket>();
    const port = await listen(siem, (socket) => {
      mine.push(socket);
      socket.write('what a receiver never sends');
      accepted.resolve(socket);
    });
    const lost = Promise.withResolvers<void>();
    const receiver = syslogReceiver(config(port), setup(lost.resolve));
    await assert.rejects(receiver.send([shipped(1)], signal), /there is no connection/);
    await receiver.open(signal);
    (await accepted.promise).end();
    await lost.promise;
    await assert.rejects(receiver.send([shipped(1)], signal), /it closed the connection/);
    assert.equal(await receiver.open(signal), 5);
    await until('the receiver has a second connection', () => mine.length === 2);
    receiver.close();
  });

  test('is not used under another name, from another authority, with another kind of certificate or a revoked one', async () => {
    const quiet = () => {};
    const foreign = await makeFleet();
    const strangers = await foreign.node('localhost');
    const revoked = await fleet.node('localhost');
    fleet.revoke(revoked);
    const refused: [Member, object, RegExp][] = [
      [siem, { name: 'other.devco.net' }, /other\.devco\.net/],
      [strangers, {}, /self-signed|no CA that is trusted here/],
      [revoked, {}, /revoked/],
      [await fleet.operator('localhost'), {}, /unsuitable certificate purpose/],
    ];
    for (const [member, more, why] of refused) {
      const receiver = syslogReceiver(config(await listen(member, quiet), more), setup());
      await assert.rejects(receiver.open(signal), (error: Error) => why.test(error.message));
    }
    const ca = join(foreign.dir, 'ca.crt');
    const port = await listen({ ...strangers, caPem: fleet.caPem }, quiet);
    const trusted = syslogReceiver(config(port, { ca }), setup());
    assert.equal(await trusted.open(signal), 5, 'a CA of the configuration counts instead of the fleet’s');
    trusted.close();
    await foreign.remove();
  });

  test('can be given up while it connects', async () => {
    const port = await listen(siem, () => {});
    const receiver = syslogReceiver(config(port), setup());
    await assert.rejects(receiver.open(AbortSignal.abort()), { name: 'AbortError' });
  });

  test('can be given up while it does not read', async () => {
    const port = await listen(siem, (socket) => socket.pause());
    const receiver = syslogReceiver(config(port), setup());
    await receiver.open(signal);
    const ending = new AbortController();
    const large = { ...shipped(1), line: 'x'.repeat(32 * 1024 * 1024) };
    const sent = assert.rejects(receiver.send([large], ending.signal));
    setImmediate(() => ending.abort());
    await sent;
    await assert.rejects(receiver.send([shipped(2)], signal), { message: 'it closed the connection' });
  });
});

describe('a receiver at an HTTPS endpoint', () => {
  const bodyOf = (token = 'open-sesame\n') => {
    const token_file = join(temporaryDirectory(), 'token');
    writeFileSync(token_file, token);
    return { token_file, ca: join(fleet.dir, 'ca.crt') };
  };

  test('takes a batch as lines of JSON, with the token and the node’s certificate, byte for byte', async () => {
    await using endpoint = await startHttpsReceiver(siem, 'open-sesame');
    const receiver = makeReceiver({ https: { url: endpoint.url, ...bodyOf() } }, setup());
    assert.deepEqual([await receiver.open(signal), receiver.settle], [0, 0]);
    await receiver.send([shipped(1), shipped(2)], signal);
    assert.deepEqual(
      endpoint.lines,
      [1, 2].map((sequence) => {
        const { record, hash, line } = shipped(sequence);
        return { node: record.node, sequence, hash, record: line };
      }),
    );
    assert.match([...endpoint.askers].join(), /dev2\.devco\.net/);
  });

  test('has not taken a batch that it answers with anything but 2xx', async () => {
    await using endpoint = await startHttpsReceiver(siem, 'open-sesame');
    const receiver = httpsReceiver({ url: endpoint.url, ...bodyOf() }, setup());
    for (const status of [300, 404, 503]) {
      endpoint.answer = () => status;
      await assert.rejects(receiver.send([shipped(1)], signal), { message: `it answers ${status} not now` });
    }
    endpoint.answer = () => 299;
    await receiver.send([shipped(1)], signal);
    const wrong = httpsReceiver({ url: endpoint.url, ...bodyOf('other') }, setup());
    await assert.rejects(wrong.send([shipped(1)], signal), { message: 'it answers 401 not now' });
    const { token_file: _token, ...without } = bodyOf();
    await assert.rejects(httpsReceiver({ url: endpoint.url, ...without }, setup()).send([], signal), /401/);
  });

  test('has a minute to acknowledge a batch', async (t) => {
    await using endpoint = await startHttpsReceiver(siem, 'open-sesame');
    const receiver = httpsReceiver({ url: endpoint.url, ...bodyOf() }, setup());
    const times: number[] = [];
    t.mock.method(AbortSignal, 'timeout', (time: number) => {
      times.push(time);
      return AbortSignal.abort(new Error('too late'));
    });
    await assert.rejects(receiver.send([shipped(1)], signal), { name: 'AbortError' });
    assert.deepEqual(times, [60_000]);
  });

  test('complains in one line for a terminal, however long and whatever it writes', async () => {
    await using endpoint = await startHttpsReceiver(siem, 'open-sesame');
    const receiver = httpsReceiver({ url: endpoint.url, ...bodyOf() }, setup());
    endpoint.answer = () => 503;
    endpoint.complaint = `\u001b[31mfull${'!'.repeat(200)}\nmore`;
    const line = `\\u001b[31mfull${'!'.repeat(106)}`;
    await assert.rejects(receiver.send([shipped(1)], signal), { message: `it answers 503 ${line}` });
    endpoint.complaint = '';
    await assert.rejects(receiver.send([shipped(1)], signal), { message: 'it answers 503' });
  });

  test('is not trusted without the CA of the configuration, and can be given up', async () => {
    await using endpoint = await startHttpsReceiver(siem, 'open-sesame');
    const { token_file } = bodyOf();
    const foreign = httpsReceiver({ url: endpoint.url, token_file }, setup());
    await assert.rejects(foreign.send([shipped(1)], signal), /certificate/);
    const receiver = httpsReceiver({ url: endpoint.url, ...bodyOf() }, setup());
    await assert.rejects(receiver.send([shipped(1)], AbortSignal.abort()), { name: 'AbortError' });
    assert.deepEqual(endpoint.lines, []);
  });
});

describe('the journal of this host as a receiver', () => {
  const result: CommandResult = { code: 0, signal: null, stdout: '', stderr: '', truncated: false };

  test('gets each record as one entry of logger(1), with its fields', async () => {
    const calls: [readonly string[], Parameters<RunCommand>[1]][] = [];
    const run: RunCommand = async (...call) => {
      calls.push(call);
      return result;
    };
    const receiver = makeReceiver({ journald: {} } as never, setup(undefined, run));
    assert.deepEqual([await receiver.open(signal), receiver.settle], [0, 0]);
    const failed = shipped(2, { kind: 'outcome', outcome: 'failed' });
    await receiver.send([shipped(1), failed], signal);
    assert.deepEqual(
      calls.map(([argv, { timeout }]) => [argv.join(' '), timeout]),
      [
        ['test -S /run/systemd/journal/socket', 10_000],
        ['logger --journald', 10_000],
        ['logger --journald', 10_000],
      ],
    );
    assert.deepEqual(calls[2]?.[1].stdin?.split('\n'), [
      `MESSAGE=${failed.line}`,
      'PRIORITY=4',
      'SYSLOG_FACILITY=13',
      'SYSLOG_IDENTIFIER=mco-deploy-audit',
      'MCO_NODE=dev2.devco.net',
      'MCO_SEQUENCE=2',
      'MCO_HASH=hash2',
      'MCO_KIND=outcome',
      '',
    ]);
  });

  test('has not taken a record if logger(1) fails, and no later one is sent', async () => {
    let calls = 0;
    const run: RunCommand = async () => ({ ...result, code: ++calls === 2 ? 1 : 0 });
    const sent = journaldReceiver(setup(undefined, run)).send([shipped(1), shipped(2), shipped(3)], signal);
    await assert.rejects(sent, /logger\(1\) did not take record 2/);
    assert.equal(calls, 2);
    const none = journaldReceiver(setup(undefined, async () => ({ ...result, code: 1 })));
    await assert.rejects(none.open(signal), /there is no \/run\/systemd\/journal\/socket/);
  });
});

describe('the position of a receiver', () => {
  test('moves forward only when it is on the disk, and back at once', async () => {
    const state = temporaryDirectory();
    const cursor = await openCursor(state, 'siem');
    assert.equal(cursor.at().sequence, 0);
    const moved = cursor.move({ sequence: 7, hash: 'x' });
    assert.equal(cursor.at().sequence, 0, 'the log may delete nothing yet');
    await moved;
    assert.deepEqual(cursor.at(), { sequence: 7, hash: 'x' });
    assert.deepEqual(await readCursor(state, 'siem'), { sequence: 7, hash: 'x' });
    assert.equal(statSync(join(state, 'audit-ship')).mode & 0o777, 0o700);
    const back = cursor.move({ sequence: 2, hash: 'y' });
    assert.equal(cursor.at().sequence, 2);
    await back;
    assert.equal((await openCursor(state, 'siem')).at().sequence, 2);
  });

  test('is on the disk, and not only in its cache, before it counts', async () => {
    const state = temporaryDirectory();
    const cursor = await openCursor(state, 'siem');
    await cursor.move({ sequence: 1, hash: 'x' });
    const counted: number[] = [];
    using _watch = watchFileCalls(state, async ({ name }, _args, real) => {
      if (name === 'sync') counted.push(cursor.at().sequence);
      return await real();
    });
    await cursor.move({ sequence: 2, hash: 'y' });
    assert.deepEqual(counted, [1, 1], 'its content and its name are synced');
  });

  test('is that of the slowest receiver where the log asks what it may delete', async () => {
    const state = temporaryDirectory();
    for (const [name, sequence] of [
      ['fast', 9],
      ['slow', 4],
    ] as const) {
      await (await openCursor(state, name)).move({ sequence, hash: 'x' });
    }
    const audit = { file: join(state, 'audit.jsonl'), spool_bytes: 1 };
    const sent = async (...names: string[]) => {
      const ship = Object.fromEntries(names.map((name) => [name, {}]));
      return (await openShipping({ audit: { ...audit, ship }, state } as never)).sent();
    };
    assert.equal(await sent('fast', 'slow'), 4);
    assert.equal(await sent('slow', 'fast'), 4);
    assert.equal(await sent('fast', 'slow', 'new'), 0);
    assert.equal(await sent(), Number.POSITIVE_INFINITY, 'nobody waits for it');
  });

  test('stays where it is if it cannot be written, with the file in the message', async () => {
    const state = temporaryDirectory();
    const cursor = await openCursor(state, 'siem');
    mkdirSync(join(state, 'audit-ship/siem.json'), { recursive: true });
    await assert.rejects(
      cursor.move({ sequence: 1, hash: 'x' }),
      (error: unknown) =>
        error instanceof Problem && error.code === 'unwritable-state' && /audit-ship\/siem\.json/.test(error.message),
    );
    assert.equal(cursor.at().sequence, 0);
    await assert.rejects(readCursor(state, 'siem'), { code: 'EISDIR' });
  });

  test('starts over if its file has something else', async () => {
    const state = temporaryDirectory();
    mkdirSync(join(state, 'audit-ship'));
    for (const text of ['', '[]', '{"sequence":1.5,"hash":"x"}', '{"sequence":1}', '{"hash":"x"}']) {
      writeFileSync(join(state, 'audit-ship/siem.json'), text);
      assert.equal((await readCursor(state, 'siem')).sequence, 0, text);
    }
    assert.equal(readFileSync(join(state, 'audit-ship/siem.json'), 'utf8'), '{"hash":"x"}');
  });
});

describe('the metrics of the receivers', () => {
  test('are one sample for each receiver, and report a spool that is over its size', () => {
    const status = { sent: 1, failures: 2, waiting: 3, fault: undefined, missing: undefined };
    const families = shippingFamilies(
      [
        { ...status, receiver: 'full', waitingBytes: 101 },
        { ...status, receiver: 'not', waitingBytes: 100 },
      ],
      100,
    );
    assert.deepEqual(
      families.map(({ name, samples }) => [
        name.replace('mco_deploy_audit_', ''),
        ...samples.map(({ value }) => value),
      ]),
      [
        ['sent_total', 1, 1],
        ['send_failures_total', 2, 2],
        ['unsent_records', 3, 3],
        ['unsent_bytes', 101, 100],
        ['spool_full', 1, 0],
      ],
    );
    assert.deepEqual(families[0]?.samples[1]?.labels, { receiver: 'not' });
  });
});

describe('the warnings about the receivers', () => {
  test('report a spool only if more waits than its size', async () => {
    const state = temporaryDirectory();
    const file = join(state, 'audit.jsonl');
    writeFileSync(file, `${JSON.stringify({ v: 1, sequence: 1, kind: 'intent' })}\n`);
    const { size } = statSync(file);
    const ship = { siem: { https: { url: 'https://localhost', token_file: join(state, 'none') } } };
    const audit = { safe: () => ({ sequence: 1 }), onSafe: () => {}, continues: async () => true };
    const full = async (spool_bytes: number) => {
      const shipping = await openShipping({ audit: { file, ship, spool_bytes }, state } as never);
      shipping.begin(audit as never, setup(), silentLog);
      await until('it has failed and counted', () => JSON.stringify(shipping.families()).includes(`"value":${size}`));
      const found = shipping.warnings().filter((one) => one.includes('audit.spool_bytes'));
      await shipping.stop();
      return found.length;
    };
    assert.deepEqual([await full(size - 1), await full(size)], [1, 0]);
  });
});
