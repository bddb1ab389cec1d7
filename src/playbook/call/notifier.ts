/** The agent that notifies. Its nodes only pass a message on: that is not a change of theirs. */
export const notifier = 'angelia';
