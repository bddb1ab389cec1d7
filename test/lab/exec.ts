// npm run -s lab:exec -- HOST COMMAND…: a command on one of the lab's hosts.
import { standingLab } from '../support/lab/find.ts';
import { passThrough } from '../support/lab/network/pass-through.ts';
import { runScript } from '../support/lab/run-script.ts';

await runScript(async () => {
  const [host, ...argv] = process.argv.slice(2);
  if (host === undefined || argv.length === 0)
    throw new Error('name a host and a command: npm run -s lab:exec -- dev2 hostname');
  await passThrough(await standingLab(), host, argv, '/root');
});
