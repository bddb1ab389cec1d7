import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { startNrpe } from '../../../src/agents/nrpe/agent.ts';
import { type Check, splitOutput } from '../../../src/agents/nrpe/check.ts';
import type { NrpeConfig, NrpeDaemon } from '../../../src/agents/nrpe/config.ts';
import { doctorNrpe } from '../../../src/agents/nrpe/doctor.ts';
import { makeQuery, parseAnswer } from '../../../src/agents/nrpe/remote/packet.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import { Problem } from '../../../src/core/errors.ts';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { type RealNrpe, startRealNrpe } from '../../support/agents/nrpe.ts';
import { runProgram } from '../../support/program/run-program.ts';

const plugins = '/usr/lib/nagios/plugins';
const commands = {
  dummy_ok: `${plugins}/check_dummy 0 "all 'is' well"`,
  dummy_warning: `${plugins}/check_dummy 1 'so so'`,
  dummy_critical: `${plugins}/check_dummy 2 bad`,
  dummy_unknown: `${plugins}/check_dummy 3`,
  users_ok: `${plugins}/check_users -w 1000 -c 2000`,
  procs_ok: `${plugins}/check_procs -c 1:1 -p 0 -C init`,
  procs_critical: `${plugins}/check_procs -c 1: -C no-such-program`,
  tcp_refused: `${plugins}/check_tcp -H 127.0.0.1 -p 1`,
  http_refused: `${plugins}/check_http -I 127.0.0.1 -p 1`,
  ssh_refused: `${plugins}/check_ssh -p 1 127.0.0.1`,
  smtp_refused: `${plugins}/check_smtp -H 127.0.0.1 -p 1`,
  file_age_missing: `${plugins}/check_file_age -f /no/such/file`,
  file_age_warning: `${plugins}/check_file_age -w 1 -c 999999999 -f /etc/os-release`,
  cluster_warning: `${plugins}/check_cluster --service -l web -d 0,2,0 -w 0 -c 1`,
  disk_none: `${plugins}/check_disk -w 1% -c 1% -p /no/such/directory`,
  negated: `${plugins}/negate -c OK ${plugins}/check_dummy 2 turned`,
  beyond: '/bin/sh -c "echo odd; exit 77"',
  perfdata: '/usr/bin/printf "TEXT | a=1;2;3\\nlong one\\nlong two | b=2\\nc=3\\n"',
  timeout: '/bin/sleep 60',
  twice: `${plugins}/check_dummy 0 later`,
};
const lines = [
  'dont_blame_nrpe=1',
  'command_timeout=4',
  `command[twice]=${plugins}/check_dummy 2 earlier`,
  ...Object.entries(commands).map(([name, line]) => `command[${name}]=${line}`),
  `command[args]=${plugins}/check_dummy $ARG1$ "$ARG2$"`,
];
const rules = { args: ['[0-3]', '[a-z ]{1,40}'] };

async function agent(config: NrpeConfig) {
  const { handlers } = await startNrpe(agentSetup<NrpeConfig>(config));
  const call = handlers.runcommand as unknown as (input: object, context: ActionContext) => Promise<Check>;
  const all = handlers.runallcommands as unknown as (input: object, context: ActionContext) => Promise<object>;
  return {
    run: (command: string, args?: string, context = actionContext()) =>
      call({ command, ...(args === undefined ? {} : { args }) }, context),
    all: () => all({}, actionContext()),
  };
}

/** Durations and ages of files differ from one moment to the next. */
const withoutTimes = (value: unknown) => String(value).replaceAll(/\d+\.\d+|\d+(?= seconds old)|(?<=age=)\d+/g, '#');

const fails = (code: string, words: RegExp) => (problem: unknown) => {
  assert.ok(problem instanceof Problem, String(problem));
  assert.equal(problem.code, code, problem.message);
  assert.match(problem.message, words);
  return true;
};

