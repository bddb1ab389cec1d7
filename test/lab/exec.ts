// npm run -s lab:exec -- HOST COMMAND…: a command on one of the lab's hosts.
import { standingLab } from './find.ts';
import { passThrough } from './pass-through.ts';
import { runScript } from './run-script.ts';

await runScript(async () => {
  const [host, ...argv] = process.argv.slice(2);
  if (host === undefined || argv.length === 0)
    throw new Error('name a host and a command: npm run -s lab:exec -- dev2 hostname');
  await passThrough(await standingLab(), host, argv, '/root');
});
