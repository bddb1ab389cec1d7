declare const MCO_BUILD_COMMIT: string | undefined;
declare const MCO_BUILD_VERSION: string | undefined;

export const version = typeof MCO_BUILD_VERSION === 'string' ? MCO_BUILD_VERSION : '0.1.0';

/** Version, commit and runtime, as `--version` prints them. The build fills in the commit. */
export function describeVersion(): string {
  const commit = typeof MCO_BUILD_COMMIT === 'string' && MCO_BUILD_COMMIT !== '' ? MCO_BUILD_COMMIT : 'from source';
  return `mco-deploy ${version} (${commit}, Node.js ${process.versions.node})`;
}
