/** The agent that notifies. Its nodes only pass a message on, which does not count as a change. */
export const notifier = 'angelia';
