import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { ActionContext } from '../../../src/core/agent.ts';
import { startAppmgr } from '../../../src/agents/appmgr/agent.ts';
import { actionContext, agentSetup } from '../../support/agents/agent-setup.ts';
import { testApplication } from '../../support/agents/appmgr/application.ts';
import { makeTarGz } from '../../support/agents/appmgr/tar-archive.ts';

/** Writes a file over another one of the same size through a shared mapping, at each line on standard input. */
const mapping = `
import mmap, sys
with open(sys.argv[1], 'r+b') as target:
    pages = mmap.mmap(target.fileno(), 0)
    print('mapped', flush=True)
    for line in sys.stdin:
        pages[:] = open(line.strip(), 'rb').read()
        print('written', flush=True)
`;

test('an artifact that is swapped through a shared mapping, before or after its sum is taken, is never served', async () => {
  const application = testApplication();
  // Stored, not compressed: both archives have the same size.
  const archive = (words: string) =>
    gzipSync(gunzipSync(makeTarGz([{ path: './index.html', content: words.padEnd(200_000, '.') }])), { level: 0 });
  const [good, evil] = [archive('good'), archive('evil')];
  assert.equal(good.length, evil.length);
  application.publish('20', good);
  const file = join(application.artifacts, 'app-20.tar.gz');
  const [goodFile, evilFile] = ['good', 'evil'].map((name) => join(application.artifacts, name));
  writeFileSync(goodFile ?? '', good);
  writeFileSync(evilFile ?? '', evil);
  const python = spawn('python3', ['-c', mapping, file], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  try {
    assert.equal((await lines.next()).value, 'mapped');
    const swap = async (to: string | undefined) => {
      python.stdin.write(`${to}\n`);
      assert.equal((await lines.next()).value, 'written');
    };
    const { handlers } = await startAppmgr(agentSetup(application.config()));
    const upgrade = handlers.upgrade as unknown as (input: object, context: ActionContext) => Promise<object>;
    const swaps: Promise<void>[] = [];
    const swapAt = (message: string, to: string | undefined) =>
      actionContext({ progress: (said) => void (said.includes(message) && swaps.push(swap(to))) });

    await swap(evilFile);
    await assert.rejects(upgrade({ revision: '20' }, actionContext()), { code: 'bad-checksum' });
    assert.equal(application.served(), undefined);

    await swap(goodFile);
    await upgrade({ revision: '20' }, swapAt('unpacking', evilFile));
    assert.equal(swaps.length, 1);
    await Promise.all(swaps);
    assert.notEqual(
      createHash('sha256').update(readFileSync(file)).digest('hex'),
      createHash('sha256').update(good).digest('hex'),
    );
    assert.match(application.served() ?? '', /^good/);
    assert.deepEqual(readdirSync(join(application.root, '.staging')), []);
  } finally {
    python.kill();
    await once(python, 'exit');
  }
});
