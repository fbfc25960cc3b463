import { defineScenario } from '../../src/scenario/define.ts'
import type { ClaimResult } from '../../src/scenario/claim-schema.ts'
import type { EventRecord, TraceView } from '../../src/trace/record.ts'
import { amount, count, eventsOf, noOccasion } from '../measure.ts'

const rate = '10 Mbit/s'
const TEXT = 'Dear Bob, please pay Carol 100 euros. Yours, Alice'

/** Which ways of packing keep what from the carrier. */
const HIDING: ReadonlySet<string> = new Set(['shared-key', 'rsa-2048', 'hybrid'])
const PROVING: ReadonlySet<string> = new Set(['shared-key', 'signature', 'hybrid'])
/** A change of the text or a flipped bit is noticed: authors are proved, or nothing can be changed on purpose. */
const GUARDING: ReadonlySet<string> = new Set([...PROVING, 'rsa-2048'])

/** How much longer than its text a letter is, in bytes; RSA's is as long as the modulus, whatever the text. */
const LONGER: Readonly<Record<string, number>> = { plain: 0, 'shared-key': 28, hash: 32, signature: 64, hybrid: 112 }

const methodOf = ({ data }: EventRecord): string => String(data['method'])
const numberOf = (event: EventRecord): number => amount(event, 'number')
const methodsOf = (events: readonly EventRecord[]): string => events.map(methodOf).join(', ') || 'none'

function whatHeReads(trace: TraceView): ClaimResult {
  const read = eventsOf(trace, 'postman', 'letter:read')
  const closed = eventsOf(trace, 'postman', 'letter:unreadable')
  if (read.length + closed.length === 0) return noOccasion('the postman was given no letter')
  const sent = new Map(eventsOf(trace, 'alice', 'letter:sent').map((event) => [numberOf(event), event.data['text']]))
  const isRight = read.every((event) => !HIDING.has(methodOf(event)) && event.data['text'] === sent.get(numberOf(event)))
  return {
    holds: isRight && closed.every((event) => HIDING.has(methodOf(event))),
    evidence: `The postman read ${count(read.length, 'letter')} (${methodsOf(read)}), and could not read ${String(closed.length)} (${methodsOf(closed)}).`,
  }
}

/** Letters that the postman put something else for, by whether Bob believed it. */
function deceived(trace: TraceView, name: string): { readonly accepted: EventRecord[]; readonly refused: EventRecord[] } {
  const numbers = new Set(eventsOf(trace, 'postman', name).map(numberOf))
  const among = (what: string): EventRecord[] => eventsOf(trace, 'bob', what).filter((event) => numbers.has(numberOf(event)))
  return { accepted: among('letter:accepted'), refused: among('letter:refused') }
}

function deception(name: string, what: string, noticed: ReadonlySet<string>): (trace: TraceView) => ClaimResult {
  return (trace) => {
    const { accepted, refused } = deceived(trace, name)
    if (accepted.length + refused.length === 0) return noOccasion(`no letter was ${what}`)
    const fooled = accepted.every((event) => !noticed.has(methodOf(event)) && event.data['text'] !== TEXT)
    return {
      holds: fooled && refused.every((event) => noticed.has(methodOf(event))),
      evidence:
        `Of ${count(accepted.length + refused.length, 'letter')} that was ${what}, Bob believed ${String(accepted.length)} (${methodsOf(accepted)}) and refused ${String(refused.length)} (${methodsOf(refused)}).`.replace(
          /letters that was/,
          'letters that were',
        ),
    }
  }
}

function factoring(trace: TraceView): ClaimResult {
  const found = eventsOf(trace, 'postman', 'letter:factored')
  const gaveUp = eventsOf(trace, 'postman', 'letter:factoring-abandoned')
  if (found.length + gaveUp.length === 0) return noOccasion('no letter was packed with RSA')
  const [easy, hard] = [found[0], gaveUp[0]]
  const isFactored = found.every((event) => amount(event, 'p') * amount(event, 'q') === amount(event, 'n'))
  const small =
    easy &&
    `${String(amount(easy, 'n'))} = ${String(amount(easy, 'p'))} × ${String(amount(easy, 'q'))} took him ${count(amount(easy, 'divisions'), 'division')}`
  const large = hard && `on ${String(amount(hard, 'bits'))} bits he gave up after ${count(amount(hard, 'divisions'), 'division')}`
  return {
    holds:
      isFactored && found.every((event) => amount(event, 'bits') < 14) && gaveUp.every((event) => amount(event, 'bits') === 2048),
    evidence: `${[small, large].filter((part) => part !== undefined).join('; ')}.`.replace(/^o/, 'O'),
  }
}

function sizes(trace: TraceView): ClaimResult {
  const sent = eventsOf(trace, 'alice', 'letter:sent').filter((event) => methodOf(event) !== 'rsa-by-hand')
  if (sent.length === 0) return noOccasion('no letter was sent but by hand')
  const longer = (event: EventRecord): number => amount(event, 'bytes') - amount(event, 'characters')
  const isRight = (event: EventRecord): boolean =>
    methodOf(event) === 'rsa-2048' ? amount(event, 'bytes') === 256 : longer(event) === LONGER[methodOf(event)]
  return {
    holds: sent.every(isRight),
    evidence: `${sent.map((event) => `${methodOf(event)}: ${String(amount(event, 'bytes'))} bytes for ${String(amount(event, 'characters'))}`).join('; ')}.`,
  }
}

