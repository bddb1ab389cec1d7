/** Bytes of a chunk; the last one of an artifact may be shorter. */
export const chunkSize = 256 * 1024;
/** Bytes of the largest artifact: its manifest still fits into one message. */
export const largestArtifact = 4 * 1024 * 1024 * 1024;