describe('the real NRPE daemon, called by check_nrpe, with the same configuration', () => {
  let real: RealNrpe;
  before(async () => {
    real = await startRealNrpe(lines);
  });
  after(() => real[Symbol.asyncDispose]());

  test('returns the same codes, outputs and performance data as the agent, in every state', async () => {
    const local = await agent({ config: real.configFile, arguments: rules });
    const seen = new Set<number>();
    for (const command of Object.keys(commands)) {
      const [{ code, out }, check] = await Promise.all([real.check(command), local.run(command)]);
      const { output, perfdata } = splitOutput(out);
      const expected = [Math.min(code, 3), output, perfdata];
      assert.deepEqual(
        [check.exitcode, check.output, check.perfdata].map(withoutTimes),
        expected.map(withoutTimes),
        command,
      );
      seen.add(check.exitcode);
    }
    assert.deepEqual([...seen].sort(), [0, 1, 2, 3]);
  });

  for (const packet of [2, 4] as const) {
    test(`returns the same replies to the agent as its client in packets of version ${packet}`, async () => {
      const daemon: NrpeDaemon = {
        host: '127.0.0.1',
        port: real.port,
        tls: 'anonymous',
        packet,
        commands: Object.keys(commands),
      };
      const remote = await agent({ config: '/nowhere', daemon });
      const local = await agent({ config: real.configFile });
      for (const command of ['dummy_ok', 'dummy_warning', 'procs_critical', 'dummy_unknown', 'beyond', 'perfdata'])
        assert.deepEqual(await remote.run(command), await local.run(command), command);
    });
  }

  test('receives no command that the configuration does not name, and no other arguments', async () => {
    const daemon: NrpeDaemon = { host: '127.0.0.1', port: real.port, tls: 'anonymous', packet: 4, commands: ['args'] };
    const remote = await agent({ config: '/nowhere', daemon, arguments: rules });
    assert.equal((await remote.run('dummy_ok')).output, 'No such command: dummy_ok');
    await assert.rejects(
      remote.run('args', '7!bad'),
      fails('refused-arguments', /argument 1 of args must match \[0-3\]/),
    );
    await assert.rejects(remote.run('args', '1'), fails('refused-arguments', /takes 2 arguments, not 1/));
  });

  test('replies to the checks of doctor, which reports if it does not', async () => {
    const daemon: NrpeDaemon = { host: '127.0.0.1', port: real.port, tls: 'anonymous', packet: 4, commands: ['args'] };
    const look = (more: Partial<NrpeDaemon> = {}) =>
      doctorNrpe({
        config: { config: '/nowhere', daemon: { ...daemon, ...more } },
        run: runCommand,
        signal: AbortSignal.timeout(10_000),
      });
    const [found] = await look();
    assert.deepEqual([found?.status, /answers: NRPE v4/.test(found?.what ?? '')], ['ok', true], found?.what);
    const [lost] = await look({ port: 1 });
    assert.deepEqual([lost?.status, /cannot be reached: connection refused/.test(lost?.what ?? '')], ['broken', true]);
  });

  test('makes the check UNKNOWN if it does not reply in time, and a cancelled call ends', async () => {
    const daemon: NrpeDaemon = {
      host: '127.0.0.1',
      port: real.port,
      tls: 'anonymous',
      packet: 4,
      commands: ['timeout'],
    };
    const remote = await agent({ config: '/nowhere', daemon, timeout: 0.2 });
    const check = await remote.run('timeout');
    assert.deepEqual([check.exitcode, check.output], [3, 'NRPE: Command timed out after 0.2 seconds']);
    const patient = await agent({ config: '/nowhere', daemon });
    const stop = new AbortController();
    const call = patient.run('timeout', undefined, actionContext({ signal: stop.signal }));
    stop.abort();
    await assert.rejects(call, fails('cancelled', /timeout was cancelled/));
  });
});

