import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { createStore, openStore } from '../../../../src/ca/store/store.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { fingerprintOf, makeRequest } from '../../../../src/ca/x509/request.ts';
import { judgeHost, parseInspection } from '../../../../src/client/install/inspect.ts';
import { carryOut } from '../../../../src/client/install/install-host.ts';
import type { InstallHostOptions } from '../../../../src/client/install/install-options.ts';
import { makePlan } from '../../../../src/client/install/plan.ts';
import type { Program } from '../../../../src/client/install/program.ts';
import type { Remote, Script } from '../../../../src/client/install/ssh.ts';
import { unitFile } from '../../../../src/client/install/files/unit.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { formatManifest } from '../../../../src/core/node-files/manifest.ts';
import type { ProblemCode } from '../../../../src/core/problems/index.ts';
import type { NodeDescription } from '../../../../src/core/wire/messages.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { isProblem } from '../../../support/thrown.ts';

let fleet: Fleet;
let member: Member;
before(async () => {
  fleet = await makeFleet();
  member = await fleet.node('dev1.devco.net');
});
after(() => fleet.remove());

const target = { node: 'dev1.devco.net', host: 'dev1' };
const program: Program = { form: 'binary', file: '/p', size: 100, sha256: 'new', machine: 'x86_64', version: '' };
const sum = (text: string) => (text === '' ? '' : createHash('sha256').update(text).digest('hex'));
const base64 = (text: string) => Buffer.from(text).toString('base64');
const places = {
  ...{ port: 8140, certificate: '/e/node.crt', key: '/e/node.key', ca: '/e/ca.crt', crl: '/e/crl.pem' },
  ...{ facts: '/e/facts.d', classes: '/e/classes.txt', policies: '/e/policies', state: '/var/l', auditFile: '/log/a' },
};

/** What is on the fake host. */
interface Host {
  /** Texts by path. */
  readonly files: Readonly<Record<string, string>>;
  readonly program: string;
  readonly packageVersion: string;
  readonly key: boolean;
  readonly listening: boolean;
  readonly systemd: boolean;
  readonly missing: readonly string[];
  readonly writable: boolean;
}

const fresh: Host = {
  ...{ files: {}, program: '', packageVersion: '', key: false, listening: false, systemd: true, missing: ['/srv/app'] },
  writable: true,
};

/** A fake host: it answers the scripts as the real ones do, from values, and keeps which were run as root. */
function fakeHost(host: Host, fails: (purpose: string) => boolean = () => false) {
  const ran: string[] = [];
  const run = async ({ purpose, values, payload }: Script, asRoot = false) => {
    ran.push(`${purpose}${asRoot ? ' as root' : ''}`);
    payload?.resume();
    const lines: (readonly [string, string | number])[] = [];
    if (purpose === 'check the host') {
      lines.push(['system', 'Linux'], ['machine', 'x86_64'], ['clock', Math.floor(Date.now() / 1000)], ['sudo', 'yes']);
      lines.push(['uid', '1000'], ['systemd', host.systemd ? 'yes' : '']);
      for (const directory of values)
        lines.push(...(host.writable ? [['writable', directory] as const] : []), ['free', 900]);
    } else if (purpose === 'check what is installed') {
      const paths = values.slice(values.lastIndexOf('--') + 1);
      lines.push(['program', host.program], ['package', host.packageVersion], ['key', host.key ? 'yes' : '']);
      lines.push(['listening', host.listening ? 'yes' : ''], ['certificate', base64(host.files['/e/node.crt'] ?? '')]);
      lines.push(['manifest', base64(host.files['/e/applied.json'] ?? '')]);
      for (const directory of host.missing) lines.push(['missing', directory]);
      for (const path of paths) {
        lines.push(['sum', sum(host.files[path] ?? '')], ['content', base64(host.files[path] ?? '')]);
      }
    }
    const out = lines.map(([name, value]) => `${name}=${value}\n`).join('');
    return fails(purpose) ? { code: 1, out, lastError: 'no' } : { code: 0, out, lastError: '' };
  };
  const remote: Remote = { run, address: async () => '10.0.0.1', close: async () => {} };
  return { remote, ran };
}

