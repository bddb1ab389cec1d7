import { execFileSync } from 'node:child_process';
import { chmod, copyFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

// Node looks for this mark to know that it carries a program (Node's documentation, “Single executable applications”).
const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
const postject = join(import.meta.dirname, '../node_modules/postject/dist/cli.js');

/**
 * Makes the single binary: the running Node with the bundle inside.
 * The blob's code cache fits only the very Node that wrote it, so that is the one that gets it.
 * @param work a directory for what is made on the way
 */
export async function makeBinary(bundle: string, binary: string, work: string): Promise<void> {
  const config = join(work, 'sea.json');
  const blob = join(work, 'sea.blob');
  const unfinished = join(work, 'mco-deploy');
  const settings = {
    main: bundle,
    output: blob,
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: true,
    // Whoever sets NODE_OPTIONS must not bring code into the program.
    execArgvExtension: 'none',
  };
  await writeFile(config, JSON.stringify(settings));
  run('--experimental-sea-config', config);
  await copyFile(process.execPath, unfinished);
  await chmod(unfinished, 0o755);
  run(postject, unfinished, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', fuse);
  // A rename, because the old binary may be running.
  await rename(unfinished, binary);
}

/** Runs the Node that runs this; what it says is shown only when it fails, in the error. */
function run(...argv: string[]): void {
  execFileSync(process.execPath, argv, { stdio: 'pipe' });
}
