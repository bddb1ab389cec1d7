import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import type { JournalEntry } from '../../../src/playbook/journal/entries.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import { bravo, createEstate } from '../../support/fleet/estate.ts';
import { loadShipped } from '../../support/fleet/shipped.ts';
import { program } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const [file, ...start] = program;
const runId = 'a'.repeat(32);
/** Outputs by which a node could take over the page in a browser. */
const hostile =
  '"><script>document.title = "taken"</script><img src=x onerror="document.title=\'taken\'"><svg onload="document.title=\'taken\'"></title></style><style>body { display: none }</style>\u202egnp.exe\u001b[2J';

let home = '';

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'mco-report-'));
  const config = join(home, '.config/mco-deploy');
  await mkdir(config, { recursive: true });
  await writeFile(join(config, 'client.yaml'), '{}\n');
});

after(() => rm(home, { recursive: true }));

const mco = (...words: string[]) =>
  runProgram(file, [...start, ...words], { env: { HOME: home, PATH: process.env.PATH ?? '' } });

/** The page as the browser has it after it was loaded, and what the browser complained of. */
const open = async (file: string) => {
  const manner = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--enable-logging=stderr'];
  const profile = `--user-data-dir=${join(home, 'browser')}`;
  const { code, out, err } = await runProgram(
    'chromium',
    [...manner, profile, '--dump-dom', pathToFileURL(file).href],
    {
      env: { HOME: home, PATH: process.env.PATH ?? '' },
    },
  );
  assert.equal(code, 0, err);
  return { dom: out, refused: err.split('\n').filter((line) => line.includes('Content Security Policy')) };
};

const writeJournal = async (entries: readonly JournalEntry[]) => {
  const runs = join(home, '.local/state/mco-deploy/runs');
  await mkdir(runs, { recursive: true });
  const lines = entries.map((entry) => `${JSON.stringify({ ...entry, runId })}\n`);
  await writeFile(join(runs, `${runId}.jsonl`), lines.join(''));
};

/** The journal of an upgrade in which one server fails, having said what it liked. */
const journalOfFailure = async () => {
  const estate = createEstate({ troubles: [{ node: 'dev4.devco.net', call: 'appmgr.upgrade', kind: 'failed' }] });
  const playbook = await loadShipped('app_cluster_upgrade');
  const inputs = bindInputs(playbook, { cluster: 'bravo', revision: '20', recipient: 'mailto:ops@devco.net' });
  await runPlaybook(playbook, inputs, estate.fabric.ports);
  return estate.fabric.journal.map((entry): JournalEntry => {
    if (entry.type !== 'outcome') return entry;
    const told = { ...entry, auditHead: `7:${'b'.repeat(64)}` };
    return entry.outcome === 'ok' ? told : { ...told, code: 'broken', message: hostile, data: { [hostile]: hostile } };
  });
};

