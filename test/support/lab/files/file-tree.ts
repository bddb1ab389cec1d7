import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Files by their path: a text, an executable one, one for its owner alone, a symbolic link, or (a path that ends in a slash) an empty directory. */
export type FileTree = Readonly<
  Record<string, string | { readonly script: string } | { readonly link: string } | { readonly secret: string }>
>;

/** Writes a tree below a directory, which needs not be there. */
export async function writeFiles(root: string, tree: FileTree): Promise<void> {
  for (const [path, content] of Object.entries(tree)) {
    const file = join(root, path);
    if (path.endsWith('/')) {
      await mkdir(file, { recursive: true });
      continue;
    }
    await mkdir(dirname(file), { recursive: true });
    if (typeof content === 'string') await writeFile(file, content);
    else if ('script' in content) await writeFile(file, content.script, { mode: 0o755 });
    else if ('secret' in content) await writeFile(file, content.secret, { mode: 0o600 });
    else await symlink(content.link, file);
  }
}