const description = { node: 'dev1.devco.net' } as unknown as NodeDescription;
const file = (path: string, content: string, needs?: 'reload' | 'restart') => ({
  ...{ path, content, mode: 0o644, theirs: needs !== undefined },
  ...(needs === undefined ? {} : { needs }),
});

function options(more: Partial<InstallHostOptions> = {}): InstallHostOptions {
  const { certificate } = fleet.authority;
  return {
    program,
    desired: {
      paths: { program: '/usr/local/bin/mco-deploy', directory: '/e', staging: '/var/tmp' },
      places,
      relay: false,
      files: [file('/e/node.yaml', 'a: 1\n', 'restart'), file('/e/classes.txt', 'web\n', 'reload')],
      ...{ directories: ['/srv/app'], sockets: [], units: {} },
    },
    store: { realm: 'devco.net', holders: [{ certificate, above: [] }] } as unknown as InstallHostOptions['store'],
    authority: async () => fleet.authority,
    ...{ service: undefined, dryRun: false, replace: false, patience: 0 },
    ssh: { env: {}, signal: new AbortController().signal },
    describe: async () => description,
    ...more,
  };
}

/** The host after an installation with these options. */
async function installed(): Promise<Host> {
  const { remote } = fakeHost(fresh);
  const { write, manifest = '' } = await makePlan(target, options(), remote);
  return {
    ...{ program: 'new', packageVersion: '', key: true, listening: true, systemd: true, missing: [], writable: true },
    files: {
      ...Object.fromEntries(write.map(({ path, content }) => [path, content])),
      '/e/applied.json': manifest,
      '/e/node.crt': member.certificatePem,
    },
  };
}