describe('a run as a page, in a real browser', { timeout: 600_000 }, () => {
  test('shows steps, nodes, the failure with its output and the audit records, and escapes everything that nodes returned', async () => {
    await writeJournal(await journalOfFailure());
    const file = join(home, 'run.html');
    const { code, err } = await mco('runs', 'report', 'aaaa', '--html', file);
    assert.equal(code, 0, err);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const { dom, refused } = await open(file);
    assert.match(dom, /<title>app_cluster_upgrade: run a{32}<\/title>/);
    assert.doesNotMatch(dom, /<(script|img|iframe|object|link|a)\b/i);
    assert.equal([...dom.matchAll(/<style/g)].length, 1);
    assert.doesNotMatch(dom, /[\u202e\u001b]/);
    assert.deepEqual(refused, []);
    assert.match(dom, /<section class="failure bad"><h3>Upgrade the servers <code>appmgr#upgrade<\/code><\/h3>/);
    assert.match(dom, /<p class="facts">failed on dev4\.devco\.net · 2 tries were not good<\/p>/);
    assert.match(dom, /<dt>"&gt;&lt;script&gt;document\.title = "taken"/, 'the names of fields are text as well');
    for (const name of bravo) assert.match(dom, new RegExp(`<span class="name" title="${name}">${name}<`));
    const bars = [...dom.matchAll(/<rect [^>]*class="call (\w+)"/g)].map(([, kind]) => kind);
    assert.equal(bars.filter((kind) => kind === 'bad').length, 2, 'two tries failed');
    assert.ok(bars.filter((kind) => kind === 'good').length > 10);
    assert.match(dom, /<title>dev2\.devco\.net waited \d+ ms for dev8\.devco\.net<\/title>/);
    assert.match(dom, /mco-deploy audit trace a{32}/);
    assert.match(dom, /<code>7:b{64}<\/code>/);
  });

  test('is rendered with its own style, which is the only one that its content policy allows', async () => {
    await writeJournal(await journalOfFailure());
    const { out } = await mco('runs', 'report', runId);
    const tampered = join(home, 'tampered.html');
    await writeFile(
      tampered,
      out
        .replace('</style>', 'p { color: red }</style>')
        .replace('</body>', '<script>document.title = "taken"</script></body>'),
    );
    const { dom, refused } = await open(tampered);
    assert.doesNotMatch(dom, /<title>taken/);
    assert.ok(refused.length >= 2, 'both the style and the script are refused');
  });

  test('marks what is unknown, and shows as JSON what each step waited for, and for which node', async () => {
    const whole = await journalOfFailure();
    const cut = whole.slice(
      0,
      whole.findIndex(({ type, ...entry }) => type === 'outcome' && 'step' in entry && entry.step === 'update'),
    );
    await writeJournal(cut);
    const page = join(home, 'cut.html');
    assert.equal((await mco('runs', 'report', runId, '--html', page)).code, 0);
    const text = await readFile(page, 'utf8');
    assert.match(text, /update, appmgr\.upgrade, try 1: unknown/);
    assert.match(text, /<p class="reason">no reply was recorded before the run ended <code>unknown<\/code>/);
    const told = JSON.parse((await mco('runs', 'report', runId, '--json')).out) as {
      attempts: { steps: { step: string; waited_for: string; slowest: { node: string } | null }[] }[];
    };
    const stepOf = (name: string) => told.attempts[0]?.steps.find(({ step }) => step === name);
    assert.equal(stepOf('disable')?.waited_for, 'ask');
    assert.equal(stepOf('ping_web')?.slowest?.node, 'dev8.devco.net');
  });

  test('explains why a step failed whose nodes all replied, and shows their replies', async () => {
    const estate = createEstate({ load: [2] });
    const playbook = await loadShipped('fleet_check');
    await runPlaybook(playbook, bindInputs(playbook, { command: 'check_load' }), estate.fabric.ports);
    await writeJournal(estate.fabric.journal);
    const { out } = await mco('runs', 'report', runId);
    assert.match(
      out,
      /<h3>judge <code>require<\/code><\/h3>[\s\S]*?<p class="reason">check_load is not OK on 9 of 9: dev1\.devco\.net CRITICAL/,
    );
    const waiting = createEstate({ load: [2] });
    const upgrade = await loadShipped('app_cluster_upgrade');
    const inputs = bindInputs(upgrade, { cluster: 'bravo', revision: '20', notify: 'false' });
    await runPlaybook(upgrade, inputs, waiting.fabric.ports);
    await writeJournal(waiting.fabric.journal);
    const page = (await mco('runs', 'report', runId)).out;
    assert.match(page, /<h3>Check the load <code>nrpe#runcommand<\/code><\/h3>/);
    assert.match(page, /<p class="reason">check_load is CRITICAL, [^<]* <code>until-failed<\/code><\/p>/);
    assert.match(page, /1\u00a0–\u00a010<\/td>/, 'ten tries that were answered alike are one row');
    assert.match(page, /not yet: until-failed/);
    assert.match(page, /<dt>output<\/dt><dd>CRITICAL - load average: 2<\/dd>/);
  });

  test('is refused for an unknown run, and for a file that cannot be written', async () => {
    await writeJournal(await journalOfFailure());
    assert.match((await mco('runs', 'report', 'ffff', '--offline')).err, /there is no journal of a run ffff/);
    const { code, err } = await mco('runs', 'report', runId, '--html', '/nowhere/run.html');
    assert.equal(code, 64);
    assert.match(err, /\/nowhere\/run\.html cannot be written: no such file or directory/);
  });
});
