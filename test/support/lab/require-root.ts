/** @throws Error that says what to run: namespaces, mounts and addresses are root's to make */
export function requireRoot(): void {
  if (process.getuid?.() === 0) return;
  const script = process.env.npm_lifecycle_event ?? 'lab:up';
  throw new Error(`the lab needs root, for network namespaces and mounts: run “sudo npm run ${script}”`);
}
