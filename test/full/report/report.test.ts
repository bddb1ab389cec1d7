import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import { type Browser, startBrowser } from '../../support/report/browser.ts';
import { faintTexts } from '../../support/report/contrast.ts';
import { recordRuns } from '../../support/report/lab-runs.ts';

const names = ['good', 'rolling', 'failed', 'resumed', 'killed'] as const;
type Name = (typeof names)[number];
const views = [1400, 400].flatMap((width) => (['light', 'dark'] as const).map((scheme) => ({ width, scheme })));

/** Pictures stay where REPORT_PICTURES says, for a person to look at. */
const picturesIn = process.env.REPORT_PICTURES ?? '';

let lab: Lab;
let browser: Browser;
let directory = '';
const pages: Partial<Record<Name, string>> = {};
const fileOf = (name: Name) => join(directory, `${name}.html`);

before(async () => {
  directory = picturesIn === '' ? await mkdtemp(join(tmpdir(), 'mco-pages-')) : picturesIn;
  await mkdir(directory, { recursive: true });
  lab = await startLab({ lbs: 2 });
  await recordRuns(lab, async (name, id) => {
    const { code, stdout, stderr } = await lab.client(['runs', 'report', id], { env: { TZ: 'Europe/Berlin' } });
    assert.equal(code, 0, stderr);
    pages[name] = stdout;
    await writeFile(fileOf(name), stdout);
  });
  await lab.stop();
  browser = await startBrowser();
});
after(async () => {
  await browser?.[Symbol.asyncDispose]();
  await lab?.stop();
});

const text = async (selector: string) =>
  String(
    await browser.evaluate(`[...document.querySelectorAll('${selector}')].map((one) => one.innerText).join('\\n')`),
  );
const number = async (expression: string) => Number(await browser.evaluate(expression));
const wide = { width: 1400, scheme: 'light' } as const;

for (const name of names) {
  test(`a ${name} run: nothing overflows the page and all text is legible, at 1400 and 400 px, light and dark`, async () => {
    for (const view of views) {
      const shown = `${view.width}-${view.scheme}`;
      await browser.open(fileOf(name), view);
      assert.equal(
        await number('document.documentElement.scrollWidth'),
        view.width,
        `${shown}: it has to be scrolled sideways`,
      );
      assert.deepEqual(await browser.evaluate(faintTexts), [], shown);
      assert.equal(await browser.evaluate("document.querySelector('main').firstElementChild.id"), 'banner');
      assert.ok(
        (await number("document.querySelector('h1').getBoundingClientRect().top")) < 120,
        'what happened is seen first',
      );
      const ground = await browser.evaluate('getComputedStyle(document.body).backgroundColor');
      assert.equal(ground, view.scheme === 'dark' ? 'rgb(13, 17, 23)' : 'rgb(255, 255, 255)');
      const picture = join(directory, `${name}-${shown}.png`);
      await browser.screenshot(picture);
      assert.ok((await stat(picture)).size > 20_000, 'a picture of a page, not of nothing');
    }
  });
}

