// npm run lab:up [-- --hosts N --lbs N]: a lab that is up until lab:down.
import { parseArgs } from 'node:util';
import { startLab } from '../support/lab/lab.ts';
import { runScript } from '../support/lab/run-script.ts';

await runScript(async () => {
  const { values } = parseArgs({ options: { hosts: { type: 'string' }, lbs: { type: 'string' } } });
  const began = performance.now();
  const size = { hosts: Number(values.hosts ?? 9), lbs: Number(values.lbs ?? 1) };
  const lab = await startLab({ ...size, lifetime: 'standing' });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`The lab ${lab.state.id} of ${lab.hosts.length} hosts is up after ${seconds} seconds. Try:
  npm run -s lab:client -- ping
  npm run -s lab:client -- upgrade --cluster bravo --rev 20
  npm run -s lab:exec -- dev2 mco-deploy audit show
  npm run lab:down
`);
});
