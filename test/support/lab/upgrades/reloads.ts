import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import type { Lab } from '../lab.ts';
import { logOf } from '../log.ts';

/** Makes nginx note when appmgr switches it to another release. */
export async function countReloads(lab: Lab, host: string): Promise<void> {
  const file = lab.path(host, 'etc/nginx/nginx.conf');
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace('error_log /var/log/nginx/error.log;', 'error_log /var/log/nginx/error.log notice;'),
  );
  const { code, stderr } = await lab.exec(host, ['nginx', '-s', 'reload']);
  assert.equal(code, 0, stderr);
}

export async function reloadsOf(lab: Lab, host: string): Promise<number> {
  const text = await readFile(logOf(lab.state, host, 'var/log/nginx/error.log').file, 'utf8');
  return text.split('\n').filter((line) => line.includes('signal 1 (SIGHUP) received')).length;
}