describe('an NRPE daemon with certificates', () => {
  let fleet: Fleet;
  let real: RealNrpe;
  let daemon: NrpeDaemon;
  before(async () => {
    fleet = await makeFleet();
    const { files } = await fleet.node('nrpe1.devco.net');
    const client = await fleet.node('dev2.devco.net');
    real = await startRealNrpe([
      ...lines,
      `ssl_cert_file=${files.certificate}`,
      `ssl_privatekey_file=${files.key}`,
      `ssl_cacert_file=${files.ca}`,
      'ssl_client_certs=2',
    ]);
    daemon = {
      host: '127.0.0.1',
      port: real.port,
      tls: 'verified',
      packet: 4,
      server_name: 'nrpe1.devco.net',
      ca_file: files.ca,
      certificate_file: client.files.certificate,
      key_file: client.files.key,
      commands: ['dummy_ok'],
    };
  });
  after(async () => {
    await real[Symbol.asyncDispose]();
    await fleet.remove();
  });

  test('is verified, and verifies its client', async () => {
    assert.equal((await (await agent({ config: '/nowhere', daemon })).run('dummy_ok')).output, "OK: all 'is' well");
    const { certificate_file: _certificate, key_file: _key, ...stranger } = daemon;
    const asked = (await agent({ config: '/nowhere', daemon: stranger })).run('dummy_ok');
    await assert.rejects(asked, (problem: Problem) => /^nrpe-/.test(problem.code));
  });

  test('is not called under another name or with another authority’s certificate', async () => {
    const other = await agent({ config: '/nowhere', daemon: { ...daemon, server_name: 'nrpe2.devco.net' } });
    await assert.rejects(other.run('dummy_ok'), fails('nrpe-unreachable', /nrpe2\.devco\.net/));
    await using foreign = await makeFleet();
    const wrong = { ...daemon, ca_file: join(foreign.dir, 'ca.crt') };
    await assert.rejects(
      (await agent({ config: '/nowhere', daemon: wrong })).run('dummy_ok'),
      fails('nrpe-unreachable', /./),
    );
  });

  test('is not called in plain text or unverified if certificates are configured', async () => {
    for (const tls of ['none', 'anonymous'] as const) {
      await assert.rejects(
        agent({ config: '/nowhere', daemon: { ...daemon, tls } }),
        fails('bad-nrpe-configuration', /certificates need “tls: verified”/),
      );
    }
  });
});

describe('a query', () => {
  /** The first packet of check_nrpe, the reference: NRPE's daemons of version 4 refuse packets of version 3. */
  const sentByCheckNrpe = async (...options: string[]): Promise<Buffer> => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const first = new Promise<Buffer>((resolve) => {
      server.on('connection', (socket) => {
        socket.on('error', () => {});
        socket.once('data', (query) => {
          resolve(query);
          socket.destroy();
        });
      });
    });
    const where = ['-n', '-H', '127.0.0.1', '-p', String(port), ...options, '-c', 'check_load'];
    await runProgram(`${plugins}/check_nrpe`, where);
    server.close();
    return first;
  };

  test('matches check_nrpe to the byte in packets of version 3 and 4', async () => {
    assert.deepEqual(makeQuery('check_load', 3), await sentByCheckNrpe('-3'));
    assert.deepEqual(makeQuery('check_load', 4), await sentByCheckNrpe());
  });

  test('has the same length and content in a packet of version 2', async () => {
    const [ours, theirs] = [makeQuery('check_load', 2), await sentByCheckNrpe('-2')];
    assert.equal(ours.length, theirs.length);
    assert.deepEqual(ours.subarray(10, 21), theirs.subarray(10, 21));
    assert.throws(() => makeQuery('x'.repeat(1024), 2), fails('bad-query', /cannot carry 1024 bytes/));
  });

  test('accepts only whole and unaltered replies', () => {
    for (const version of [2, 3, 4] as const) {
      const answer = makeQuery('so so', version);
      answer.writeInt16BE(2, 2);
      answer.writeInt16BE(1, 8);
      answer.writeUInt32BE(0, 4);
      answer.writeUInt32BE(crc32(answer), 4);
      assert.deepEqual(parseAnswer(answer, version), { code: 1, text: 'so so' });
      assert.throws(() => parseAnswer(answer.subarray(0, -1), version), fails('nrpe-bad-answer', /ends early/));
      const altered = Buffer.from(answer);
      altered.write('no no', version === 2 ? 10 : 16);
      assert.throws(() => parseAnswer(altered, version), fails('nrpe-bad-answer', /checksum/));
      assert.throws(() => parseAnswer(makeQuery('x', version), version), fails('nrpe-bad-answer', /not a response/));
      const other = version === 4 ? 2 : 4;
      assert.throws(() => parseAnswer(answer, other), fails('nrpe-bad-answer', /of version \d, not \d/));
    }
  });
});

