/** `rip@devco.net` for `cert=rip@devco.net`: who it is, as people call them. */
export function callerName(caller: string): string {
  return caller.replace(/^cert=/, '');
}