describe('the plan for a host', () => {
  test('brings everything to one that has nothing', async () => {
    const { remote, ran } = fakeHost(fresh);
    const plan = await makePlan(target, options(), remote);
    assert.deepEqual(plan.changes, [
      '/usr/local/bin/mco-deploy',
      'certificate (has no key yet)',
      '/e/node.yaml',
      '/e/classes.txt',
      unitFile,
      '/etc/systemd/system/mco-deploy-config.socket',
      '/etc/systemd/system/mco-deploy-config@.service',
      '/srv/app/',
      'start',
    ]);
    assert.deepEqual(
      [plan.verb, plan.service, plan.asRoot, plan.answers, plan.bring],
      ['restart', 'systemd', false, false, true],
    );
    assert.deepEqual(plan.address, { host: '10.0.0.1', port: 8140 });
    assert.deepEqual(new Set(ran), new Set(['check the host', 'check what is installed']), 'it changes nothing');
  });

  test('changes nothing on a host that is as it should be', async () => {
    const { remote } = fakeHost(await installed());
    const plan = await makePlan(target, options(), remote);
    assert.deepEqual(
      [plan.changes, plan.verb, plan.write, plan.kept, plan.manifest],
      [[], 'nothing', [], [], undefined],
    );
  });

  test('reloads or restarts only for what needs it', async () => {
    const host = await installed();
    const verb = async (changes: Partial<Host>, more: Partial<InstallHostOptions> = {}) => {
      const files = { ...host.files, ...changes.files };
      return (await makePlan(target, options(more), fakeHost({ ...host, ...changes, files }).remote)).verb;
    };
    const old = (path: string) => {
      const manifest = JSON.parse(host.files['/e/applied.json'] ?? '').files;
      return { [path]: 'old', '/e/applied.json': formatManifest({ ...manifest, [path]: sum('old') }) };
    };
    assert.equal(await verb({ files: old('/e/classes.txt') }), 'reload');
    assert.equal(await verb({ files: old('/e/classes.txt') }, { service: '/etc/init.d/mco' }), 'restart');
    assert.equal(await verb({ files: old('/e/node.yaml') }), 'restart');
    assert.equal(await verb({ program: 'old' }), 'restart');
    assert.equal(await verb({ key: false }), 'restart');
    assert.equal(await verb({ listening: false }), 'restart');
  });

  test('keeps what others changed on the host, unless it may replace it', async () => {
    const host = await installed();
    const changed = { ...host, files: { ...host.files, '/e/node.yaml': 'by hand\n' } };
    const plan = await makePlan(target, options(), fakeHost(changed).remote);
    assert.deepEqual([plan.kept, plan.changes], [['/e/node.yaml'], []]);
    const replaced = await makePlan(target, options({ replace: true }), fakeHost(changed).remote);
    assert.deepEqual([replaced.kept, replaced.changes], [[], ['/e/node.yaml']]);
  });

  test('runs as root where the login may not write, and for a package', async () => {
    const closed = fakeHost({ ...fresh, writable: false });
    assert.equal((await makePlan(target, options(), closed.remote)).asRoot, true);
    assert.deepEqual([...new Set(closed.ran)], ['check the host', 'check what is installed as root']);
    const deb: Program = { ...program, form: 'package', version: '1.2' };
    const plan = await makePlan(target, options({ program: deb }), fakeHost(fresh).remote);
    assert.deepEqual([plan.asRoot, plan.changes[0]], [true, 'package 1.2']);
    const same = await makePlan(
      target,
      options({ program: deb }),
      fakeHost({ ...fresh, packageVersion: '1.2' }).remote,
    );
    assert.equal(same.bring, false);
  });

  test('uses systemd where it is, and no service where it is not, unless one is named', async () => {
    const bare = { ...fresh, systemd: false };
    const plan = await makePlan(target, options(), fakeHost(bare).remote);
    assert.deepEqual([plan.service, plan.changes.includes('start')], ['none', false]);
    await assert.rejects(
      makePlan(target, options({ service: 'systemd' }), fakeHost(bare).remote),
      isProblem('no-systemd'),
    );
    assert.equal((await makePlan(target, options({ service: '/i' }), fakeHost(fresh).remote)).service, '/i');
  });

  test('is refused for the node of another fleet, unless it may be taken over', async () => {
    await using other = await makeFleet();
    const { certificatePem } = await other.node('dev1.devco.net');
    const host = await installed();
    const foreign = { ...host, files: { ...host.files, '/e/node.crt': certificatePem } };
    await assert.rejects(makePlan(target, options(), fakeHost(foreign).remote), isProblem('other-fleet'));
    const plan = await makePlan(target, options({ replace: true }), fakeHost(foreign).remote);
    assert.equal(plan.certify, 'is of another CA');
  });

  test('is refused if another program has the port', async () => {
    const fails = (code: ProblemCode) => async () => {
      throw new Problem(code, 'no');
    };
    const host = await installed();
    for (const code of ['unreachable', 'handshake-failed', 'wrong-node'] as const) {
      const plan = makePlan(target, options({ describe: fails(code) }), fakeHost(host).remote);
      await assert.rejects(plan, isProblem('port-in-use', /another program listens on port 8140/));
    }
    const denied = await makePlan(target, options({ describe: fails('policy-denied') }), fakeHost(host).remote);
    assert.deepEqual([denied.answers, denied.verb], [false, 'restart'], 'a node that refuses is ours, and restarts');
    const none = { ...fresh, listening: true };
    const plan = makePlan(target, options({ describe: fails('policy-denied') }), fakeHost(none).remote);
    await assert.rejects(plan, isProblem('port-in-use'));
  });

  test('ends with the last line of a script that fails', async () => {
    const { remote } = fakeHost(fresh, (purpose) => purpose === 'check the host');
    await assert.rejects(
      makePlan(target, options(), remote),
      isProblem('host-failed', /^could not check the host: no$/),
    );
  });
});