describe('the page of a run, of real runs in a real browser', () => {
  test('a good run: one line that says what changed, and a table of its nodes', async () => {
    await browser.open(fileOf('good'), wide);
    assert.match(await text('h1'), /^bravo 10 → 20 on 4 nodes in \d[^\n]* s$/);
    const rows = (await text('tbody tr')).split('\n').filter((line) => line.startsWith('dev'));
    assert.deepEqual(rows[0]?.split('\t'), ['dev2.devco.net', '10', '20', 'yes, back in', 'changed']);
    assert.match(await text('.meta'), /\d\d:\d\d:\d\d CET 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC|\d\d:\d\d:\d\d CEST 20/);
  });

  test('a failed run: the banner says what, where, why, what is out of traffic, what is untouched, and the next command', async () => {
    await browser.open(fileOf('failed'), wide);
    const banner = await text('#banner');
    const order = [
      'Failed: Check the load',
      'dev4.devco.net',
      'check_load is CRITICAL',
      'dev2.devco.net, dev4.devco.net, dev6.devco.net, dev8.devco.net of app on lb1.devco.net, lb2.devco.net',
      'Untouched',
      'mco-deploy resume ',
    ];
    const places = order.map((words) => banner.indexOf(words));
    assert.ok(!places.includes(-1), banner);
    assert.deepEqual(
      places,
      places.toSorted((a, b) => a - b),
      banner,
    );
    assert.equal(banner.split('check_load is CRITICAL').length, 2, 'the reason stands there once');
    const failure = await text('.failure.bad');
    assert.match(failure, /failed on dev4\.devco\.net · 4 tries were not good/);
    assert.match(failure, /not yet: until-failed/);
    assert.match(failure, /LOAD CRITICAL - total load average: 99\.00/);
    assert.equal(
      await number("document.querySelectorAll('svg .call.bad').length"),
      4,
      'none of the four tries is green',
    );
    assert.match(
      await text('tbody tr'),
      /dev4\.devco\.net\t10\t20\tNO: out of app on lb1\.devco\.net, lb2\.devco\.net\tfailed at “Check the load”/,
    );
  });
});

describe('the page of a run that was resumed, rolling or killed', () => {
  test('a resumed run: each attempt has its own timeline, and the failures of the first stay visible', async () => {
    await browser.open(fileOf('resumed'), wide);
    assert.match(await text('h1'), /^bravo 10 → 20 on 4 nodes/);
    assert.match(await text('h3'), /Attempt 1: failed\nAttempt 2: done/);
    assert.equal(await number("document.querySelectorAll('.chart').length"), 2);
    assert.match(await text('.failure'), /attempt 1/);
    const spans = await browser.evaluate(
      "[...document.querySelectorAll('.attempt:nth-of-type(2) .step title')].map((one) => one.textContent)",
    );
    assert.doesNotMatch(String(spans), /took \d+ min/, 'the time between the attempts belongs to no step');
  });

  test('a rolling run: batches are bands, and short steps and those without nodes are folded away', async () => {
    await browser.open(fileOf('rolling'), wide);
    assert.deepEqual(
      await browser.evaluate("[...document.querySelectorAll('.batches g text')].map((one) => one.textContent)"),
      ['1', '2'],
    );
    assert.match(
      String(await browser.evaluate("document.querySelector('.batches g title').textContent")),
      /^Batch 1 of /,
    );
    assert.ok((await number("document.querySelectorAll('svg .band').length")) >= 2);
    assert.ok((await number("document.querySelectorAll('.axis text').length")) >= 3, 'the axis has marks');
    assert.match(await text('.steps summary'), /All \d+ steps, with \d+ that took less than 50 ms or called no node/);
  });

  test('a killed run: the step in progress is unknown, and is not shown as done', async () => {
    await browser.open(fileOf('killed'), wide);
    const banner = await text('#banner');
    assert.match(
      banner,
      /Cut off: its client was killed[\s\S]*Last step\n?\s*Upgrade the servers[\s\S]*Untouched\n?\s*dev6\.devco\.net, dev8\.devco\.net/,
    );
    assert.match(banner, /mco-deploy resume [0-9a-f]{32}/);
    assert.match(
      await text('tbody tr'),
      /NO: out of app on lb1\.devco\.net, lb2\.devco\.net\tnot known: the run ended before it replied/,
    );
  });

  test('prints everything that is folded on the screen, and the page loads and runs nothing', async () => {
    await browser.open(fileOf('failed'), { width: 1400, scheme: 'dark' });
    const file = join(directory, 'failed.pdf');
    await browser.print(file);
    assert.ok((await readFile(file)).subarray(0, 5).equals(Buffer.from('%PDF-')));
    await browser.emulatePrint();
    assert.equal(await browser.evaluate('getComputedStyle(document.body).backgroundColor'), 'rgb(255, 255, 255)');
    assert.ok((await number("document.querySelector('details table').getBoundingClientRect().height")) > 0);
    for (const page of Object.values(pages))
      assert.doesNotMatch(page, /<(script|img|iframe|link|object)\b|https?:|url\(/);
  });
});
