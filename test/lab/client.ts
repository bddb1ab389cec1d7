// npm run -s lab:client -- ARGS…: the built program, as the operator, on the lab's control host.
import { controlHost } from '../support/lab/estate.ts';
import { homeOf } from '../support/lab/files/control.ts';
import { deployer } from '../support/lab/files/node.ts';
import { standingLab } from '../support/lab/find.ts';
import { passThrough } from '../support/lab/network/pass-through.ts';
import { runScript } from '../support/lab/run-script.ts';

await runScript(async () => {
  const argv = ['mco-deploy', ...process.argv.slice(2)];
  await passThrough(await standingLab(), controlHost.name, argv, `/${homeOf(process.env.MCO_OPERATOR ?? deployer)}`);
});
