/** A package that is changed, or would be. */
export interface PackageChange {
  readonly package: string;
  /** Empty when it was not installed. */
  readonly from: string;
  readonly to: string;
}

export interface PackageRequest {
  readonly name: string;
  readonly version: string | undefined;
}

/** The common interface of apt and dnf. Each method may throw Problem `package-failed`, `package-busy`, `cancelled`. */
export interface PackageManager {
  /** Versions; empty for none. */
  readonly status: (name: string, signal: AbortSignal) => Promise<{ installed: string; candidate: string }>;
  /** Fetches the lists of packages. */
  readonly refresh: (signal: AbortSignal) => Promise<void>;
  /** Packages with updates, only security updates on request. */
  readonly updates: (security: boolean, signal: AbortSignal) => Promise<readonly PackageChange[]>;
  /** The changes of an installation, including dependencies. Nothing is changed. */
  readonly plan: (packages: readonly PackageRequest[], signal: AbortSignal) => Promise<readonly PackageChange[]>;
  readonly install: (
    packages: readonly PackageRequest[],
    signal: AbortSignal,
    progress: (line: string) => void,
  ) => Promise<void>;
  readonly rebootRequired: (signal: AbortSignal) => Promise<boolean>;
}
