/**
 * Runs angelia in its own process. Arguments: configuration as JSON, state directory, and, to send a message, its
 * recipient and id. Says “sent …” when the message was sent, and lives until it is killed.
 */
import { startTestAngelia } from './angelia.ts';

const [config = '', stateDirectory = '', recipient, id = ''] = process.argv.slice(2);
const angelia = await startTestAngelia(JSON.parse(config), stateDirectory);
process.stdout.write('started\n');
if (recipient !== undefined) process.stdout.write(`sent ${JSON.stringify(await angelia.send(recipient, id))}\n`);
setInterval(() => {}, 1000);
