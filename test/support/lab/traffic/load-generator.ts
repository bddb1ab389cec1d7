// Runs on the control host: asks a URL at a constant rate until standard input ends, then says how it went.
//   load-generator.ts URL REQUESTS_A_SECOND [close]
import { Agent, get } from 'node:http';
import type { LoadReport } from './load.ts';

const [url = '', rate = '50', connections = 'keep-alive'] = process.argv.slice(2);
const agent = new Agent({ keepAlive: connections !== 'close', maxSockets: 32 });
const report: LoadReport = { requests: 0, failures: [], bodies: {}, slowest: 0 };
let open = 0;
let over = false;

function ask(): void {
  const begun = performance.now();
  let settled = false;
  open += 1;
  report.requests += 1;
  const settle = (failure: string, body = '') => {
    if (settled) return;
    settled = true;
    open -= 1;
    report.slowest = Math.max(report.slowest, Math.round(performance.now() - begun));
    if (failure !== '') report.failures.push(`${new Date().toISOString()} ${failure}`);
    else report.bodies[body] = (report.bodies[body] ?? 0) + 1;
    if (over && open === 0) finish();
  };
  const request = get(url, { agent, timeout: 5000 }, (response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    response.on('end', () => settle(response.statusCode === 200 ? '' : `status ${response.statusCode}`, body.trim()));
    response.on('error', (error) => settle(error.message));
  });
  request.on('timeout', () => request.destroy(new Error('no answer in 5 s')));
  request.on('error', (error) => settle(error.message));
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