describe('an NRPE daemon without TLS', () => {
  test('is called in plain text if the configuration allows it', async () => {
    await using real = await startRealNrpe(lines, ['--no-ssl']);
    const daemon: NrpeDaemon = { host: '127.0.0.1', port: real.port, tls: 'none', packet: 4, commands: ['dummy_ok'] };
    assert.equal((await (await agent({ config: '/nowhere', daemon })).run('dummy_ok')).state, 'OK');
  });

  test('affects only the call if it sends nonsense, too much, or nothing', async () => {
    const answers = [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), Buffer.alloc(4_000_000, 0x7f), Buffer.alloc(0)];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(answers.shift() ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const daemon: NrpeDaemon = { host: '127.0.0.1', port, tls: 'none', packet: 4, commands: ['x'] };
    const { run } = await agent({ config: '/nowhere', daemon });
    await assert.rejects(run('x'), fails('nrpe-bad-answer', /announces/));
    await assert.rejects(run('x'), fails('nrpe-bad-answer', /announces/));
    await assert.rejects(run('x'), fails('nrpe-bad-answer', /there is none/));
    server.close();
    await assert.rejects(run('x'), fails('nrpe-unreachable', /connection refused/));
  });
});

describe('a caller’s arguments', () => {
  const config = (text: string) => {
    const file = join(temporaryDirectory(), 'nrpe.cfg');
    writeFileSync(file, text);
    return file;
  };

  test('do not make a command with arguments look broken', async () => {
    const file = config(
      `dont_blame_nrpe=1\ncommand[args]=${plugins}/check_dummy $ARG1$\ncommand[off]=/bin/echo $ARG1$\n`,
    );
    const setup = { config: { config: file, arguments: { args: ['[0-3]'] } }, run: runCommand };
    const findings = await doctorNrpe({ ...setup, signal: new AbortController().signal });
    assert.deepEqual(
      findings.map(({ status }) => status),
      ['ok', 'broken'],
    );
    assert.match(findings[0]?.what ?? '', /defines 1 command that can be run/);
    assert.match(findings[1]?.what ?? '', /command\[off\].*node\.yaml allows none/);
  });

  test('reach an NRPE daemon separated by “!”', async () => {
    const asked: string[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', (query) => {
        asked.push(query.subarray(16, query.indexOf(0, 16)).toString());
        socket.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const daemon: NrpeDaemon = { host: '127.0.0.1', port, tls: 'none', packet: 4, commands: ['args'] };
    const { run } = await agent({ config: '/nowhere', daemon, arguments: rules });
    await assert.rejects(run('args', '2!so so'), fails('nrpe-bad-answer', /there is none/));
    assert.deepEqual(asked, ['args!2!so so']);
    server.close();
  });

  test('are off unless both nrpe.cfg and node.yaml allow them', async () => {
    const command = `command[args]=${plugins}/check_dummy $ARG1$ "$ARG2$"\n`;
    const off = await agent({ config: config(command), arguments: rules });
    await assert.rejects(off.run('args', '0!x'), fails('refused-command', /dont_blame_nrpe in nrpe\.cfg is not 1/));
    const unlisted = await agent({ config: config(`dont_blame_nrpe=1\n${command}`) });
    await assert.rejects(unlisted.run('args', '0!x'), fails('refused-command', /node\.yaml allows none/));
    const plain = await agent({ config: config(`command[plain]=${plugins}/check_dummy 0\n`) });
    await assert.rejects(
      plain.run('plain', '0'),
      fails('refused-arguments', /plain does not accept arguments from callers/),
    );
  });

  test('stay one word each, whatever they contain, and never name the program', async () => {
    const text = [
      'dont_blame_nrpe=1',
      'command[show]=/usr/bin/printf [%s] $ARG1$ "$ARG2$" x$ARG1$y',
      'command[program]=$ARG1$ -x',
      '',
    ].join('\n');
    const { run } = await agent({
      config: config(text),
      arguments: { show: ['.*', '.*'], program: ['.*'] },
    });
    const { output } = await run('show', '$ARG2$ a b!$& $1');
    assert.equal(output, '[$ARG2$ a b][$& $1][x$ARG2$ a by]');
    await assert.rejects(run('program', '/bin/sh'), fails('refused-command', /the caller would name the program/));
  });

  test('refuse the command unless there is a pattern for every position', async () => {
    const file = config('dont_blame_nrpe=1\ncommand[two]=/bin/echo $ARG1$ $ARG2$\n');
    const { run } = await agent({ config: file, arguments: { two: ['a'] } });
    await assert.rejects(run('two', 'a'), fails('refused-command', /there is no argument for \$ARG2\$/));
    await assert.rejects(
      agent({ config: file, arguments: { two: ['('] } }),
      fails('bad-nrpe-configuration', /the arguments of two: \(:/),
    );
  });
});
