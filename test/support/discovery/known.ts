// Asks twice, at first naming an answer as known already, and prints the numbers of the questions that were answered
// until the second was.
import { noFilter } from '../../../src/core/filter/filter.ts';
import { multicastInterfaces } from '../../../src/discovery/mdns/interfaces.ts';
import { encodeQuestions } from '../../../src/discovery/mdns/wire/question.ts';
import { mdnsPort } from '../../../src/discovery/mdns/service.ts';
import { groupOn, openQuerySocket } from '../../../src/discovery/mdns/sockets.ts';
import { questionsFor } from '../../../src/discovery/mdns/source.ts';
import { options, report } from './script.ts';

const { known = [] } = options as { known?: string[] };
const [one] = multicastInterfaces([]);
if (one === undefined) throw new Error('there is no interface to ask on');
const socket = await openQuerySocket('ipv4', one);
const answered: number[] = [];
const numbers = { named: 1, open: 2 };
socket.on('message', (bytes) => {
  const id = bytes.readUInt16BE(0);
  answered.push(id);
  if (id !== numbers.open) return;
  report({ answered });
  socket.close();
});
const questions = questionsFor(noFilter, []);
for (const [id, names] of [[numbers.named, known] as const, [numbers.open, []] as const]) {
  for (const packet of encodeQuestions(id, questions, names)) socket.send(packet, mdnsPort, groupOn('ipv4', one));
}
