// Runs on the control host: asks URLs in turn at a constant rate until standard input ends, then says how it went.
//   load-generator.ts URL,URL… REQUESTS_A_SECOND [close]
// A request fails with another status than 200, or without an answer in a minute: a busy machine is slow.
// It stands for some clients that keep their cookies for a while, so that persistence by cookie has its effect.
import { Agent, get } from 'node:http';
import type { LoadReport } from './load.ts';

const [list = '', rate = '50', connections = 'keep-alive'] = process.argv.slice(2);
// In turn, so that none of its connections is idle for so long that the load balancer closes it just then.
const agent = new Agent({ keepAlive: connections !== 'close', maxSockets: 32, scheduling: 'fifo' });
const report: LoadReport = { requests: 0, failures: [], bodies: {}, slowest: 0 };
const urls = list.split(',');
/** Milliseconds. */
const patience = 60_000;
const clients = 8;
/** Requests for which a client keeps its cookie. */
const cookieLife = 25;
const cookies = new Map<string, { text: string; left: number }>();
let open = 0;
let over = false;

function ask(): void {
  const begun = performance.now();
  const since = new Date().toISOString();
  let settled = false;
  open += 1;
  report.requests += 1;
  const settle = (failure: string, body = '') => {
    if (settled) return;
    settled = true;
    open -= 1;
    report.slowest = Math.max(report.slowest, Math.round(performance.now() - begun));
    if (failure !== '') report.failures.push(`${since} ${new Date().toISOString()} ${failure}`);
    else report.bodies[body] = (report.bodies[body] ?? 0) + 1;
    if (over && open === 0) finish();
  };
  const url = urls[report.requests % urls.length] ?? '';
  const client = `${url} ${Math.floor(report.requests / urls.length) % clients}`;
  const headers = cookieOf(client);
  const request = get(url, { agent, timeout: patience, headers }, (response) => {
    let body = '';
    const [given] = response.headers['set-cookie'] ?? [];
    if (given !== undefined) cookies.set(client, { text: given.split(';', 1)[0] ?? '', left: cookieLife });
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => settle(response.statusCode === 200 ? '' : `status ${response.statusCode}`, body.trim()));
    response.on('error', (error) => settle(error.message));
  });
  request.on('timeout', () => request.destroy(new Error(`no answer in ${patience / 1000} s`)));
  request.on('error', (error) => settle(error.message));
}

function cookieOf(client: string): { cookie: string } | Record<string, never> {
  const kept = cookies.get(client);
  if (kept === undefined) return {};
  kept.left -= 1;
  if (kept.left <= 0) cookies.delete(client);
  return { cookie: kept.text };
}

function finish(): void {
  agent.destroy();
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

const timer = setInterval(ask, 1000 / Number(rate));
process.stdout.write('started\n');
process.stdin.resume().on('end', () => {
  clearInterval(timer);
  over = true;
  if (open === 0) finish();
});