describe('a plan that is carried out', () => {
  const carry = async (host: Host, more: Partial<InstallHostOptions> = {}, fails?: (purpose: string) => boolean) => {
    const plan = await makePlan(target, options(more), fakeHost(host).remote);
    const { remote, ran } = fakeHost(host, fails);
    const phases: string[] = [];
    const result = carryOut(plan, target, options(more), remote, (phase) => phases.push(phase));
    return { result, ran, phases };
  };

  test('does nothing on the host if nothing changes, and asks the node', async () => {
    const { result, ran, phases } = await carry(await installed());
    const { state, pending, description: found } = await result;
    assert.deepEqual([state, pending, found, ran, phases], ['unchanged', false, description, [], ['waiting']]);
  });

  test('starts the service after the files, and not at all without one', async () => {
    const host = await installed();
    const changed = { ...host, files: { ...host.files, '/e/classes.txt': '' } };
    const { result, ran, phases } = await carry(changed);
    assert.equal((await result).state, 'installed');
    assert.deepEqual(ran, ['copy the program', 'move the files into place', 'start the service']);
    assert.deepEqual(phases, ['enrolling', 'placing', 'starting', 'waiting']);
    const without = await carry({ ...changed, listening: false, systemd: false });
    const { state, pending, description: none } = await without.result;
    assert.deepEqual([state, pending, none], ['installed', true, undefined]);
    assert.deepEqual(without.ran, ['copy the program', 'move the files into place']);
  });

  test('is incomplete if files of others were kept', async () => {
    const host = await installed();
    const { result } = await carry({ ...host, files: { ...host.files, '/e/node.yaml': 'by hand\n' } });
    const { state, kept } = await result;
    assert.deepEqual([state, kept], ['incomplete', ['/e/node.yaml']]);
  });

  test('removes its copies from the host if a step fails', async () => {
    const host = await installed();
    const changed = { ...host, files: { ...host.files, '/e/classes.txt': '' } };
    const { result, ran } = await carry(changed, {}, (purpose) => purpose === 'move the files into place');
    await assert.rejects(result, isProblem('host-failed', /could not move the files into place: no/));
    assert.deepEqual(ran, ['copy the program', 'move the files into place', 'clean up']);
  });

  test('refuses a program that arrived damaged', async () => {
    const host = await installed();
    const { result } = await carry(
      { ...host, program: 'old' },
      { program: { ...program, file: import.meta.filename } },
    );
    await assert.rejects(result, isProblem('copy-damaged'));
  });

  test('certifies the key that the host made, and places its certificate', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'mco-plan-'));
    try {
      await createStore(join(directory, 'ca'), fleet.authority, '');
      const store = await openStore(join(directory, 'ca'));
      const keys = makeKeyPair();
      const request = await makeRequest(keys, target.node);
      const host = { ...(await installed()), key: false };
      const plan = await makePlan(target, options({ store }), fakeHost(host).remote);
      const placed: string[][] = [];
      const { remote } = fakeHost(host);
      const run: Remote['run'] = async (script, asRoot) => {
        if (script.purpose === 'move the files into place')
          placed.push(script.values.slice(script.values.lastIndexOf('--') + 1));
        if (script.purpose !== 'make the key') return remote.run(script, asRoot);
        return { code: 0, out: `request=${base64(request)}\n`, lastError: '' };
      };
      const { state, fingerprint } = await carryOut(plan, target, options({ store }), { ...remote, run }, () => {});
      assert.deepEqual([state, placed], ['installed', [['/e/node.crt']]]);
      assert.equal(fingerprint, fingerprintOf(keys.publicKey));
      const issued = await readFile(join(directory, 'ca/issued.jsonl'), 'utf8');
      assert.match(issued, /dev1\.devco\.net/);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('ends with what doctor finds on a host that does not answer', async () => {
    const silent = async () => {
      throw new Problem('unreachable', 'connection refused');
    };
    const host = { ...(await installed()), listening: false };
    const plan = await makePlan(target, options({ describe: silent }), fakeHost(host).remote);
    const { remote } = fakeHost(host);
    const findings = [
      { check: 'nrpe', verdict: 'broken', what: 'not vital', fix: '' },
      { check: 'state', verdict: 'ok', what: 'fine', fix: '' },
      { check: 'port', verdict: 'broken', what: '8140 is taken', fix: 'stop the other program' },
    ];
    const run: Remote['run'] = async (script, asRoot) =>
      script.purpose === 'run doctor on the host'
        ? { code: 0, out: JSON.stringify(findings), lastError: '' }
        : remote.run(script, asRoot);
    await assert.rejects(
      carryOut(plan, target, options({ describe: silent }), { ...remote, run }, () => {}),
      (problem: Problem) =>
        /connection refused; the host reports: port: 8140 is taken$/.test(problem.message) &&
        problem.hint === 'stop the other program',
    );
  });

  test('ends with why the node does not answer', async () => {
    const silent = async () => {
      throw new Problem('unreachable', 'connection refused');
    };
    const host = { ...(await installed()), listening: false };
    const { result, ran } = await carry(host, { describe: silent });
    await assert.rejects(result, isProblem('no-answer', /^it is installed, but does not answer: connection refused$/));
    assert.equal(ran.at(-1), 'run doctor on the host');
  });
});

