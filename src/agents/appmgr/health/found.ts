/** `words` describe the result for a person: “status 200”, “status 500: database is down”. */
export interface Health {
  readonly healthy: boolean;
  readonly words: string;
  /** Another after each start of the service, if it is known. */
  readonly start?: string;
  /** Whether it does not become healthy any more. */
  readonly isFinal?: boolean;
}
