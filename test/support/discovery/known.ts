// Asks three times, naming an answer as known already, then listing its digest, then neither, and prints the numbers of the questions that were answered
// until the second was.
import { noFilter } from '../../../src/core/filter/filter.ts';
import { multicastInterfaces } from '../../../src/discovery/mdns/interfaces.ts';
import { encodeQuestions, encodeWithNames } from '../../../src/discovery/mdns/wire/question.ts';
import { mdnsPort } from '../../../src/discovery/mdns/service.ts';
import { groupOn, openQuerySocket } from '../../../src/discovery/mdns/sockets.ts';
import { questionsFor } from '../../../src/discovery/mdns/source.ts';
import { options, report } from './script.ts';

const { known = [] } = options as { known?: string[] };
const [one] = multicastInterfaces([]);
if (one === undefined) throw new Error('there is no interface to ask on');
const socket = await openQuerySocket('ipv4', one);
const answered: number[] = [];
const numbers = { named: 1, listed: 2, open: 3 };
socket.on('message', (bytes) => {
  const id = bytes.readUInt16BE(0);
  answered.push(id);
  if (id !== numbers.open) return;
  report({ answered });
  socket.close();
});
const questions = questionsFor(noFilter, []);
for (const packet of [
  ...encodeWithNames(numbers.named, questions, known),
  ...encodeQuestions(numbers.listed, questions, known),
  ...encodeQuestions(numbers.open, questions),
])
  socket.send(packet, mdnsPort, groupOn('ipv4', one));
