/** `rip@devco.net` for `cert=rip@devco.net`: the name for people. */
export function callerName(caller: string): string {
  return caller.replace(/^cert=/, '');
}