export default defineScenario({
  id: 'cryptography',
  title: 'Seven letters and a curious postman',
  summary:
    'Alice writes the same letter seven times, from wide open to packed as TLS does it. The postman reads what he can, changes what he can, and factors what is too small.',
  seed: 1,
  duration: '4 s',
  speed: 0.1,
  hosts: {
    alice: {
      label: 'Alice',
      position: { x: 0, y: 0.5 },
      app: 'letter-writer',
      to: 'postman',
      text: TEXT,
      tcp: { timeWait: '200 ms' },
    },
    postman: {
      label: 'Postman',
      position: { x: 0.5, y: 0.5 },
      app: 'letter-carrier',
      to: 'bob',
      replace: { '100': '900' },
      forgery: 'Dear Bob, please pay the postman 500 euros. Alice',
      tcp: { timeWait: '200 ms' },
    },
    bob: { label: 'Bob', position: { x: 1, y: 0.5 }, app: 'letter-reader', tcp: { timeWait: '200 ms' } },
  },
  links: [
    { between: ['alice', 'postman'], rate, delay: '20 ms' },
    { between: ['postman', 'bob'], rate, delay: '20 ms' },
  ],
  knobs: {
    method: {
      label: 'How Alice packs her letter',
      choices: [
        { value: 'all', label: 'each way in turn' },
        { value: 'plain', label: 'not at all', sets: { 'hosts.alice.methods': ['plain'] } },
        { value: 'shared-key', label: 'with a key both know', sets: { 'hosts.alice.methods': ['shared-key'] } },
        { value: 'hash', label: 'with a hash beside it', sets: { 'hosts.alice.methods': ['hash'] } },
        { value: 'rsa-by-hand', label: 'RSA by hand', sets: { 'hosts.alice.methods': ['rsa-by-hand'] } },
        { value: 'rsa-2048', label: 'RSA, 2048 bits', sets: { 'hosts.alice.methods': ['rsa-2048'] } },
        { value: 'signature', label: 'signed, in the open', sets: { 'hosts.alice.methods': ['signature'] } },
        { value: 'hybrid', label: 'hybrid, as in TLS', sets: { 'hosts.alice.methods': ['hybrid'] } },
      ],
    },
    mischief: {
      label: 'The postman',
      choices: [
        { value: 'none', label: 'only reads' },
        { value: 'change', label: 'changes letters' },
        { value: 'forge', label: 'puts his own in their place' },
      ],
      sets: 'hosts.postman.mischief',
      restart: true,
    },
    divisions: {
      label: 'Divisions he can do',
      help: 'To find the factors of a modulus.',
      range: [100, 100_000],
      scale: 'log',
      value: 20_000,
      sets: 'hosts.postman.divisions',
      restart: true,
    },
    loss: { label: 'Packet loss', help: 'On both links.', range: ['0 %', '10 %'], sets: ['links[0].loss', 'links[1].loss'] },
  },
  faults: ['drop', 'link', 'cut', 'kill'],
  views: ['events', 'inspector'],
  lesson: [
    {
      text: 'Alice writes to Bob, and **a postman** carries her letters. The first one is not packed at all. Press play, click its packet, and read it in the bytes; so does he.',
      until: { event: 'letter:read' },
    },
    {
      text: 'The second is packed with **a key that both know**. Look at its bytes: only the line in front can be read. But how did they come by that key?',
      until: { event: 'letter:unreadable' },
    },
    {
      text: 'The third has **a hash** beside it. It hides nothing. The fourth is **RSA by hand**: each character to the power of e, modulo n. Both numbers are public. The secret is which two primes make n, and n is small.',
      until: { event: 'letter:factored' },
    },
    {
      text: 'The fifth is the same with **617 digits** instead of four. He divides for a while, and gives up.',
      until: { event: 'letter:factoring-abandoned' },
    },
    {
      text: 'A **signature**, the sixth, hides nothing, but only Alice can make it. The **hybrid**, the seventh, is what TLS does: a key for this letter alone, agreed on in public, and a signature.',
      until: { time: '2 s' },
    },
    {
      text: 'Now let the postman **change letters**. What he can read he changes from 100 to 900; elsewhere he flips a bit. Which ones does Bob believe?',
      until: { intervention: 'set' },
    },
    {
      text: 'Last, let him **put his own letter in their place**. Bob’s public keys are known to him, too. Look what becomes of RSA with 2048 bits.',
    },
  ],
  claims: [
    {
      says: 'What is plain, hashed or signed the postman can read, and RSA with four digits as well; of a shared key, RSA with 2,048 bits and the hybrid he can read nothing.',
      cites: 'RFC 8439 section 2.8; RFC 8017 section 7.1',
      holds: whatHeReads,
    },
    {
      says: 'A hash does not keep a letter from being changed, nor does RSA by hand; a shared key, padding under a large modulus and a signature show it.',
      cites: 'RFC 8032 section 5.1; RFC 8439 section 4',
      holds: deception('letter:changed', 'changed', GUARDING),
    },
    {
      says: 'Encrypting to Bob’s public key does not say who wrote: a forged letter is refused only under a shared key or a signature.',
      cites: 'RFC 8017 section 7.1; RFC 8032 section 5.1.7',
      holds: deception('letter:forged', 'forged', PROVING),
    },
    {
      says: 'A modulus of four digits falls by trial division, one of 2,048 bits does not.',
      cites: 'RFC 8017 section 3.1',
      holds: factoring,
    },
    {
      says: 'A shared key costs 28 bytes, a hash 32, a signature 64, the hybrid 112; a letter under RSA with 2,048 bits has 256 bytes, whatever it says.',
      cites: 'RFC 8439 section 2.8; RFC 8032 section 5.1.6; RFC 8017 section 7.1.1',
      holds: sizes,
    },
  ],
})
