/** How many nodes `rolling` takes at a time if the playbook does not say. */
export const rollingBatch = 1;
