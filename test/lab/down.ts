// npm run lab:down [-- ID]: takes down the standing labs, or the one of that name, and what crashed ones left.
import { labsToRemove, removeLab } from '../support/lab/remove.ts';
import { runScript } from '../support/lab/run-script.ts';

await runScript(async () => {
  const labs = await labsToRemove(process.argv[2] ?? process.env.MCO_LAB);
  for (const lab of labs) {
    await removeLab(lab);
    process.stdout.write(`The lab ${lab.id} is gone.\n`);
  }
  if (labs.length === 0) process.stdout.write('No lab is up.\n');
});
