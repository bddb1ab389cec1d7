/** A packet of an answer, with the interface that it came over. */
export interface Packet {
  readonly bytes: Buffer;
  readonly interface: string;
}

interface Sender {
  readonly address: string;
  /** Not read yet. */
  readonly packets: Packet[];
  /** The number of packets that were read, and of new answers in them. */
  read: number;
  answers: number;
}

export interface SentPacket extends Packet {
  readonly sender: Sender;
}

/** The packets that wait to be read, one of each sender in turn. */
export interface PacketQueue {
  readonly add: (address: string, packet: Packet) => void;
  /** Takes the next packet. @param isBrief whether to leave what can wait: the rest of a sender's many packets */
  readonly takeNext: (isBrief: boolean) => SentPacket | undefined;
  readonly isEmpty: () => boolean;
}

const mostWaiting = 8192;
/** Packets of one sender that are read while others arrive: the rest of its packets can wait. */
const readAtOnce = 2;

export function openPacketQueue(): PacketQueue {
  const senders = new Map<string, Sender>();
  // Those with unread packets, in the order of their turns: first those with few packets read.
  const [first, later] = [new Set<Sender>(), new Set<Sender>()];
  let waiting = 0;
  const turnsOf = ({ read }: Sender) => (read < readAtOnce ? first : later);
  return {
    add(address, packet) {
      const sender = senders.get(address) ?? { address, packets: [], read: 0, answers: 0 };
      if (waiting >= mostWaiting && sender.packets.length > 0) return;
      sender.packets.push(packet);
      senders.set(address, sender);
      waiting++;
      turnsOf(sender).add(sender);
    },
    takeNext(isBrief) {
      const [sender] = first.size > 0 || isBrief ? first : later;
      const packet = sender?.packets.shift();
      if (sender === undefined || packet === undefined) return undefined;
      turnsOf(sender).delete(sender);
      waiting--;
      sender.read++;
      if (sender.packets.length > 0) turnsOf(sender).add(sender);
      return { ...packet, sender };
    },
    isEmpty: () => waiting === 0,
  };
}
