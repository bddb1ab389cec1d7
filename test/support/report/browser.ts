/** A real Chromium without a window, driven over a pipe by the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { pathToFileURL } from 'node:url';

export interface View {
  /** CSS pixels. */
  readonly width: number;
  readonly scheme: 'light' | 'dark';
}

export interface Browser extends AsyncDisposable {
  /** Opens a file as a person with such a screen sees it. */
  readonly open: (file: string, view: View) => Promise<void>;
  /** The value of an expression in the page; what the page forbids itself does not concern it. */
  readonly evaluate: (expression: string) => Promise<unknown>;
  /** Writes a picture of the whole page (PNG). */
  readonly screenshot: (file: string) => Promise<void>;
  /** Shows the page as it is printed, until the next is opened. */
  readonly emulatePrint: () => Promise<void>;
  /** Writes the page as it is printed on A4 (PDF). */
  readonly print: (file: string) => Promise<void>;
}

type Answer = Readonly<Record<string, unknown>>;

export async function startBrowser(): Promise<Browser> {
  const profile = await mkdtemp(join(tmpdir(), 'mco-browser-'));
  const manner = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--hide-scrollbars'];
  const child = spawn('chromium', [...manner, '--remote-debugging-pipe', `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', HOME: profile },
  });
  const gone = once(child, 'exit');
  const { send, waitFor } = talk(child.stdio[3] as Writable, child.stdio[4] as Readable);
  const { targetInfos } = (await send('Target.getTargets')) as { targetInfos: { type: string; targetId: string }[] };
  const page = targetInfos.find(({ type }) => type === 'page');
  if (page === undefined) throw new Error('the browser has no page');
  const { sessionId } = await send('Target.attachToTarget', { targetId: page.targetId, flatten: true });
  const ask = (method: string, params: object = {}) => send(method, params, String(sessionId));
  await ask('Page.enable');
  const save = async (file: string, { data }: Answer) => writeFile(file, Buffer.from(String(data), 'base64'));
  return {
    open: async (file, { width, scheme }) => {
      const size = { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 };
      await ask('Emulation.setDeviceMetricsOverride', size);
      await ask('Emulation.setEmulatedMedia', {
        media: '',
        features: [{ name: 'prefers-color-scheme', value: scheme }],
      });
      const loaded = waitFor('Page.loadEventFired');
      await ask('Page.navigate', { url: pathToFileURL(file).href });
      await loaded;
    },
    evaluate: async (expression) => {
      const { result, exceptionDetails } = await ask('Runtime.evaluate', { expression, returnByValue: true });
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
      return (result as { value?: unknown }).value;
    },
    screenshot: async (file) => save(file, await ask('Page.captureScreenshot', { captureBeyondViewport: true })),
    emulatePrint: async () => {
      await ask('Emulation.setEmulatedMedia', { media: 'print', features: [] });
    },
    print: async (file) =>
      save(file, await ask('Page.printToPDF', { paperWidth: 8.27, paperHeight: 11.69, printBackground: true })),
    [Symbol.asyncDispose]: async () => {
      await send('Browser.close');
      await gone;
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Messages are JSON, each ended by a zero byte. */
function talk(input: Writable, output: Readable) {
  let number = 0;
  let rest = '';
  const asked = new Map<number, PromiseWithResolvers<Answer>>();
  const events = new Map<string, PromiseWithResolvers<Answer>>();
  output.setEncoding('utf8').on('data', (text: string) => {
    const messages = (rest + text).split('\0');
    rest = messages.pop() ?? '';
    for (const message of messages) receive(JSON.parse(message) as Received);
  });
  const receive = ({ id, method = '', result = {}, error, params = {} }: Received) => {
    if (id === undefined) events.get(method)?.resolve(params);
    else if (error === undefined) asked.get(id)?.resolve(result);
    else asked.get(id)?.reject(new Error(error.message));
  };
  return {
    send: (method: string, params: object = {}, sessionId?: string): Promise<Answer> => {
      const id = ++number;
      const answer = Promise.withResolvers<Answer>();
      asked.set(id, answer);
      input.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      return answer.promise;
    },
    /** The next event of that name. */
    waitFor: (method: string): Promise<Answer> => {
      const event = Promise.withResolvers<Answer>();
      events.set(method, event);
      return event.promise;
    },
  };
}

interface Received {
  readonly id?: number;
  readonly method?: string;
  readonly result?: Answer;
  readonly error?: { readonly message: string };
  readonly params?: Answer;
}
