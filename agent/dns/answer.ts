// One DNS message in, one out: what is wrong with it, what it asks, how big the answer may be.
import { type Answer, decode, encode, type OptAnswer, type Packet, RECURSION_AVAILABLE, RECURSION_DESIRED } from 'dns-packet';
import { resolve, type Zone } from './resolve.ts';
import type { Upstream } from './upstream.ts';

const RCODES = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;
type Rcode = keyof typeof RCODES;

const TRUNCATED = 1 << 9;
const AUTHORITATIVE = 1 << 10;
/** Without EDNS (RFC 1035), and the most that we send in one datagram (no fragments on any usual link). */
const UDP_MIN = 512;
const UDP_MAX = 1232;

/** Undefined: no answer at all (not a question). */
export async function answerMessage(
  message: Buffer,
  protocol: 'udp' | 'tcp',
  zone: Zone,
  upstream: Pick<Upstream, 'ask'>,
): Promise<Buffer | undefined> {
  if (message.length < 12 || (message[2]! & 0x80) !== 0) return undefined;
  const opcode = (message[2]! >> 3) & 15;
  if (opcode !== 0) return refusal(message, 'NOTIMP');
  let packet: Packet;
  try {
    packet = decode(message);
  } catch {
    return refusal(message, 'FORMERR');
  }
  const question = packet.questions?.[0];
  if (!question || packet.questions!.length !== 1) return refusal(message, 'FORMERR');
  const found = resolve(question, zone);
  if (found === 'elsewhere') return (await upstream.ask(message, protocol)) ?? reply(packet, 'SERVFAIL', {}, protocol);
  const answers = spread(found.answers);
  if (found.alias) answers.push(...(await askAddresses(found.alias, question.type, upstream)));
  return reply(
    packet,
    found.rcode,
    { answers, authorities: found.authorities, additionals: found.additionals, flags: AUTHORITATIVE },
    protocol,
  );
}

/** Several addresses start with another one each time. */
function spread(answers: Answer[]): Answer[] {
  const start = Math.floor(Math.random() * answers.length);
  return answers.some((a) => a.type === 'CNAME') ? answers : [...answers.slice(start), ...answers.slice(0, start)];
}

async function askAddresses(name: string, type: string, upstream: Pick<Upstream, 'ask'>): Promise<Answer[]> {
  const id = Math.floor(Math.random() * 65_536);
  const question = encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ name, type: type as 'A' }] });
  const answer = await upstream.ask(question, 'udp');
  try {
    return answer ? (decode(answer).answers ?? []) : [];
  } catch {
    return [];
  }
}

function reply(query: Packet, rcode: Rcode, { flags = 0, ...sections }: Partial<Packet>, protocol: 'udp' | 'tcp'): Buffer {
  const edns = query.additionals?.find((a): a is OptAnswer => a.type === 'OPT');
  const opt = edns
    ? [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: UDP_MAX,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        } as OptAnswer,
      ]
    : [];
  const packet: Packet = {
    type: 'response',
    id: query.id ?? 0,
    flags: flags | RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED) | RCODES[rcode],
    questions: query.questions ?? [],
    ...sections,
    additionals: [...(sections.additionals ?? []), ...opt],
  };
  const whole = encode(packet);
  const limit = protocol === 'tcp' ? 65_535 : Math.min(UDP_MAX, Math.max(UDP_MIN, edns?.udpPayloadSize ?? UDP_MIN));
  if (whole.length <= limit) return whole;
  // What merely helps goes first; then the client is told to come back by TCP.
  const bare = encode({ ...packet, additionals: opt, authorities: [] });
  if (bare.length <= limit) return bare;
  return encode({ ...packet, flags: packet.flags! | TRUNCATED, answers: [], additionals: opt, authorities: [] });
}

/** The header alone, with the reason. */
function refusal(message: Buffer, rcode: Rcode): Buffer {
  const header = Buffer.alloc(12);
  message.copy(header, 0, 0, 2);
  header[2] = 0x80 | (message[2]! & 0x79);
  header[3] = RCODES[rcode];
  return header;
}
