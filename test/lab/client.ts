// npm run -s lab:client -- ARGS…: the built program, as the operator, on the lab's control host.
import { controlHost } from './estate.ts';
import { homeOf } from './files/control.ts';
import { deployer } from './files/node.ts';
import { standingLab } from './find.ts';
import { passThrough } from './pass-through.ts';
import { runScript } from './run-script.ts';

await runScript(async () => {
  const argv = ['mco-deploy', ...process.argv.slice(2)];
  await passThrough(await standingLab(), controlHost.name, argv, `/${homeOf(process.env.MCO_OPERATOR ?? deployer)}`);
});