describe('the state of a host', () => {
  const lines =
    'system=Linux\nmachine=x86_64\nclock=1000\nsystemd=yes\nuid=0\nwritable=/a\nwritable=/b=c\nfree=5\nfree=2\n';

  test('is read from the lines of its script', () => {
    assert.deepEqual(parseInspection(lines, 990_000), {
      ...{ system: 'Linux', machine: 'x86_64', ahead: 10_000, systemd: true, root: true, sudo: false },
      ...{ writable: new Set(['/a', '/b=c']), free: 2048 },
    });
    const nothing = parseInspection('', 0);
    assert.deepEqual([nothing.system, nothing.root, nothing.systemd, nothing.sudo], ['', false, false, false]);
  });

  const good = { ...parseInspection(lines, 1_000_000), root: false, sudo: true, writable: new Set(['/a']), free: 200 };
  const judge = (changes: object, form: Program['form'] = 'binary') =>
    judgeHost({ ...good, ...changes }, { ...program, form }, ['/a']);

  test('decides whether it can be installed', () => {
    assert.deepEqual(judge({}), { asRoot: false, warnings: [] });
    const refusals: [object, string, RegExp][] = [
      [{ system: '' }, 'wrong-system', /it runs no Unix, not Linux/],
      [{ machine: 'aarch64' }, 'wrong-architecture', /its processor is aarch64, the program is for x86_64/],
      [{ ahead: 300_001 }, 'clock-off', /its clock is 5 minutes ahead/],
      [{ ahead: -2 * 86_400_000 }, 'clock-off', /its clock is 2 days behind/],
      [{ ahead: Number.NaN }, 'clock-off', /its clock is not to be read/],
      [{ root: true, writable: new Set() }, 'read-only', /^\/a cannot be written even by root/],
      [{ sudo: false, writable: new Set() }, 'needs-root', /may not write to \/a, and sudo asks/],
      [{ free: 199 }, 'no-space', /0 MiB are free in the target directory, 0 MiB are needed/],
    ];
    for (const [changes, code, message] of refusals)
      assert.throws(() => judge(changes), isProblem(code, message), code);
    assert.throws(() => judge({ sudo: false }, 'package'), isProblem('needs-root', /may not write to the system/));
    assert.deepEqual(judge({ root: true, sudo: false }, 'package').asRoot, false);
  });

  test('has a warning from eleven seconds on', () => {
    assert.deepEqual(judge({ ahead: 10_000 }).warnings, []);
    for (const [ahead, words] of [
      [10_001, '10 seconds ahead'],
      [-60_000, '1 minute behind'],
      [300_000, '5 minutes ahead'],
    ] as const) {
      assert.deepEqual(judge({ ahead }).warnings, [`its clock is ${words}: requests would be refused; set it`]);
    }
  });
});
