/**
 * Text that a CI system would take as a command: GitHub Actions `::NAME …::` at the beginning of a line and `##[NAME …]`
 * anywhere, Azure DevOps `##vso[…]`, TeamCity `##teamcity[…]`. Spaces before it do not matter.
 */
const commands = /(?<=^\s*):(?=:[\w-]+(?:[^\S\n][^\n]*)?::)|#(?=#(?:vso|teamcity)?\[)/gim;

/** Variables by which a job of these systems is known. */
const variables = ['GITHUB_ACTIONS', 'TF_BUILD', 'TEAMCITY_VERSION'] as const;

/**
 * In a job of a CI system, output must not begin a command: texts of nodes could set variables and outputs of the job, which
 * has an operator's key. The first character is escaped so that JSON reads back as it was.
 */
export function escapeCiCommands(env: Readonly<NodeJS.ProcessEnv>): (line: string) => string {
  if (variables.every((name) => (env[name] ?? '') === '')) return (line) => line;
  return (line) => line.replaceAll(commands, (first) => `\\u${first.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
